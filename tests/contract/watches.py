import asyncio

import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError
from explorer.model.events import Deleted, Put, Resync, Started
from tests.contract.fixtures import PATIENCE, TTL, DriverFixtures, changes, fill, lacks, needs, take, timed, told
from tests.servers.waiting import eventually


@needs(Capability.WATCH)
class Watching(DriverFixtures):
    """Changes told as they happen."""

    async def test_watch(self, store: Store, other: Store) -> None:
        """As libkv's Watch (W1): the value as it is first, then each change; the key as the caller wrote it."""
        seen = await store.put("testWatch", b"world")
        async with store.watch("testWatch") as events:
            started = (await take(events, 1))[0]
            assert isinstance(started, Started)
            assert started.entry == seen
            for _ in range(2):
                await other.put("testWatch", b"world!")
                assert told(await changes(events, 1)) == [("testWatch", b"world!")]

    async def test_watch_tree(self, store: Store, other: Store) -> None:
        """As libkv's WatchTree (W2): a deleted child is told."""
        await fill(store, "testWatchTree/node1", "testWatchTree/node2", "testWatchTree/node3")
        async with store.watch_tree("testWatchTree") as events:
            assert isinstance((await take(events, 1))[0], Started)
            await other.delete("testWatchTree/node3")
            assert told(await changes(events, 1)) == [("testWatchTree/node3", None)]

    async def test_a_key_that_does_not_exist_yet_is_watched(self, store: Store, other: Store) -> None:
        async with store.watch("absent") as events:
            started = (await take(events, 1))[0]
            assert isinstance(started, Started)
            assert started.entry is None
            await other.put("absent", b"born")
            assert told(await changes(events, 1)) == [("absent", b"born")]
            await other.delete("absent")
            assert told(await changes(events, 1)) == [("absent", None)]
            await other.put("absent", b"born again")
            assert told(await changes(events, 1)) == [("absent", b"born again")]

    async def test_events_carry_the_entries_that_were_written(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as events:
            for key, value in (("top/a", b"one"), ("top/a", b"two"), ("top/b", b"")):
                written = await other.put(key, value)
                (event,) = await changes(events, 1)
                assert isinstance(event, Put)
                found = event.entry
                assert (found.key, found.value, found.revision, found.created) == (
                    (written.key, written.value, written.revision, written.created)
                )

    @needs(Capability.PREVIOUS)
    async def test_events_carry_the_entry_before(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as events:
            await other.put("top/a", b"one")
            await other.put("top/a", b"two")
            await other.delete("top/a")
            before = [event.previous and event.previous.value for event in await changes(events, 3)]
            assert before == [None, b"one", b"two"]

    async def test_watching_foo_never_means_foobar(self, store: Store, other: Store) -> None:
        async with store.watch_tree("foo") as tree, store.watch("foo") as single:
            for key in self.possible("foobar", "foo-", "foo0", "foobar/below"):
                await other.put(key, b"beside")
            await other.put("foo", b"itself")
            assert told(await changes(single, 1)) == [("foo", b"itself")]
            if Capability.NESTING not in self.driver.capabilities:
                await other.delete("foo")
                assert told(await changes(single, 1)) == [("foo", None)]
            await other.put("foo/below", b"below")
            assert told(await changes(tree, 1)) == [("foo/below", b"below")]
            if Capability.NESTING in self.driver.capabilities:
                await other.put("foo", b"the end")
                assert told(await changes(single, 1)) == [("foo", b"the end")]

    async def test_everything_below_the_address_is_watched(self, store: Store) -> None:
        async with self.connection("deeper") as deeper, deeper.watch_tree("") as events:
            await store.put("deeper-not", b"beside")
            await store.put("deeper/a/b", b"below")
            found = told(await changes(events, len(self.entries("a/b"))))
            assert [key for key, _ in found] == self.entries("a/b")
            assert found[-1] == ("a/b", b"below")

    @needs(Capability.EVERY_CHANGE)
    async def test_two_watchers_are_told_the_same(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as first, other.watch_tree("top") as second:
            for number in range(20):
                await store.put(f"top/{number % 3}", f"{number}".encode())
            one, two = await changes(first, 20), await changes(second, 20)
            assert told(one) == told(two) == [(f"top/{number % 3}", f"{number}".encode()) for number in range(20)]

    async def test_a_deleted_tree_is_told_key_by_key(self, store: Store, other: Store) -> None:
        await fill(store, "top/a", "top/b/c", "top/d")
        async with store.watch_tree("top") as events:
            await other.delete_tree("top")
            gone = [key for key in self.entries("top/a", "top/b/c", "top/d") if key != "top"]
            assert sorted(told(await changes(events, len(gone)))) == [(key, None) for key in gone]

    @timed
    @needs(Capability.TTL)
    async def test_an_entry_that_ends_by_itself_is_told_as_deleted(self, store: Store, other: Store) -> None:
        async with store.watch("short") as events:
            await other.put("short", b"value", ttl=TTL)
            await self.advance(3)
            assert told(await changes(events, 2)) == [("short", b"value"), ("short", None)]

    async def test_a_read_that_is_cancelled_loses_no_event(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as events:
            await take(events, 1)
            for number in range(10):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(events), 0.01)
                reader = asyncio.create_task(changes(events, 1))
                await asyncio.sleep(0)
                await other.put("top/key", f"{number}".encode())
                assert told(await reader) == [("top/key", f"{number}".encode())]

    async def test_a_watch_that_is_left_leaves_no_task(self, store: Store, other: Store) -> None:
        async with store.watch_tree("warm-up") as events:
            await take(events, 1)
        before = asyncio.all_tasks()
        async with store.watch_tree("top") as events, store.watch("key") as more:
            await other.put("top/key", b"value")
            await changes(events, 1)
            await take(more, 1)
        await eventually(lambda: asyncio.all_tasks() <= before, "no task is left", PATIENCE)

    async def test_a_watcher_that_is_cancelled_leaves_no_task(self, store: Store) -> None:
        before = asyncio.all_tasks()
        established = asyncio.Event()

        async def watch() -> None:
            async with store.watch_tree("top") as events:
                async for _ in events:
                    established.set()

        watcher = asyncio.create_task(watch())
        async with asyncio.timeout(PATIENCE):
            await established.wait()
        watcher.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watcher
        await eventually(lambda: asyncio.all_tasks() <= before, "no task is left", PATIENCE)

    async def test_closing_the_store_ends_the_reader_with_an_error(self, other: Store) -> None:
        async with other.watch_tree("top") as events:
            await take(events, 1)
            reader = asyncio.create_task(changes(events, 1))
            await asyncio.sleep(0)
            await other.close()
            with pytest.raises(ExplorerError):
                await reader
            with pytest.raises(ExplorerError):
                await changes(events, 1)

    async def test_a_watch_of_a_closed_store_is_refused(self, other: Store) -> None:
        await other.close()
        with pytest.raises(ExplorerError):
            async with asyncio.timeout(PATIENCE), other.watch_tree("top") as events:
                await changes(events, 1)

    @needs(Capability.EVERY_CHANGE)
    async def test_a_reader_that_lags_behind_is_told_everything(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as events:
            for number in range(300):
                await other.put("top/key", f"{number}".encode())
            assert [value for _, value in told(await changes(events, 300))] == [
                f"{number}".encode() for number in range(300)
            ]

    @needs(Capability.EVERY_CHANGE)
    async def test_a_change_that_is_told_stands_for_itself_alone(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as events:
            for number in range(20):
                await other.put("top/key", f"{number}".encode())
            await other.delete("top/key")
            assert {event.coalesced for event in await changes(events, 21)} == {0}

    @needs(Capability.EVERY_DELETION)
    async def test_what_came_and_went_at_once_is_told_as_gone(self, store: Store, other: Store) -> None:
        async with store.watch_tree("top") as events:
            for number in range(10):
                await other.put(f"top/{number}", b"")
                await other.delete(f"top/{number}")
            await other.put("top/end", b"")
            gone: set[str] = set()
            (event,) = await changes(events, 1)
            while event.key != "top/end":
                gone |= {event.key} if isinstance(event, Deleted) else set()
                (event,) = await changes(events, 1)
            assert gone == {f"top/{number}" for number in range(10)}

    @lacks(Capability.EVERY_CHANGE)
    async def test_changes_that_are_folded_are_counted_and_the_last_one_is_told(
        self, store: Store, other: Store
    ) -> None:
        async with store.watch_tree("top") as tree, store.watch("top/key") as single:
            for number in range(99):
                await other.put("top/key", f"{number}".encode())
            last = await other.put("top/key", b"the last")
            for events in (tree, single):
                told_of = 0
                event = None
                while event is None or event.revision != last.revision:
                    (event,) = await changes(events, 1)
                    told_of += 1 + event.coalesced
                assert told_of >= 100
            await other.delete("top/key")
            assert told(await changes(tree, 1)) == told(await changes(single, 1)) == [("top/key", None)]


@needs(Capability.WATCH, Capability.RESUME)
class Resuming(DriverFixtures):
    """Watches that start after an earlier revision."""

    async def test_nothing_is_lost_between_a_listing_and_a_watch(self, store: Store, other: Store) -> None:
        since = (await fill(store, "top/a", "top/b"))[-1].revision
        assert (await store.list("top")).revision in (since, None)
        put = await other.put("top/a", b"changed in between")
        await other.delete("top/b")
        async with store.watch_tree("top", since=since) as events:
            changed, deleted = await changes(events, 2)
            assert (changed.key, changed.revision, changed.inferred) == ("top/a", put.revision, False)
            assert (deleted.key, deleted.inferred) == ("top/b", False)
            assert deleted.revision is not None

    async def test_nothing_is_lost_between_a_read_and_a_watch(self, store: Store, other: Store) -> None:
        seen = await store.put("key", b"seen")
        later = await other.put("key", b"later")
        async with store.watch("key", since=seen.revision) as events:
            assert [event.revision for event in await changes(events, 1)] == [later.revision]

    async def test_the_past_is_told_in_order_with_its_revisions(self, store: Store) -> None:
        start = (await store.put("top/start", b"")).revision
        revisions = [(await store.put(f"top/{number % 4}", f"{number}".encode())).revision for number in range(30)]
        async with store.watch_tree("top", since=start) as events:
            found = await changes(events, 30)
            assert [event.revision for event in found] == revisions
            assert [value for _, value in told(found)] == [f"{number}".encode() for number in range(30)]

    async def test_a_watch_can_be_left_and_gone_on_with(self, store: Store, other: Store) -> None:
        seen: Revision = (await store.put("top/start", b"")).revision
        found = []
        for number in range(6):
            await other.put("top/key", f"{number}".encode())
            async with store.watch_tree("top", since=seen) as events:
                event = (await changes(events, 1))[0]
            found.append(event)
            assert event.revision is not None
            seen = event.revision
        assert [value for _, value in told(found)] == [f"{number}".encode() for number in range(6)]

    async def test_lost_history_is_said_and_made_up_for(self, store: Store, other: Store) -> None:
        """After a compaction the state is read again; with what the watcher knows, deletions are told too."""
        since = (await fill(store, "top/same", "top/changed", "top/gone"))[-1].revision
        page = await store.list("top")
        known = {entry.key: entry.revision for entry in page.items}
        changed = await other.put("top/changed", b"new")
        await other.delete("top/gone")
        created = await other.put("top/created", b"new")
        await self.compact(store)
        async with store.watch_tree("top", since=since, known=known) as events:
            started, resync = await take(events, 2)
            assert isinstance(started, Started)
            assert isinstance(resync, Resync)
            assert resync.since == since
            assert resync.reason
            found = {event.key: event for event in await changes(events, 3)}
            assert all(event.inferred for event in found.values())
            assert {key: event.revision for key, event in found.items() if isinstance(event, Put)} == {
                "top/changed": changed.revision,
                "top/created": created.revision,
            }
            assert isinstance(found["top/gone"], Deleted)
            written = await other.put("top/same", b"after")
            event = (await changes(events, 1))[0]
            assert (event.key, event.revision, event.inferred) == ("top/same", written.revision, False)

    async def test_lost_history_of_a_single_key(self, store: Store, other: Store) -> None:
        seen = await store.put("key", b"seen")
        now = await other.put("key", b"now")
        await other.put("key-beside", b"beside")
        await self.compact(store)
        async with store.watch("key", since=seen.revision) as events:
            started, resync, put = await take(events, 3)
            assert isinstance(started, Started)
            assert isinstance(resync, Resync)
            assert isinstance(put, Put)
            assert (put.entry.value, put.revision, put.inferred) == (b"now", now.revision, True)
            await other.delete("key")
            assert told(await changes(events, 1)) == [("key", None)]

    async def test_a_revision_of_now_has_no_past(self, store: Store, other: Store) -> None:
        since = (await fill(store, "top/a", "top/b"))[-1].revision
        async with store.watch_tree("top", since=since) as events:
            await other.put("top/c", b"first")
            assert told(await changes(events, 1)) == [("top/c", b"first")]
