"""The watcher: gaps in the history, callbacks that wait or cancel, and keys that were there before."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from explorer.broker import Broker, ChangeEvent, Watcher
from explorer.drivers.memory import Database, MemoryStore
from explorer.model.address import parse
from explorer.model.capabilities import Capability
from explorer.model.errors import CallNotSupported, NotReachable
from tests.servers.waiting import eventually

WAIT_TIMEOUT = 30.0


class StoreWithoutPrevious(MemoryStore):
    """A store that does not report previous values, as Consul and ZooKeeper do not."""

    capabilities = MemoryStore.capabilities & ~Capability.PREVIOUS


class StoreWithoutWatches(MemoryStore):
    """A store that refuses watches, as the contract has it."""

    capabilities = MemoryStore.capabilities & ~Capability.WATCH

    def watch_tree(self, prefix: str, **_: object) -> None:  # type: ignore[override] # never returns
        self._refuse(Capability.WATCH, prefix)


@pytest.fixture(params=[MemoryStore, StoreWithoutPrevious])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[MemoryStore]:
    async with request.param(parse("memory:"), database=Database()) as store:
        yield store


def summary(changes: list[ChangeEvent[bytes]]) -> list[tuple[str, bytes | None, bytes | None, bool]]:
    return [(change.key, change.value, change.previous_value, change.inferred) for change in changes]


async def test_gap_in_the_history_is_closed(store: MemoryStore) -> None:
    """The connection is lost and the history compacted: what changed and what is gone is reported, with what was."""
    writer, changes = MemoryStore(store.address, database=store.database), list[ChangeEvent[bytes]]()
    broker = Broker(writer, "top")
    for key in ("changed", "deleted", "kept"):
        await broker.put(key, b"before")
    async with await Watcher(store, "top").watch(changes.append):
        store.cut()
        await broker.put("changed", b"after")
        await broker.put("new", b"after")
        await broker.delete("deleted")
        store.database.compact()
        store.mend()
        await eventually(lambda: len(changes) == 3, "all are reported", WAIT_TIMEOUT)
        await broker.put("kept", b"after")
        await eventually(lambda: len(changes) == 4, "changes go on", WAIT_TIMEOUT)
    found = sorted(summary(changes[:3]))
    assert [(key, value, inferred) for key, value, _, inferred in found] == [
        ("changed", b"after", True),
        ("deleted", None, True),
        ("new", b"after", True),
    ]
    assert summary(changes[3:]) == [("kept", b"after", b"before", False)]
    if Capability.PREVIOUS not in store.capabilities:
        assert [previous for _, _, previous, _ in found] == [b"before", b"before", None]


async def test_lost_connection_loses_no_change(store: MemoryStore) -> None:
    """Where the history is kept, every change follows."""
    writer, changes = MemoryStore(store.address, database=store.database), list[ChangeEvent[bytes]]()
    async with await Watcher(store, "top").watch(changes.append):
        store.cut()
        for number in range(3):
            await writer.put("top/key", b"%d" % number)
        store.mend()
        await eventually(lambda: len(changes) == 3, "all are reported", WAIT_TIMEOUT)
    assert summary(changes) == [("key", b"0", None, False), ("key", b"1", b"0", False), ("key", b"2", b"1", False)]


async def test_callbacks_run_one_after_the_other(store: MemoryStore) -> None:
    """Also those of several keys; a slow one delays no write."""
    running, most, done = 0, 0, 0
    release = asyncio.Event()

    async def on_change(_: ChangeEvent[bytes]) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await release.wait()
        await asyncio.sleep(0)
        running -= 1
        done += 1

    async with await Watcher(store).watch(on_change, "one/", "two/"):
        for number in range(10):
            await store.put(f"{('one', 'two')[number % 2]}/{number}", b"")
        await eventually(lambda: running == 1, "the first is called", WAIT_TIMEOUT)
        release.set()
        await eventually(lambda: done == 10, "all are called", WAIT_TIMEOUT)
    assert most == 1


async def test_callback_can_cancel_its_own_watch(store: MemoryStore) -> None:
    """It is not called again, and neither is anybody else."""
    calls: list[str] = []

    async def on_change(change: ChangeEvent[bytes]) -> None:
        calls.append(change.key)
        await registration.cancel()

    registration = await Watcher(store).watch(on_change, "one/", "two/")
    await store.put("one/a", b"")
    await eventually(lambda: bool(calls) and not registration.keys, "it has ended", WAIT_TIMEOUT)
    await store.put("two/a", b"")
    async with asyncio.timeout(WAIT_TIMEOUT):
        await registration.wait()
    assert calls == ["one/a"]


async def test_key_that_is_added_twice_is_reported_once(store: MemoryStore) -> None:
    changes: list[ChangeEvent[bytes]] = []
    async with await Watcher(store).watch(changes.append, "one/") as registration:
        await registration.add("one/")
        await registration.add("two/")
        await store.put("one/a", b"")
        await store.put("two/a", b"")
        await store.put("one/b", b"")
        await store.put("two/b", b"")
        await eventually(lambda: len(changes) >= 4, "all are reported", WAIT_TIMEOUT)
    assert sorted(change.key for change in changes) == ["one/a", "one/b", "two/a", "two/b"]


async def test_closed_store_ends_the_watch(store: MemoryStore) -> None:
    registration = await Watcher(store).watch(lambda _: None)
    await store.close()
    with pytest.raises(NotReachable):
        await registration.wait()
    assert registration.keys == ()


async def test_watch_that_cannot_start_leaves_none_behind() -> None:
    """Of several keys, too."""
    async with StoreWithoutWatches(parse("memory:")) as store:
        with pytest.raises(CallNotSupported, match="watch"):
            await Watcher(store).watch(lambda _: None, "one/", "two/")
        assert len(store.tasks) == 0


async def test_key_that_was_written_while_the_watch_starts(store: MemoryStore) -> None:
    """It is reported at most once, and what the reading at the start had already is not its own previous value."""
    changes: list[ChangeEvent[bytes]] = []
    starting = asyncio.create_task(Watcher(store, "top").watch(changes.append))
    for number in range(50):
        await store.put("top/key", b"%d" % number)
        await asyncio.sleep(0)
    async with await starting:
        await store.put("top/key", b"last")
        await eventually(lambda: bool(changes) and changes[-1].value == b"last", "the last is reported", WAIT_TIMEOUT)
    assert all(change.value != change.previous_value for change in changes)
    assert changes[-1].previous_value == b"49"
