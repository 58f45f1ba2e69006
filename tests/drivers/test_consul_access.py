"""Tokens and datacenters of Consul; each refusal is one clear error."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import ExplorerError, Forbidden, Unauthenticated
from explorer.model.events import Put, Started
from tests.drivers.error_cases import ANSWER_TIMEOUT, CANARY
from tests.servers.consul import ConsulServer

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def guarded() -> Iterator[ConsulServer]:
    """A server that denies everything without a token."""
    with ConsulServer(acl=True) as server:
        for key in ("mine/a", "mine/b/c", "other/a"):
            server.json("PUT", f"/v1/kv/{key}", b"v")
        yield server


def make_store(server: ConsulServer, access: Access, path: str = "") -> ConsulStore:
    return ConsulStore(parse(f"consul://{server.address}/{path}"), access)


async def read_only_access(server: ConsulServer) -> Access:
    rules = 'key_prefix "mine/" { policy = "read" }'
    return Access(password=Secret(await asyncio.to_thread(server.add_token, rules)))


async def test_get_and_list_with_read_policy_see_one_prefix(guarded: ConsulServer) -> None:
    """A token with a read policy for one prefix reads, lists and watches there, and sees nothing else."""
    async with make_store(guarded, await read_only_access(guarded)) as store:
        assert (await store.get("mine/a")).value == b"v"
        assert [child.name for child in (await store.children("")).items] == ["mine"]
        assert [entry.key for entry in (await store.list("")).items] == ["mine/a", "mine/b/c"]
        assert [entry.key async for entry in store.walk("mine")] == ["mine/a", "mine/b/c"]
        for watch in (store.watch("mine/a"), store.watch_tree("mine"), store.watch_tree("")):
            async with watch as events:
                assert isinstance(await anext(events), Started)
                await asyncio.to_thread(guarded.json, "PUT", "/v1/kv/mine/a", b"w")
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    assert isinstance(await anext(events), Put)
                await asyncio.to_thread(guarded.json, "PUT", "/v1/kv/mine/a", b"v")
        assert await store.locks("mine") == ()
        assert (await store.status()).product == "Consul"


async def test_call_outside_the_read_policy_is_forbidden(guarded: ConsulServer) -> None:
    """Each call that the token's policy does not cover raises Forbidden, and changes nothing."""
    async with make_store(guarded, await read_only_access(guarded)) as store:
        refused: list[Callable[[], Awaitable[object]]] = [
            lambda: store.get("other/a"),
            lambda: store.get("other/a", consistent=False),
            lambda: store.exists("other/a"),
            lambda: store.put("mine/a", b"x"),
            lambda: store.put("mine/a", b"x", ttl=60),
            lambda: store.put("mine/a", b"x" * 400_000),
            lambda: store.atomic_put("mine/new", b"x", None),
            lambda: store.delete("mine/a"),
            lambda: store.delete_tree("mine"),
            lambda: store.lock("mine/lock").acquire(),
            store.ping,
        ]
        for attempt in refused:
            with pytest.raises(Forbidden) as raised:
                await attempt()
            assert raised.value.hint
        assert (await store.get("mine/a")).value == b"v"


@pytest.mark.parametrize("access", [Access(password=Secret(CANARY))], ids=["unknown token"])
async def test_unknown_token_is_unauthenticated(guarded: ConsulServer, access: Access) -> None:
    """The error has a hint, and does not contain the token."""
    with pytest.raises(Unauthenticated) as raised:
        async with make_store(guarded, access) as store:
            await store.get("mine/a")
    assert raised.value.hint
    assert CANARY not in f"{raised.value!r}{raised.value}{raised.value.hint}"


async def test_read_without_token_is_empty_or_forbidden(guarded: ConsulServer) -> None:
    """Listings are empty, and a read raises Forbidden."""
    async with make_store(guarded, Access()) as store:
        assert (await store.children("")).items == ()
        with pytest.raises(Forbidden):
            await store.get("mine/a")


async def test_locks_with_read_policy_lists_the_lock(guarded: ConsulServer) -> None:
    """A token that may read the key, but not the session, still sees the lock."""
    may_write = 'key_prefix "mine/" { policy = "write" } session_prefix "" { policy = "write" }'
    writer = Access(password=Secret(await asyncio.to_thread(guarded.add_token, may_write)))
    async with (
        make_store(guarded, writer) as store,
        make_store(guarded, await read_only_access(guarded)) as other,
        store.lock("mine/lock", ttl=10),
    ):
        for seen in (store, other):  # also without permission to read the session
            (info,) = await seen.locks("mine")
            assert info.key == "mine/lock"
            assert info.holder is not None
            assert info.holder.session


async def test_unknown_datacenter_is_an_error(guarded: ConsulServer) -> None:
    """`?dc=` with an unknown name raises a permanent error, and with the right name works."""
    with pytest.raises(ExplorerError, match="datacenter") as raised:
        async with ConsulStore(parse(f"consul://{guarded.address}/?dc=elsewhere"), Access()) as store:
            await store.get("mine/a")
    assert not raised.value.retryable
    access = Access(password=Secret(guarded.token or ""))
    async with ConsulStore(parse(f"consul://{guarded.address}/?dc=dc1"), access) as store:
        assert (await store.put("mine/x", b"v")).value == b"v"
        assert (await store.status()).identity == "datacenter dc1"
        await store.delete("mine/x")
