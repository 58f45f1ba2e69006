"""Broken servers and exceptions of kazoo: each call raises an error of the tree, in one line and in time.

The servers here are fakes, because no real one sends a broken answer. So is the client that raises every exception.
"""

import asyncio
import inspect
import random
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import kazoo.exceptions
import pytest
from kazoo.handlers.threading import KazooTimeoutError

from explorer.drivers.base import Store
from explorer.drivers.common import write_attempt
from explorer.drivers.zookeeper import ZooKeeperStore, client, connection
from explorer.drivers.zookeeper.messages import ZooKeeperRequest
from explorer.model import errors
from explorer.model.address import Access, parse
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.events import Lost, Resync
from tests.contract.fixtures import WAIT_TIMEOUT, take_events
from tests.drivers.fake_server import FakeServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def frame(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


HANDSHAKE: Final = frame(struct.pack(">iiqi", 0, 10_000, 77, 16) + bytes(16) + b"\0")
EXPIRED_HANDSHAKE: Final = frame(struct.pack(">iiqi", 0, 0, 0, 16) + bytes(16) + b"\0")


def make_answer(data: bytes = b"", *, xid: int = 1, code: int = 0) -> bytes:
    return frame(struct.pack(">iqi", xid, 5, code) + data)


FOREIGN_HANDSHAKES: Final = {
    "an http server": b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>",
    "text": b"-ERR unknown command\r\n",
    "nothing": b"",
    "half a length": b"\0\0",
    "a truncated greeting": HANDSHAKE[:20],
    "a negative length": struct.pack(">i", -5),
    "a huge length": struct.pack(">i", 2**31 - 1),
    "a greeting of another version": frame(struct.pack(">iiqi", 9, 10_000, 77, 16) + bytes(17)),
    "a greeting without its password": frame(struct.pack(">iiqi", 0, 10_000, 77, -1)),
    "an expired session, always": EXPIRED_HANDSHAKE,
    "zeros": bytes(64),
    "an alert of TLS": b"\x15\x03\x03\x00\x02\x02\x46",
    "a word that is not permitted": b"stat is not executed because it is not in the whitelist.\n",
    "a server without a quorum": b"This ZooKeeper instance is not currently serving requests\n",
    "a greeting with a long password": frame(struct.pack(">iiqi", 0, 10_000, 77, 2**31 - 1) + bytes(17)),
    "an empty frame": frame(b""),
    "an HTTP/2 server": b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0",
}
BROKEN_ANSWERS: Final = {
    "a negative length": struct.pack(">i", -1),
    "a huge length": struct.pack(">i", 2**30),
    "a frame without a header": frame(b"\0\0\0"),
    "an answer to nothing": make_answer(xid=4711),
    "an event that is cut off": frame(struct.pack(">iqi", -1, -1, 0) + b"\0"),
    "a code that nobody knows": make_answer(code=-4711)
    + make_answer(code=-4711, xid=2)
    + make_answer(code=-4711, xid=3),
    "a body that is missing": make_answer(xid=1) + make_answer(xid=2) + make_answer(xid=3),
    "a value longer than its frame": make_answer(struct.pack(">i", 3) + b"/ab")
    + make_answer(struct.pack(">i", 999) + b"x", xid=2),
    "text": b"upstream connect error or disconnect/reset before headers",
}


@asynccontextmanager
async def fake_server(script: Script) -> AsyncGenerator[str, None]:
    """A fake server that runs a script for each connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(reader, writer)
        await writer.drain()

    async with FakeServer(serve) as server:
        yield server.address


def is_public(error: BaseException) -> bool:
    """Return whether an error is one of the tree itself, in one line."""
    return getattr(errors, type(error).__name__, None) is type(error) and "\n" not in str(error)


@pytest.mark.parametrize("name", FOREIGN_HANDSHAKES)
async def test_connect_to_another_protocol_is_not_reachable(name: str) -> None:
    """Any bytes that are not ZooKeeper's raise NotReachable, in one line and in time."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(FOREIGN_HANDSHAKES[name])

    async with fake_server(script) as address, asyncio.timeout(WAIT_TIMEOUT):
        store = ZooKeeperStore(parse(f"zk://{address}/?timeout=2"), Access())
        with pytest.raises(NotReachable) as raised:
            await store.connect()
        assert "\n" not in str(raised.value)
        await store.close()


@pytest.mark.parametrize("name", BROKEN_ANSWERS)
async def test_broken_answer_is_an_error_of_the_tree(name: str) -> None:
    """A broken answer raises NotReachable, and an unknown error code an error with that code."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack(">i", await reader.readexactly(4))
        await reader.readexactly(length)
        writer.write(HANDSHAKE)
        await reader.readexactly(8)
        writer.write(BROKEN_ANSWERS[name])
        await writer.drain()
        await reader.read()

    async with fake_server(script) as address, asyncio.timeout(WAIT_TIMEOUT):
        async with ZooKeeperStore(parse(f"zk://{address}/?timeout=0.3"), Access()) as store:
            with pytest.raises(ExplorerError) as raised:
                await store.get("key")
        assert "\n" not in str(raised.value)
        assert isinstance(raised.value, NotReachable) or "4711" in str(raised.value)


async def test_watch_survives_another_protocol_on_the_port(shared_zookeeper: ZooKeeperServer) -> None:
    """While another server answers on the port the watch is Lost, and it resyncs when ZooKeeper is back."""

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(FOREIGN_HANDSHAKES["an http server"])

    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        ZooKeeperStore(parse(f"zk://{proxy.address}/?timeout=2"), Access()) as store,
        store.watch_tree("", known={}) as watch,
    ):
        await take_events(watch, 1)
        async with fake_server(page) as address:
            proxy.server_port = int(address.rpartition(":")[2])
            proxy.reset_connections()
            assert isinstance((await take_events(watch, 1))[0], Lost)
            with pytest.raises(NotReachable):
                await store.get("key")
        proxy.server_port = shared_zookeeper.port
        assert isinstance((await take_events(watch, 1))[0], Resync)
        assert await store.exists("zookeeper")


# Silent servers


async def _stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.read()


@pytest.mark.parametrize("seed", range(4))
async def test_connect_passes_over_a_silent_host(
    shared_zookeeper: ZooKeeperServer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Another host is reached in time, whatever the order in which kazoo tries them."""
    monkeypatch.setattr("kazoo.protocol.connection.random.shuffle", random.Random(seed).shuffle)
    async with fake_server(_stay_silent) as silent, asyncio.timeout(WAIT_TIMEOUT):
        for hosts in (f"{silent},{shared_zookeeper.address}", f"{silent},{silent},{shared_zookeeper.address}"):
            async with ZooKeeperStore(parse(f"zk://{hosts}/?timeout=3"), Access()) as store:
                assert await store.exists("zookeeper")


async def test_request_to_a_host_that_falls_silent_is_answered(shared_zookeeper: ZooKeeperServer) -> None:
    """The request is answered by another server within its timeout."""
    async with (
        FaultProxy(shared_zookeeper.port) as first,
        FaultProxy(shared_zookeeper.port) as second,
        ZooKeeperStore(parse(f"zk://{first.address},{second.address}/?timeout=6"), Access()) as store,
        store.watch_tree("", known={}) as watch,
    ):
        await take_events(watch, 1)
        present, other = (first, second) if first.connections else (second, first)
        present.hang()
        async with asyncio.timeout(WAIT_TIMEOUT):
            assert await store.exists("zookeeper")
        assert isinstance((await take_events(watch, 1))[0], Lost)
        assert isinstance((await take_events(watch, 1))[0], Resync)
        assert other.connections


async def test_connect_to_a_silent_host_times_out() -> None:
    """The error says that there was no answer in time."""
    async with fake_server(_stay_silent) as silent, asyncio.timeout(WAIT_TIMEOUT):
        store = ZooKeeperStore(parse(f"zk://{silent}/?timeout=1"), Access())
        with pytest.raises(NotReachable, match="no answer in time"):
            await store.connect()
        await store.close()


# Everything that kazoo may raise


def _exception_factories() -> Iterator[Callable[[], Exception]]:
    """Yield a factory for each exception."""
    for _, kind in inspect.getmembers(kazoo.exceptions, inspect.isclass):
        if issubclass(kind, Exception):
            yield partial(kind, "a reason\nin two lines")
    yield from (
        partial(KazooTimeoutError, "late"),
        partial(TimeoutError, "late"),
        partial(OSError, 104, "Connection reset by peer"),
        partial(socket.gaierror, -2, "Name or service not known"),
        partial(ssl.SSLError, 1, "certificate verify failed"),
        partial(struct.error, "unpack requires a buffer"),
        partial(asyncio.InvalidStateError, "invalid state"),
        partial(UnicodeDecodeError, "utf-8", b"\xff", 0, 1, "invalid start byte"),
        *(partial(kind, "why") for kind in (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)),
        MemoryError,
    )


CALLS: Final[dict[str, Callable[[Store], Awaitable[object]]]] = {
    "get": lambda store: store.get("key"),
    "get of a member": lambda store: store.get("key", consistent=False),
    "exists": lambda store: store.exists("key"),
    "children": lambda store: store.children(""),
    "list": lambda store: store.list(""),
    "walk": lambda store: anext(store.walk(""), None),
    "put": lambda store: store.put("key", b""),
    "put with a TTL": lambda store: store.put("key", b"", ttl=5),
    "atomic_put": lambda store: store.atomic_put("key", b"", None),
    "delete": lambda store: store.delete("key"),
    "atomic_delete": lambda store: store.atomic_delete("key", "0x1:1"),
    "delete_tree": lambda store: store.delete_tree(""),
    "status": lambda store: store.status(),
    "ping": lambda store: store.ping(),
    "locks": lambda store: store.locks(),
    "lock": lambda store: store.lock("key").acquire(timeout=0),
    "watch": lambda store: store.watch("key").__aenter__(),
    "watch_tree": lambda store: store.watch_tree("").__aenter__(),
}


_ENDLESS_CALL: Final = 0.2
"""Seconds after which a call counts as one that retries for ever."""


class RaisingClient:
    """A fake client: either every call raises an exception, or every answer is one."""

    make: Callable[[], Exception] = Exception
    at_once = False
    zxid = 0

    def __init__(self, *_: object) -> None:
        self.failing = False

    def start(self) -> None:
        """Do nothing: the store counts as connected."""

    def send(self, requests: Sequence[ZooKeeperRequest[object]]) -> list[asyncio.Future[object]]:
        if self.at_once:
            raise type(self).make()
        futures: list[asyncio.Future[object]] = [asyncio.get_running_loop().create_future() for _ in requests]
        for future in futures:
            asyncio.get_running_loop().call_soon(_fail, future, type(self).make())
        return futures

    def drop(self) -> None:
        """Leave the server."""

    async def close(self, within: float) -> None:
        del within
        raise type(self).make()


def _fail(future: asyncio.Future[object], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


async def _exception_of(call: Awaitable[object]) -> Exception | None:
    """Return the exception of a call; None for a call that retries for ever, which is cancelled."""
    limit = asyncio.timeout(_ENDLESS_CALL)
    try:
        async with limit:
            await call
    except TimeoutError as error:
        return None if limit.expired() else error
    except Exception as error:  # noqa: BLE001 - it is judged by the test
        return error
    return None


@pytest.fixture
async def failing_store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ZooKeeperStore]:
    """A store that is connected to the fake client, with timeouts that are over at once."""
    monkeypatch.setattr(connection, "Client", RaisingClient)
    monkeypatch.setattr(write_attempt, "_RESOLVE_TIMEOUT", 0.0)
    store = ZooKeeperStore(parse("zk://127.0.0.1:1/?timeout=0.001"), Access())

    async def open_at_once(self: connection.ZooKeeperConnection) -> None:
        self._client = RaisingClient()  # type: ignore[assignment] # the fake
        self.state.on_connected(1, 10.0, restored=False)

    monkeypatch.setattr(connection.ZooKeeperConnection, "open", open_at_once)
    yield store
    await store.close()


@pytest.mark.parametrize("name", CALLS)
async def test_call_translates_every_exception_of_the_client(
    failing_store: ZooKeeperStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Every exception of the client becomes an error of the tree in one line, and closing raises none."""
    for make in _exception_factories():
        for at_once in (False, True):
            if at_once and hasattr(make(), "code"):
                continue  # the answers of a server only come later
            monkeypatch.setattr(RaisingClient, "make", staticmethod(make))
            monkeypatch.setattr(RaisingClient, "at_once", at_once)
            await failing_store.connect()
            failure = await _exception_of(CALLS[name](failing_store))
            assert failure is None or is_public(failure), (make(), failure)
            await failing_store.close()


async def test_connect_translates_every_exception_of_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every exception of starting the client becomes an error of the tree."""
    monkeypatch.setattr(connection, "Client", RaisingClient)
    for make in _exception_factories():

        def start(_: RaisingClient, make: Callable[[], Exception] = make) -> None:
            raise make()

        monkeypatch.setattr(RaisingClient, "start", start)
        monkeypatch.setattr(RaisingClient, "make", staticmethod(make))
        store = ZooKeeperStore(parse("zk://127.0.0.1:1/"), Access())
        failure = await _exception_of(store.connect())
        assert failure is None or is_public(failure), (make(), failure)
        await store.close()


async def test_connection_thread_survives_every_exception(
    shared_zookeeper: ZooKeeperServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client connects in the end, whatever the earlier attempts raised on kazoo's thread."""
    failing = list(_exception_factories())
    connect = socket.create_connection

    def failing_first(*arguments: object, **named: object) -> socket.socket:
        if failing:
            make = failing.pop()
            raise make()
        return connect(*arguments, **named)  # type: ignore[arg-type] # as they were given

    monkeypatch.setitem(client._RETRY_OPTIONS, "max_delay", 0.001)  # noqa: SLF001 - a test cannot wait that long
    async with ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}/?timeout=0.3"), Access()) as store:
        monkeypatch.setattr(socket, "create_connection", failing_first)
        opened = store.connection._client._connection._socket  # type: ignore[union-attr] # noqa: SLF001 - the test's way in
        assert opened is not None
        opened.shutdown(socket.SHUT_RDWR)

        async def is_back() -> bool:
            try:
                return await store.exists("zookeeper") and not failing
            except NotReachable:
                return False

        await eventually(is_back, "it is connected again", WAIT_TIMEOUT)
