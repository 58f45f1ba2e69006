import asyncio

import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError
from explorer.model.events import Deleted, Put, Resync, Started
from tests.contract.fixtures import (
    MIN_TTL,
    WAIT_TIMEOUT,
    DriverFixtures,
    keys_and_values,
    lacks,
    needs,
    put_all,
    take_changes,
    take_events,
    timed,
)
from tests.servers.waiting import eventually


@needs(Capability.WATCH)
class WatchContract(DriverFixtures):
    """Watches that report changes as they happen."""

    async def test_watch(self, store: Store, other: Store) -> None:
        """As libkv's Watch (W1): first the current value, then each change, with the key as the caller wrote it."""
        seen = await store.put("testWatch", b"world")
        async with store.watch("testWatch") as events:
            started = (await take_events(events, 1))[0]
            assert isinstance(started, Started)
            assert started.entry == seen
            distinct = Capability.DISTINCT_REVISIONS in self.driver.capabilities
            for value in (b"world!", b"world!" if distinct else b"world?"):
                await other.put("testWatch", value)
                assert keys_and_values(await take_changes(events, 1)) == [("testWatch", value)]

    async def test_watch_tree(self, store: Store, other: Store) -> None:
        """As libkv's WatchTree (W2): the deletion of a child is reported."""
        await put_all(store, "testWatchTree/node1", "testWatchTree/node2", "testWatchTree/node3")
        async with store.watch_tree("testWatchTree") as events:
            assert isinstance((await take_events(events, 1))[0], Started)
            await other.delete("testWatchTree/node3")
            assert keys_and_values(await take_changes(events, 1)) == [("testWatchTree/node3", None)]

    async def test_watch_of_a_missing_key_reports_its_creation(self, store: Store, other: Store) -> None:
        """Its deletion and its next creation are reported, too."""
        async with store.watch("absent") as events:
            started = (await take_events(events, 1))[0]
            assert isinstance(started, Started)
            assert started.entry is None
            await other.put("absent", b"born")
            assert keys_and_values(await take_changes(events, 1)) == [("absent", b"born")]
            await other.delete("absent")
            assert keys_and_values(await take_changes(events, 1)) == [("absent", None)]
            await other.put("absent", b"born again")
            assert keys_and_values(await take_changes(events, 1)) == [("absent", b"born again")]

    async def test_events_have_the_entries_that_were_written(self, store: Store, other: Store) -> None:
        """Key, value, revision and creation are those that put returned."""
        async with store.watch_tree("top") as events:
            for key, value in (("top/a", b"one"), ("top/a", b"two"), ("top/b", b"")):
                written = await other.put(key, value)
                (event,) = await take_changes(events, 1)
                assert isinstance(event, Put)
                found = event.entry
                assert (found.key, found.value, found.revision, found.created) == (
                    (written.key, written.value, written.revision, written.created)
                )

    async def test_event_of_a_new_key_is_a_creation(self, store: Store, other: Store) -> None:
        """Of every store, once it is watched and read; a change is none, and a deleted key is new again."""
        await put_all(store, "top/beside")
        async with store.watch_tree("top") as events:
            await store.children("top")
            for value, expected in ((b"one", True), (b"two", False), (None, False), (b"three", True)):
                await (other.delete("top/a") if value is None else other.put("top/a", value))
                (event,) = await take_changes(events, 1)
                assert (isinstance(event, Put) and event.is_creation) is expected, value

    @needs(Capability.PREVIOUS)
    async def test_events_have_the_previous_entry(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as events:
            await other.put("top/a", b"one")
            await other.put("top/a", b"two")
            await other.delete("top/a")
            before = [event.previous and event.previous.value for event in await take_changes(events, 3)]
            assert before == [None, b"one", b"two"]

    async def test_watch_of_foo_excludes_foobar(self, store: Store, other: Store) -> None:
        """A watch of a key excludes keys below it, and a watch of a tree excludes keys that begin alike."""
        async with store.watch_tree("foo") as tree, store.watch("foo") as single:
            for key in self.storable_keys("foobar", "foo-", "foo0", "foobar/below"):
                await other.put(key, b"beside")
            await other.put("foo", b"itself")
            assert keys_and_values(await take_changes(single, 1)) == [("foo", b"itself")]
            if Capability.NESTING not in self.driver.capabilities:
                await other.delete("foo")
                assert keys_and_values(await take_changes(single, 1)) == [("foo", None)]
            await other.put("foo/below", b"below")
            assert keys_and_values(await take_changes(tree, 1)) == [("foo/below", b"below")]
            if Capability.NESTING in self.driver.capabilities:
                await other.put("foo", b"the end")
                assert keys_and_values(await take_changes(single, 1)) == [("foo", b"the end")]

    async def test_watch_tree_of_everything_stays_below_the_address(self, store: Store) -> None:
        """Keys are relative to the path of the address."""
        async with self.connection("deeper") as deeper, deeper.watch_tree("") as events:
            await store.put("deeper-not", b"beside")
            await store.put("deeper/a/b", b"below")
            found = keys_and_values(await take_changes(events, len(self.expected_keys("a/b"))))
            assert [key for key, _ in found] == self.expected_keys("a/b")
            assert found[-1] == ("a/b", b"below")

    @needs(Capability.EVERY_CHANGE)
    async def test_two_watches_report_the_same_changes(self, store: Store, other: Store) -> None:
        """The watches are on two connections."""
        async with store.watch_tree("top") as first, other.watch_tree("top") as second:
            for number in range(20):
                await store.put(f"top/{number % 3}", f"{number}".encode())
            one, two = await take_changes(first, 20), await take_changes(second, 20)
            assert (
                keys_and_values(one)
                == keys_and_values(two)
                == [(f"top/{number % 3}", f"{number}".encode()) for number in range(20)]
            )

    async def test_watch_tree_reports_each_key_of_a_deleted_tree(self, store: Store, other: Store) -> None:
        await put_all(store, "top/a", "top/b/c", "top/d")
        async with store.watch_tree("top") as events:
            await other.delete_tree("top")
            gone = [key for key in self.expected_keys("top/a", "top/b/c", "top/d") if key != "top"]
            assert sorted(keys_and_values(await take_changes(events, len(gone)))) == [(key, None) for key in gone]

    @timed
    @needs(Capability.TTL)
    async def test_watch_reports_an_expired_entry_as_deleted(self, store: Store, other: Store) -> None:
        async with store.watch("short") as events:
            await other.put("short", b"value", ttl=MIN_TTL)
            await self.advance(3)
            assert keys_and_values(await take_changes(events, 2)) == [("short", b"value"), ("short", None)]

    async def test_cancelled_read_loses_no_event(self, store: Store, other: Store) -> None:
        """The next read returns the event."""
        async with store.watch_tree("top") as events:
            await take_events(events, 1)
            for number in range(10):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(events), 0.01)
                reader = asyncio.create_task(take_changes(events, 1))
                await asyncio.sleep(0)
                await other.put("top/key", f"{number}".encode())
                assert keys_and_values(await reader) == [("top/key", f"{number}".encode())]

    async def test_closed_watch_leaves_no_task(self, store: Store, other: Store) -> None:
        async with store.watch_tree("warm-up") as events:
            await take_events(events, 1)
        before = asyncio.all_tasks()
        async with store.watch_tree("top") as events, store.watch("key") as more:
            await other.put("top/key", b"value")
            await take_changes(events, 1)
            await take_events(more, 1)
        await eventually(lambda: asyncio.all_tasks() <= before, "no task is left", WAIT_TIMEOUT)

    async def test_cancelled_watch_leaves_no_task(self, store: Store) -> None:
        before = asyncio.all_tasks()
        established = asyncio.Event()

        async def watch() -> None:
            async with store.watch_tree("top") as events:
                async for _ in events:
                    established.set()

        watcher = asyncio.create_task(watch())
        async with asyncio.timeout(WAIT_TIMEOUT):
            await established.wait()
        watcher.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watcher
        await eventually(lambda: asyncio.all_tasks() <= before, "no task is left", WAIT_TIMEOUT)

    async def test_close_of_the_store_raises_in_its_watches(self, other: Store) -> None:
        """A read that waits ends with an error, and so does each later one."""
        async with other.watch_tree("top") as events:
            await take_events(events, 1)
            reader = asyncio.create_task(take_changes(events, 1))
            await asyncio.sleep(0)
            await other.close()
            with pytest.raises(ExplorerError):
                await reader
            with pytest.raises(ExplorerError):
                await take_changes(events, 1)

    async def test_watch_of_a_closed_store_is_refused(self, other: Store) -> None:
        await other.close()
        with pytest.raises(ExplorerError):
            async with asyncio.timeout(WAIT_TIMEOUT), other.watch_tree("top") as events:
                await take_changes(events, 1)

    @needs(Capability.EVERY_CHANGE)
    async def test_slow_reader_gets_every_change(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as events:
            for number in range(300):
                await other.put("top/key", f"{number}".encode())
            assert [value for _, value in keys_and_values(await take_changes(events, 300))] == [
                f"{number}".encode() for number in range(300)
            ]

    @needs(Capability.EVERY_CHANGE)
    async def test_events_of_every_change_are_not_coalesced(self, store: Store, other: Store) -> None:
        """A store that reports every change counts no coalesced ones."""
        async with store.watch_tree("top") as events:
            for number in range(20):
                await other.put("top/key", f"{number}".encode())
            await other.delete("top/key")
            assert {event.coalesced for event in await take_changes(events, 21)} == {0}

    @needs(Capability.EVERY_DELETION)
    async def test_short_lived_keys_are_reported_as_deleted(self, store: Store, other: Store) -> None:
        """A key that is deleted right after its creation is reported at least as deleted."""
        async with store.watch_tree("top") as events:
            for number in range(10):
                await other.put(f"top/{number}", b"")
                await other.delete(f"top/{number}")
            await other.put("top/end", b"")
            gone: set[str] = set()
            (event,) = await take_changes(events, 1)
            while event.key != "top/end":
                gone |= {event.key} if isinstance(event, Deleted) else set()
                (event,) = await take_changes(events, 1)
            assert gone == {f"top/{number}" for number in range(10)}

    @lacks(Capability.EVERY_CHANGE)
    async def test_coalesced_changes_are_counted(self, store: Store, other: Store) -> None:
        """The last change is always reported; no change goes uncounted in a store that counts its writes."""
        async with store.watch_tree("top") as tree, store.watch("top/key") as single:
            for number in range(99):
                await other.put("top/key", f"{number}".encode())
            last = await other.put("top/key", b"the last")
            for events in (tree, single):
                reported = 0
                event = None
                while event is None or event.revision != last.revision:
                    (event,) = await take_changes(events, 1)
                    reported += 1 + event.coalesced
                assert reported >= 100 or not self.counts_changes
            await other.delete("top/key")
            assert (
                keys_and_values(await take_changes(tree, 1))
                == keys_and_values(await take_changes(single, 1))
                == [("top/key", None)]
            )


@needs(Capability.WATCH, Capability.RESUME)
class ResumeContract(DriverFixtures):
    """Watches that start after an earlier revision."""

    async def test_watch_tree_since_a_listing_loses_no_change(self, store: Store, other: Store) -> None:
        """Changes between the listing and the watch are reported, and none as inferred."""
        since = (await put_all(store, "top/a", "top/b"))[-1].revision
        assert (await store.list("top")).revision in (since, None)
        put = await other.put("top/a", b"changed in between")
        await other.delete("top/b")
        async with store.watch_tree("top", since=since) as events:
            changed, deleted = await take_changes(events, 2)
            assert (changed.key, changed.revision, changed.inferred) == ("top/a", put.revision, False)
            assert (deleted.key, deleted.inferred) == ("top/b", False)
            assert deleted.revision is not None

    async def test_watch_since_a_read_loses_no_change(self, store: Store, other: Store) -> None:
        seen = await store.put("key", b"seen")
        later = await other.put("key", b"later")
        async with store.watch("key", since=seen.revision) as events:
            assert [event.revision for event in await take_changes(events, 1)] == [later.revision]

    async def test_watch_since_a_revision_reports_changes_in_order(self, store: Store) -> None:
        """Each change has its revision."""
        start = (await store.put("top/start", b"")).revision
        revisions = [(await store.put(f"top/{number % 4}", f"{number}".encode())).revision for number in range(30)]
        async with store.watch_tree("top", since=start) as events:
            found = await take_changes(events, 30)
            assert [event.revision for event in found] == revisions
            assert [value for _, value in keys_and_values(found)] == [f"{number}".encode() for number in range(30)]

    async def test_watch_resumes_after_it_was_closed(self, store: Store, other: Store) -> None:
        """A watch since the last event of the one before continues with the next change."""
        seen: Revision = (await store.put("top/start", b"")).revision
        found = []
        for number in range(6):
            await other.put("top/key", f"{number}".encode())
            async with store.watch_tree("top", since=seen) as events:
                event = (await take_changes(events, 1))[0]
            found.append(event)
            assert event.revision is not None
            seen = event.revision
        assert [value for _, value in keys_and_values(found)] == [f"{number}".encode() for number in range(6)]

    async def test_watch_tree_since_a_compacted_revision_resyncs(self, store: Store, other: Store) -> None:
        """After a compaction the state is read again; with what the watcher knows, deletions are reported, too."""
        since = (await put_all(store, "top/same", "top/changed", "top/gone"))[-1].revision
        page = await store.list("top")
        known = {entry.key: entry.revision for entry in page.items}
        changed = await other.put("top/changed", b"new")
        await other.delete("top/gone")
        created = await other.put("top/created", b"new")
        await self.compact(store)
        async with store.watch_tree("top", since=since, known=known) as events:
            started, resync = await take_events(events, 2)
            assert isinstance(started, Started)
            assert isinstance(resync, Resync)
            assert resync.since == since
            assert resync.reason
            found = {event.key: event for event in await take_changes(events, 3)}
            assert all(event.inferred for event in found.values())
            assert {key: event.revision for key, event in found.items() if isinstance(event, Put)} == {
                "top/changed": changed.revision,
                "top/created": created.revision,
            }
            assert isinstance(found["top/gone"], Deleted)
            written = await other.put("top/same", b"after")
            event = (await take_changes(events, 1))[0]
            assert (event.key, event.revision, event.inferred) == ("top/same", written.revision, False)

    async def test_watch_since_a_compacted_revision_resyncs(self, store: Store, other: Store) -> None:
        """The current entry is reported as inferred, and the next change follows."""
        seen = await store.put("key", b"seen")
        now = await other.put("key", b"now")
        await other.put("key-beside", b"beside")
        await self.compact(store)
        async with store.watch("key", since=seen.revision) as events:
            started, resync, put = await take_events(events, 3)
            assert isinstance(started, Started)
            assert isinstance(resync, Resync)
            assert isinstance(put, Put)
            assert (put.entry.value, put.revision, put.inferred) == (b"now", now.revision, True)
            await other.delete("key")
            assert keys_and_values(await take_changes(events, 1)) == [("key", None)]

    async def test_watch_since_the_current_revision_has_no_past(self, store: Store, other: Store) -> None:
        """The first event is the next change."""
        since = (await put_all(store, "top/a", "top/b"))[-1].revision
        async with store.watch_tree("top", since=since) as events:
            await other.put("top/c", b"first")
            assert keys_and_values(await take_changes(events, 1)) == [("top/c", b"first")]
