"""Faults that only ZooKeeper has: sessions that expire, and requests lost at one operation."""

import sys
from random import Random
from typing import TypeVar

import pytest

from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.drivers.zookeeper.messages import ZooKeeperRequest
from explorer.model.address import Access, parse
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, NotReachable
from tests.faults.replica import replicated, write_some
from tests.faults.timeouts import warm_up_and_limit
from tests.scale import PATIENCE, figure, seed
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

pytestmark = [pytest.mark.faults, pytest.mark.servers]

Answer = TypeVar("Answer")

DELETE, SET_DATA, CREATE2 = 2, 5, 15


def open_store(address: str, path: str = "/faults/", *, timeout: float = 2.0) -> ZooKeeperStore:
    return ZooKeeperStore(parse(f"zk://{address}{path}?timeout={timeout:g}&session=4"), Access())


async def test_watch_continues_in_a_new_session(shared_zookeeper: ZooKeeperServer, prefix: str) -> None:
    chosen = seed()
    sys.stdout.write(f"seed {chosen}\n")
    choice = Random(chosen)
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        open_store(proxy.address, prefix) as store,
        open_store(shared_zookeeper.address, prefix) as writer,
    ):
        await write_some(writer, choice, 30)
        async with replicated(store) as replica:
            session = store.connection.state.session_id
            proxy.reset()
            await replica.wait_lost(0)

            def is_expired() -> bool:
                return f"{session & (2**64 - 1):#x}" not in shared_zookeeper.word("dump")

            await eventually(is_expired, "the server ends the session", PATIENCE)
            await write_some(writer, choice, 20)
            proxy.heal()
            await replica.converged(writer)
            assert store.connection.state.session_id not in (0, session)


async def test_timed_out_save_with_lost_reply_is_saved(shared_zookeeper: ZooKeeperServer, prefix: str) -> None:
    """The connection stays open while the replies are lost, so that the request ends by its time limit."""
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        open_store(proxy.address, prefix, timeout=PATIENCE) as store,
    ):
        await warm_up_and_limit(store, 1.0)
        for number in range(figure(short=3, long=30)):
            created = await _save_with_lost_reply(proxy, store, f"made/{number}", b"created", None)
            saved = await _save_with_lost_reply(proxy, store, f"made/{number}", b"saved", created)
            assert saved.version == 1
            assert (await store.get(f"made/{number}")).value == b"saved"


async def _save_with_lost_reply(
    proxy: FaultProxy, store: ZooKeeperStore, key: str, value: bytes, previous: Entry | None
) -> Entry:
    """Save while the replies to the first write are dropped, and return the result."""
    await store.put("made", b"")
    send = store.connection.send
    dropped: list[int] = []

    async def send_and_lose(request: ZooKeeperRequest[Answer], *, within: float | None = None) -> Answer:
        if dropped or request.type not in (SET_DATA, CREATE2):
            return await send(request, within=within)
        dropped.append(request.type)
        proxy.drop_replies()
        try:
            return await send(request, within=within)
        finally:
            proxy.heal()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.connection, "send", send_and_lose)
        entry = await store.atomic_put(key, value, previous)
    assert dropped
    return entry


async def test_deletion_refused_after_a_lost_request_fails(
    shared_zookeeper: ZooKeeperServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lost request is a fake: where it gets lost, and that a child is made in that moment, cannot be timed."""
    async with open_store(shared_zookeeper.address, prefix) as store:
        await store.put("node", b"value")
        send = store.connection.send
        lost_requests: list[int] = []

        async def lose_once(request: ZooKeeperRequest[Answer], *, within: float | None = None) -> Answer:
            if lost_requests or request.type != DELETE:
                return await send(request, within=within)
            lost_requests.append(request.type)
            await store.put("node/child", b"")
            raise NotReachable("the connection was lost")

        monkeypatch.setattr(store.connection, "send", lose_once)
        with pytest.raises(ExplorerError, match="has children"):
            await store.delete("node")
        assert await store.exists("node")
