"""Access to etcd's v2 API: servers without it, users, settings and error codes."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from explorer.drivers.common.http import Response
from explorer.drivers.etcd2 import Etcd2Store
from explorer.drivers.etcd2.errors import raise_for_answer
from explorer.drivers.etcd2.settings import Etcd2Settings, load
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import (
    ExplorerError,
    Forbidden,
    InvalidAddress,
    NotReachable,
    Unauthenticated,
)
from tests.contract.fixtures import take_changes
from tests.drivers.fake_server import FakeServer
from tests.servers.etcd import EtcdServer
from tests.servers.etcd2 import PlainV2

CANARY = "canary-77ab"


def make(server: EtcdServer, access: Access | None = None, path: str = "") -> Etcd2Store:
    return Etcd2Store(parse(f"etcd2://{server.address}/{path}"), access or Access())


# Servers without the API


async def test_server_without_the_v2_api_is_reported(shared_etcd: EtcdServer) -> None:
    """A server without the v2 API is an error of one line that says how to go on."""
    with pytest.raises(NotReachable, match="v2 API") as raised:
        async with make(shared_etcd):
            pass
    assert "--enable-v2" in raised.value.hint
    assert "etcd://" in raised.value.hint
    assert "\n" not in f"{raised.value}{raised.value.hint}"


@pytest.mark.servers
async def test_etcd_3_5_with_enable_v2_is_supported() -> None:
    """Etcd 3.5 serves the v2 API when it is enabled."""
    path = f"newer-{uuid.uuid4().hex[:8]}"
    async with EtcdServer("3.5", v2=True) as server, make(server, path=path) as store:
        async with store.watch_tree("") as events:
            await store.put("a/b", b"value", ttl=60)
            assert [event.key for event in await take_changes(events, 2)] == ["a", "a/b"]
        assert (await store.status()).version.startswith("3.5.")


def fake_server(status: str, body: bytes, headers: str = "") -> FakeServer:
    """Serve one answer to every request; a fake of servers that are not available any more."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return FakeServer(serve)


async def test_redirect_moves_on_to_the_next_member(shared_etcd2: EtcdServer) -> None:
    """A redirect, as followers of etcd before 2.0 send it, is not followed; the next member is used."""
    path = f"redirected-{uuid.uuid4().hex[:8]}"
    server = fake_server("307 Temporary Redirect", b"", "Location: http://stranger.invalid/v2/keys/x\r\n")
    async with server:
        with pytest.raises(NotReachable, match="not followed"):
            async with Etcd2Store(parse(f"etcd2://{server.address}/?timeout=3"), Access()):
                pass
        address = parse(f"etcd2://{server.address},{shared_etcd2.address}/{path}")
        async with Etcd2Store(address, Access()) as store:
            assert (await store.put("key", b"value")).value == b"value"


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"action": "get"}'])
async def test_foreign_answer_is_reported(body: bytes) -> None:
    """An answer that is not etcd's is an error that says so."""
    async with fake_server("200 OK", body) as server:
        with pytest.raises(NotReachable, match="not etcd"):
            async with Etcd2Store(parse(f"etcd2://{server.address}/?timeout=3"), Access()):
                pass


# Users


@pytest.fixture
async def auth_server() -> AsyncIterator[tuple[EtcdServer, Access, Access]]:
    """A server with authentication, root's access, and the access of a user who reads `mine/` and writes `mine/w/`."""
    async with EtcdServer("3.4", v2=True) as server:
        root = await asyncio.to_thread(PlainV2(server).enable_auth, CANARY)
        await asyncio.to_thread(
            lambda: root.add_user("ann", CANARY, read=["/mine", "/mine/*"], write=["/mine/w", "/mine/w/*"])
        )
        yield server, Access(user="root", password=Secret(CANARY)), Access(user="ann", password=Secret(CANARY))


@pytest.mark.servers
async def test_user_is_limited_to_the_role(auth_server: tuple[EtcdServer, Access, Access]) -> None:
    """A user may do what the role grants, and is refused the rest."""
    server, root, ann = auth_server
    async with make(server, root) as everything:
        await everything.put("mine/r", b"read only")
        await everything.put("other/key", b"secret")
    async with make(server, ann) as store:
        assert (await store.get("mine/r")).value == b"read only"
        written = await store.put("mine/w/key", b"value")
        assert (await store.atomic_put("mine/w/key", b"other", written)).value == b"other"
        for attempt in (
            store.get("other/key"),
            store.children(""),
            store.list(""),
            store.put("mine/r", b"x"),
            store.put("mine/r", b"x", ttl=60),
            store.delete("mine/r"),
            store.lock("mine/r").acquire(),
            store.ping(),
        ):
            with pytest.raises(Forbidden) as raised:
                await attempt
            assert raised.value.hint
            assert CANARY not in f"{raised.value!r}{raised.value}{raised.value.hint}"
        with pytest.raises(Forbidden):
            async with store.watch_tree("other"):
                pass
    async with make(server, ann, "mine") as store, store.watch_tree("") as events:
        await store.put("w/key", b"again")
        assert [event.key for event in await take_changes(events, 1)] == ["w/key"]
        assert isinstance(await store.ping(), int)


@pytest.mark.servers
async def test_unknown_user_is_refused(auth_server: tuple[EtcdServer, Access, Access]) -> None:
    """A missing user, an unknown one and a wrong password are reported as such."""
    server, _, _ = auth_server
    with pytest.raises(Unauthenticated) as raised:
        async with make(server):
            pass
    assert "ETCDCTL_USERNAME" in raised.value.hint
    async with make(server, Access(user="ann", password=Secret(f"not-{CANARY}"))) as store:
        with pytest.raises(Forbidden, match="password") as refused:
            await store.get("mine/r")
    assert CANARY not in f"{refused.value!r}{refused.value}{refused.value.hint}"


# Settings


def settings(url: str = "etcd2:", access: Access | None = None, /, **variables: str) -> Etcd2Settings:
    return load(parse(url), access or Access(), {f"ETCDCTL_{name}": value for name, value in variables.items()})


def test_user_comes_from_access_url_or_variables() -> None:
    """The user comes from the access, the URL or etcdctl's variables."""
    assert settings(USERNAME="ann:pw").access.user == "ann"
    known = settings(USERNAME="ann", PASSWORD=CANARY).access.password
    assert known is not None
    assert known.reveal() == CANARY
    assert settings("etcd2://bob:other@one/", USERNAME="ann:pw").access.user == "bob"
    assert settings("etcd2://bob@one/", USERNAME="ann:pw").access.password is None, "a password is for its own user"


def test_root_is_the_normalized_path() -> None:
    """The path of the URL is a directory, with or without slashes at its ends."""
    assert {settings(f"etcd2://one/{path}").root for path in ("a/b", "/a/b", "a/b/", "a//b")} == {"/a/b"}
    assert settings("etcd2://one/").root == ""
    with pytest.raises(InvalidAddress):
        settings("etcd2://one/a/../b")
    with pytest.raises(InvalidAddress):
        settings("etcd2://one/?separator=:")


def test_error_code_decides_whether_to_retry() -> None:
    """A failure of the server may be retried; a refusal may not."""
    for status, body in ((500, b'{"errorCode":300,"message":"Raft","cause":"etcdserver: no leader"}'), (503, b"")):
        with pytest.raises(NotReachable):
            raise_for_answer(Response(status, {}, body), has_user=False)
    with pytest.raises(ExplorerError, match="code 209") as raised:
        raise_for_answer(Response(400, {}, b'{"errorCode":209,"message":"\\u001b]0;x","cause":""}'), has_user=False)
    assert not raised.value.retryable
    assert "\x1b" not in str(raised.value)
