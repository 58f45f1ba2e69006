"""Tokens, certificates and datacenters of Consul; each refusal is one clear error."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import ExplorerError, Forbidden, NotReachable, TlsFailed, Unauthenticated
from explorer.model.events import Put, Started
from tests.drivers.error_cases import ANSWER_TIMEOUT, CANARY
from tests.servers.certificates import Certificates
from tests.servers.consul import ConsulServer
from tests.servers.etcd import Tls

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def guarded() -> Iterator[ConsulServer]:
    """A server that denies everything without a token."""
    with ConsulServer(acl=True) as server:
        for key in ("mine/a", "mine/b/c", "other/a"):
            server.json("PUT", f"/v1/kv/{key}", b"v")
        yield server


def make_store(server: ConsulServer, access: Access, path: str = "") -> ConsulStore:
    scheme = "consul+tls" if server.tls else "consul"
    return ConsulStore(parse(f"{scheme}://{server.address}/{path}"), access)


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


# Encryption


@pytest.fixture(scope="module")
def encrypted(certificates: Certificates) -> Iterator[ConsulServer]:
    """A server that requires a client certificate of the authority."""
    tls = Tls(certificates.ca_file, certificates.server, clients=certificates.ca_file)
    with ConsulServer(tls=tls) as server:
        yield server


def client_access(certificates: Certificates) -> Access:
    return Access(
        ca_file=certificates.ca_file,
        cert_file=certificates.client.cert_file,
        key_file=certificates.client.key,
    )


async def test_tls_connection_reads_writes_and_watches(encrypted: ConsulServer, certificates: Certificates) -> None:
    """A client with a trusted certificate reads, writes and watches over TLS."""
    async with make_store(encrypted, client_access(certificates)) as store, store.watch("key") as events:
        assert isinstance(await anext(events), Started)
        await store.put("key", b"value")
        async with asyncio.timeout(ANSWER_TIMEOUT):
            assert isinstance(await anext(events), Put)


@pytest.mark.parametrize(
    ("authority", "client", "words"),
    [
        ("other_authority", "client", "unknown authority"),
        ("ca_file", None, "client certificate"),
        ("ca_file", "stranger", "client certificate"),
    ],
)
async def test_wrong_client_certificate_is_tls_failed(
    encrypted: ConsulServer, certificates: Certificates, authority: str, client: str | None, words: str
) -> None:
    """A wrong authority, or a missing or foreign client certificate, raises TlsFailed with a hint."""
    pair = getattr(certificates, client) if client else None
    access = Access(
        ca_file=getattr(certificates, authority),
        cert_file=pair and pair.cert_file,
        key_file=pair and pair.key,
    )
    async with asyncio.timeout(ANSWER_TIMEOUT):
        with pytest.raises(TlsFailed, match=words) as raised:
            async with make_store(encrypted, access):
                pass
    assert raised.value.hint
    assert not raised.value.retryable


@pytest.mark.parametrize(("kind", "words"), [("expired", "expired"), ("wrong_name", "another name")])
async def test_wrong_server_certificate_is_tls_failed(certificates: Certificates, kind: str, words: str) -> None:
    """An expired certificate, or one of another name, raises TlsFailed with the reason."""
    tls = Tls(certificates.ca_file, getattr(certificates, kind))
    async with ConsulServer(tls=tls) as server:
        with pytest.raises(TlsFailed, match=words):
            async with make_store(server, Access(ca_file=certificates.ca_file)):
                pass


async def test_server_name_overrides_the_host_of_the_url(certificates: Certificates) -> None:
    """`Access.server_name` is the name that the certificate must have."""
    tls = Tls(certificates.ca_file, certificates.wrong_name)
    access = Access(ca_file=certificates.ca_file, server_name="elsewhere.invalid")
    async with ConsulServer(tls=tls) as server, make_store(server, access) as store:
        assert (await store.put("key", b"value")).value == b"value"


async def test_plain_and_tls_ports_mixed_up_have_a_hint(encrypted: ConsulServer, certificates: Certificates) -> None:
    """HTTP to a TLS port, and TLS to a plain port, raise errors whose hints name the other scheme."""
    with pytest.raises(NotReachable) as raised:
        async with ConsulStore(parse(f"consul://127.0.0.1:{encrypted.tls_port}/?timeout=3"), Access()) as store:
            await store.get("key")
    assert "+tls" in raised.value.hint
    with pytest.raises(TlsFailed) as refused:
        async with ConsulStore(parse(f"consul+tls://127.0.0.1:{encrypted.port}/"), client_access(certificates)):
            pass
    assert "without +tls" in refused.value.hint


@pytest.mark.parametrize("content", [None, b"no PEM"])
async def test_unusable_ca_file_is_named_in_the_error(tmp_path: Path, content: bytes | None) -> None:
    """A missing CA file, or one without PEM data, raises TlsFailed with its name."""
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TlsFailed, match=r"authority\.pem") as raised:
        async with ConsulStore(parse("consul+tls://127.0.0.1:1/"), Access(ca_file=file)):
            pass
    assert raised.value.hint
