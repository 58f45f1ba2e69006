"""Who is let in: tokens that may one prefix only, certificates, datacenters; each refusal one clear line."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import ExplorerError, Forbidden, NotReachable, TlsFailed, Unauthenticated
from explorer.model.events import Put, Started
from tests.drivers.error_cases import CANARY, SOON
from tests.servers.certificates import Certificates
from tests.servers.consul import ConsulServer
from tests.servers.etcd import Tls

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def guarded() -> Iterator[ConsulServer]:
    """A server that allows nothing to whoever has no token."""
    with ConsulServer(acl=True) as server:
        for key in ("mine/a", "mine/b/c", "other/a"):
            server.json("PUT", f"/v1/kv/{key}", b"v")
        yield server


def make(server: ConsulServer, access: Access, path: str = "") -> ConsulStore:
    scheme = "consul+tls" if server.tls else "consul"
    return ConsulStore(parse(f"{scheme}://{server.address}/{path}"), access)


async def reader(server: ConsulServer) -> Access:
    rules = 'key_prefix "mine/" { policy = "read" }'
    return Access(password=Secret(await asyncio.to_thread(server.add_token, rules)))


async def test_a_token_of_one_prefix_may_read_there_and_sees_nothing_else(guarded: ConsulServer) -> None:
    async with make(guarded, await reader(guarded)) as store:
        assert (await store.get("mine/a")).value == b"v"
        assert [child.name for child in (await store.children("")).items] == ["mine"]
        assert [entry.key for entry in (await store.list("")).items] == ["mine/a", "mine/b/c"]
        assert [entry.key async for entry in store.walk("mine")] == ["mine/a", "mine/b/c"]
        for watch in (store.watch("mine/a"), store.watch_tree("mine"), store.watch_tree("")):
            async with watch as events:
                assert isinstance(await anext(events), Started)
                await asyncio.to_thread(guarded.json, "PUT", "/v1/kv/mine/a", b"w")
                async with asyncio.timeout(SOON):
                    assert isinstance(await anext(events), Put)
                await asyncio.to_thread(guarded.json, "PUT", "/v1/kv/mine/a", b"v")
        assert await store.locks("mine") == ()
        assert (await store.status()).product == "Consul"


async def test_a_token_of_one_prefix_is_refused_elsewhere_each_time(guarded: ConsulServer) -> None:
    async with make(guarded, await reader(guarded)) as store:
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
async def test_a_token_that_is_not_known_is_told(guarded: ConsulServer, access: Access) -> None:
    with pytest.raises(Unauthenticated) as raised:
        async with make(guarded, access) as store:
            await store.get("mine/a")
    assert raised.value.hint
    assert CANARY not in f"{raised.value!r}{raised.value}{raised.value.hint}"


async def test_without_a_token_nothing_is_shown(guarded: ConsulServer) -> None:
    async with make(guarded, Access()) as store:
        assert (await store.children("")).items == ()
        with pytest.raises(Forbidden):
            await store.get("mine/a")


async def test_a_lock_is_told_to_whoever_may_read_its_key(guarded: ConsulServer) -> None:
    may_write = 'key_prefix "mine/" { policy = "write" } session_prefix "" { policy = "write" }'
    writer = Access(password=Secret(await asyncio.to_thread(guarded.add_token, may_write)))
    async with (
        make(guarded, writer) as store,
        make(guarded, await reader(guarded)) as other,
        store.lock("mine/lock", ttl=10),
    ):
        for seen in (store, other):  # whoever may not see the session sees the lock all the same
            (info,) = await seen.locks("mine")
            assert info.key == "mine/lock"
            assert info.holder is not None
            assert info.holder.session


async def test_a_datacenter_that_is_not_known_is_told(guarded: ConsulServer) -> None:
    with pytest.raises(ExplorerError, match="datacenter") as raised:
        async with ConsulStore(parse(f"consul://{guarded.address}/?dc=elsewhere"), Access()) as store:
            await store.get("mine/a")
    assert not raised.value.retryable
    access = Access(password=Secret(guarded.token or ""))
    async with ConsulStore(parse(f"consul://{guarded.address}/?dc=dc1"), access) as store:
        assert (await store.put("mine/x", b"v")).value == b"v"
        assert (await store.status()).identity == "datacenter dc1"
        await store.delete("mine/x")


# Encryption


@pytest.fixture(scope="module")
def encrypted(certificates: Certificates) -> Iterator[ConsulServer]:
    """A server that lets in whoever shows a certificate of the authority's."""
    tls = Tls(certificates.ca_file, certificates.server, clients=certificates.ca_file)
    with ConsulServer(tls=tls) as server:
        yield server


def shown(certificates: Certificates) -> Access:
    return Access(
        ca_file=certificates.ca_file,
        cert_file=certificates.client.cert_file,
        key_file=certificates.client.key,
    )


async def test_an_encrypted_connection(encrypted: ConsulServer, certificates: Certificates) -> None:
    async with make(encrypted, shown(certificates)) as store, store.watch("key") as events:
        assert isinstance(await anext(events), Started)
        await store.put("key", b"value")
        async with asyncio.timeout(SOON):
            assert isinstance(await anext(events), Put)


@pytest.mark.parametrize(
    ("authority", "client", "words"),
    [
        ("other_authority", "client", "unknown authority"),
        ("ca_file", None, "client certificate"),
        ("ca_file", "stranger", "client certificate"),
    ],
)
async def test_a_certificate_that_is_wrong_is_told(
    encrypted: ConsulServer, certificates: Certificates, authority: str, client: str | None, words: str
) -> None:
    pair = getattr(certificates, client) if client else None
    access = Access(
        ca_file=getattr(certificates, authority),
        cert_file=pair and pair.cert_file,
        key_file=pair and pair.key,
    )
    async with asyncio.timeout(SOON):
        with pytest.raises(TlsFailed, match=words) as raised:
            async with make(encrypted, access):
                pass
    assert raised.value.hint
    assert not raised.value.retryable


@pytest.mark.parametrize(("kind", "words"), [("expired", "expired"), ("wrong_name", "another name")])
async def test_a_server_whose_certificate_is_wrong_is_told(certificates: Certificates, kind: str, words: str) -> None:
    tls = Tls(certificates.ca_file, getattr(certificates, kind))
    async with ConsulServer(tls=tls) as server:
        with pytest.raises(TlsFailed, match=words):
            async with make(server, Access(ca_file=certificates.ca_file)):
                pass


async def test_a_name_that_is_not_in_the_address_can_be_expected(certificates: Certificates) -> None:
    tls = Tls(certificates.ca_file, certificates.wrong_name)
    access = Access(ca_file=certificates.ca_file, server_name="elsewhere.invalid")
    async with ConsulServer(tls=tls) as server, make(server, access) as store:
        assert (await store.put("key", b"value")).value == b"value"


async def test_plain_words_to_an_encrypted_port_and_the_other_way_round(
    encrypted: ConsulServer, certificates: Certificates
) -> None:
    with pytest.raises(NotReachable) as raised:
        async with ConsulStore(parse(f"consul://127.0.0.1:{encrypted.tls_port}/?timeout=3"), Access()) as store:
            await store.get("key")
    assert "+tls" in raised.value.hint
    with pytest.raises(TlsFailed) as refused:
        async with ConsulStore(parse(f"consul+tls://127.0.0.1:{encrypted.port}/"), shown(certificates)):
            pass
    assert "without +tls" in refused.value.hint


@pytest.mark.parametrize("content", [None, b"no PEM"])
async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TlsFailed, match=r"authority\.pem") as raised:
        async with ConsulStore(parse("consul+tls://127.0.0.1:1/"), Access(ca_file=file)):
            pass
    assert raised.value.hint
