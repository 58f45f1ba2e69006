"""Restores of a snapshot under running watches, which report the differences."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.watch import Watch
from explorer.drivers.consul import ConsulStore
from explorer.drivers.consul.restore_detector import RestoreDetector, is_abandoned
from explorer.model.address import Access, parse
from explorer.model.events import Deleted, Put, Resync, Started
from tests.drivers.error_cases import ANSWER_TIMEOUT
from tests.servers.consul import ConsulServer

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server() -> Iterator[ConsulServer]:
    """A server that the tests of this module restore."""
    with ConsulServer() as server:
        yield server
        sys.stdout.write(f"--- {server.name} said:\n{server.output}\n")


@pytest.fixture
async def store(server: ConsulServer) -> AsyncIterator[ConsulStore]:
    async with ConsulStore(parse(f"consul://{server.address}/test-{uuid.uuid4().hex[:8]}/"), Access()) as store:
        yield store


async def restore_snapshot(server: ConsulServer, snapshot: bytes) -> None:
    status, answer = await asyncio.to_thread(server.http, "PUT", "/v1/snapshot", snapshot)
    assert status == 200, answer


async def save_snapshot(server: ConsulServer) -> bytes:
    status, snapshot = await asyncio.to_thread(server.http, "GET", "/v1/snapshot")
    assert status == 200
    return snapshot


async def wait_restored(events: Watch, expected: dict[str, bytes | None]) -> str:
    """Read events until they lead to the expected values, and return the reason of the Resync."""
    reason, values = "", dict[str, bytes | None]()
    async with asyncio.timeout(ANSWER_TIMEOUT):
        async for event in events:
            match event:
                case Resync(reason=reason):
                    values.clear()
                case Put(entry=entry):
                    values[entry.key] = entry.value
                case Deleted(key=key):
                    values[key] = None
            if reason and expected.items() <= values.items():
                return reason
    raise AssertionError("a watch does not end")


@pytest.mark.parametrize("written", [None, "1", "5", "elsewhere"])
async def test_restore_is_reported_with_its_differences(
    server: ConsulServer, store: ConsulStore, written: str | None
) -> None:
    """Watches of keys and of the tree report it, also with a write right after the restore."""
    await store.put("1", b"OLD")
    await store.put("//odd", b"OLD")
    snapshot = await save_snapshot(server)
    for key in ("1", "9", "//odd"):
        await store.put(key, b"NEW")
    async with (
        store.watch_tree("") as tree,
        store.watch("1") as one,
        store.watch("9") as gone,
        store.watch("//odd") as odd,
    ):
        for events in (tree, one, gone, odd):
            assert isinstance(await anext(events), Started)
        await restore_snapshot(server, snapshot)
        if written:
            root = "other" if written == "elsewhere" else store.address.path.rstrip("/")
            await asyncio.to_thread(server.json, "PUT", f"/v1/kv/{root}/{written}", b"LATER")
        first = b"LATER" if written == "1" else b"OLD"
        reasons = [
            await wait_restored(tree, {"1": first, "9": None, "//odd": b"OLD"}),
            await wait_restored(one, {"1": first}),
            await wait_restored(gone, {"9": None}),
            await wait_restored(odd, {"//odd": b"OLD"}),
        ]
        assert all("restored from an older state" in reason for reason in reasons), reasons
        await store.put("1", b"afterwards")
        await store.put("2", b"afterwards")
        async with asyncio.timeout(ANSWER_TIMEOUT):
            async for event in tree:
                if isinstance(event, Put) and event.entry.key == "2":
                    break


async def test_restore_is_noticed_during_constant_writes(server: ConsulServer, store: ConsulStore) -> None:
    """A watch that nearly always reads and seldom waits notices it, too."""
    await store.put("1", b"OLD")
    snapshot = await save_snapshot(server)
    await store.put("1", b"NEW")

    async def write() -> None:
        number = 0
        while True:
            await asyncio.to_thread(server.http, "PUT", f"/v1/kv/{store.address.path}busy", b"%d" % number)
            number += 1

    async with store.watch_tree("") as events:
        assert isinstance(await anext(events), Started)
        writing = asyncio.create_task(write())
        async with asyncio.timeout(ANSWER_TIMEOUT):
            async for event in events:
                if isinstance(event, Put):
                    break
        await restore_snapshot(server, snapshot)
        assert await wait_restored(events, {"1": b"OLD"})
        writing.cancel()


async def test_ping_index_that_goes_back_is_a_restore(server: ConsulServer, store: ConsulStore) -> None:
    """A ping with an older index than the known one is a restore; answers may overtake each other."""
    detector = RestoreDetector(lambda *_: asyncio.sleep(60, 1), Tasks())
    detector.observe(7, before=0)
    detector.observe(5, before=0)
    assert (detector.count, detector.newest_index) == (0, 7), "an answer that was overtaken"
    waiting = asyncio.create_task(detector.next(0))
    detector.observe(5, before=7)
    await waiting
    assert (detector.count, detector.newest_index) == (1, 5)
    assert is_abandoned(5, 5, 1.0, 45.0)
    assert not is_abandoned(5, 5, 45.1, 45.0), "the query was over"
    snapshot = await save_snapshot(server)
    await store.put("1", b"NEW")
    before = await store.ping()
    await restore_snapshot(server, snapshot)
    assert before != await store.ping()
    assert store.connection.restores.count == 1
