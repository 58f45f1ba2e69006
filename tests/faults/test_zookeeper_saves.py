"""ZooKeeper killed, cut off and robbed of its answers while people save: no save is told to be what it was not."""

import asyncio
import random
import sys
from typing import TypeVar

import pytest

from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.drivers.zookeeper.messages import Request
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, NotReachable
from tests.faults.editors import Editors
from tests.faults.save_checker import SaveResult
from tests.faults.test_zookeeper import open_store
from tests.faults.timeouts import hurried, hurry
from tests.scale import PATIENCE, figure, seed
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.faults

Answer = TypeVar("Answer")

EDITORS = 4
ROUNDS = figure(short=3, long=40)
DELETE, SET_DATA, CREATE2 = 2, 5, 15
WINDOW = 25
"""Attempts that each fault meets, at least."""
TIMEOUT = 0.5
"""Seconds that an editor's request may take before its outcome is in doubt."""


async def test_no_update_is_lost_and_no_editor_is_told_a_lie(own_zookeeper: ZooKeeperServer) -> None:
    chosen = seed()
    sys.stdout.write(f"saves: seed {chosen}\n")
    choice = random.Random(chosen)
    editors = Editors()

    async def progress() -> None:
        until = len(editors.told) + WINDOW
        await eventually(lambda: len(editors.told) >= until, "the editors go on", PATIENCE)

    async with FaultProxy(own_zookeeper.port) as proxy, open_store(own_zookeeper.address) as direct:
        await direct.put("hot", b"")
        stores = [open_store(proxy.address, timeout=PATIENCE) for _ in range(EDITORS)]
        for store in stores:
            await store.connect()
            await hurried(store, TIMEOUT)
        tasks = [asyncio.create_task(editors.edit(store)) for store in stores]
        try:
            for _ in range(ROUNDS):
                await progress()
                proxy.drop_replies()
                await asyncio.sleep(choice.uniform(0.05, 0.8))  # the fault's own length
                proxy.heal()
                await progress()
                proxy.reset_connections()
                await progress()
                own_zookeeper.kill()
                await asyncio.to_thread(own_zookeeper.start)
            await progress()
            editors.over = True
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            for store in stores:
                await store.close()

        async def last() -> bool:
            try:
                return (await direct.get("hot")).value is not None
            except NotReachable:
                return False

        await eventually(last, "the store is there", PATIENCE)
        entry = await direct.get("hot")
        told = list(editors.told.values())
        sys.stdout.write(f"saves: {len(told)} attempts, { ({kind.name: told.count(kind) for kind in SaveResult}) }\n")
        assert editors.misjudged(entry.value or b"") == []
        assert entry.version == len((entry.value or b"").split())
        assert told.count(SaveResult.SAVED) >= WINDOW * ROUNDS


async def test_a_save_that_was_answered_is_told_as_saved_though_nothing_can_be_read_after_it(
    shared_zookeeper: ZooKeeperServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        open_store(proxy.address, prefix, timeout=PATIENCE) as store,
        open_store(shared_zookeeper.address, prefix) as beside,
    ):
        before = await store.put("node", b"before")
        hurry(store, TIMEOUT)
        send = store.connection.send

        async def answered(request: Request[Answer], *, key: str | None = None, within: float | None = None) -> Answer:
            answer = await send(request, key=key, within=within)
            if request.type == SET_DATA:
                proxy.drop_replies()
            return answer

        monkeypatch.setattr(store.connection, "send", answered)
        assert (await store.atomic_put("node", b"after", before)).version == 1
        assert (await beside.get("node")).value == b"after"
        proxy.heal()


async def test_a_save_whose_answer_was_swallowed_is_told_as_saved(
    shared_zookeeper: ZooKeeperServer, prefix: str
) -> None:
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        open_store(proxy.address, prefix, timeout=PATIENCE) as store,
    ):
        await hurried(store, 1.0)
        for number in range(figure(short=3, long=30)):
            created = await _through_the_loss(proxy, store, f"made/{number}", b"created", None)
            saved = await _through_the_loss(proxy, store, f"made/{number}", b"saved", created)
            assert saved.version == 1
            assert (await store.get(f"made/{number}")).value == b"saved"


async def _through_the_loss(
    proxy: FaultProxy, store: ZooKeeperStore, key: str, value: bytes, previous: Entry | None
) -> Entry:
    """Save while replies to writes are swallowed, and give what is told once they are not."""
    await store.put("made", b"")
    send = store.connection.send
    swallowed: list[int] = []

    async def losing(request: Request[Answer], *, key: str | None = None, within: float | None = None) -> Answer:
        if swallowed or request.type not in (SET_DATA, CREATE2):
            return await send(request, key=key, within=within)
        swallowed.append(request.type)
        proxy.drop_replies()
        try:
            return await send(request, key=key, within=within)
        finally:
            proxy.heal()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.connection, "send", losing)
        entry = await store.atomic_put(key, value, previous)
    assert swallowed
    return entry


async def test_a_deletion_that_never_arrived_and_is_refused_then_is_not_told_as_done(
    shared_zookeeper: ZooKeeperServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lost request is a fake: where it gets lost, and that a child comes in that moment, cannot be timed."""
    async with open_store(shared_zookeeper.address, prefix) as store:
        await store.put("node", b"value")
        send = store.connection.send
        lost_requests: list[int] = []

        async def losing(request: Request[Answer], *, key: str | None = None, within: float | None = None) -> Answer:
            if lost_requests or request.type != DELETE:
                return await send(request, key=key, within=within)
            lost_requests.append(request.type)
            await store.put("node/child", b"")
            raise NotReachable("the connection was lost")

        monkeypatch.setattr(store.connection, "send", losing)
        with pytest.raises(ExplorerError, match="has children"):
            await store.delete("node")
        assert await store.exists("node")
