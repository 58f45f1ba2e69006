"""Each fault of the proxy does to a connection what its name says: seen against a plain echo server."""

import asyncio
import gc
import socket
import sys
import time
from collections.abc import AsyncIterator

import pytest

from tests.drivers.fake_server import FakeServer
from tests.servers.processes import HOST
from tests.servers.proxy import FaultProxy, close_listener
from tests.servers.waiting import eventually

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SILENCE = 0.2  # seconds that nothing must arrive in


class Echo:
    """Sends back whatever it gets, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(echo.serve, HOST, 0)
    async with FaultProxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy
    await close_listener(server)


@pytest.fixture
async def connection(proxy: FaultProxy) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    yield reader, writer
    writer.close()


async def say(connection: Connection, words: bytes) -> None:
    connection[1].write(words)
    await connection[1].drain()


async def hear(connection: Connection, size: int) -> bytes:
    async with asyncio.timeout(60):
        return await connection[0].readexactly(size)


async def hears_nothing(connection: Connection) -> bool:
    try:
        async with asyncio.timeout(SILENCE):
            return await connection[0].read(1) == b"never"
    except TimeoutError:
        return True


async def test_proxy_forwards_both_directions_and_counts(proxy: FaultProxy, connection: Connection) -> None:
    await say(connection, b"hello")
    assert await hear(connection, 5) == b"hello"
    assert (proxy.accepted, proxy.connections, proxy.sent, proxy.received) == (1, 1, 5, 5)


async def test_proxy_forwards_end_of_stream(proxy: FaultProxy, connection: Connection) -> None:
    await say(connection, b"bye")
    connection[1].write_eof()
    assert await connection[0].read() == b"bye"
    await eventually(lambda: proxy.connections == 0, "the connection is gone")


async def test_reset_ends_open_and_new_connections_at_once(proxy: FaultProxy, connection: Connection) -> None:
    await say(connection, b"x")
    await hear(connection, 1)
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await hear(connection, 1)
    with pytest.raises(ConnectionResetError):
        await hear(await asyncio.open_connection(HOST, proxy.port), 1)


async def test_reset_connections_lets_new_ones_in(proxy: FaultProxy, connection: Connection) -> None:
    await say(connection, b"x")
    await hear(connection, 1)
    proxy.reset_connections()
    with pytest.raises(ConnectionResetError):
        await hear(connection, 1)
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    await say((reader, writer), b"again")
    assert await hear((reader, writer), 5) == b"again"
    writer.close()


async def test_reset_connections_resets_one_that_is_being_opened(proxy: FaultProxy) -> None:
    connecting = asyncio.create_task(asyncio.open_connection(HOST, proxy.port))
    while not proxy.accepted:  # noqa: ASYNC110 - at the very step at which it is accepted, which no event tells
        await asyncio.sleep(0)
    assert not proxy.connections
    proxy.reset_connections()
    connection = await connecting
    with pytest.raises(ConnectionResetError):
        await hear(connection, 1)
    connection[1].close()


async def test_hang_accepts_and_forwards_nothing_until_healed(
    proxy: FaultProxy, connection: Connection, echo: Echo
) -> None:
    proxy.hang()
    late = await asyncio.open_connection(HOST, proxy.port)
    await say(connection, b"old")
    await say(late, b"new")
    assert await hears_nothing(connection)
    assert await hears_nothing(late)
    assert echo.heard == b""
    proxy.heal()
    assert await hear(connection, 3) == b"old"
    assert await hear(late, 3) == b"new"
    late[1].close()


async def test_dropped_replies_still_reach_the_server(proxy: FaultProxy, connection: Connection, echo: Echo) -> None:
    proxy.drop_replies()
    await say(connection, b"write")
    await eventually(lambda: echo.heard == b"write", "the server hears the request")
    await eventually(lambda: proxy.dropped == 5, "the reply is swallowed")
    assert await hears_nothing(connection)


async def test_heal_resets_a_connection_that_lost_replies(
    proxy: FaultProxy, connection: Connection, echo: Echo
) -> None:
    proxy.drop_replies()
    await say(connection, b"write")
    await eventually(lambda: echo.heard == b"write", "the server hears the request")
    assert await hears_nothing(connection)
    proxy.heal()
    with pytest.raises(ConnectionResetError):
        await hear(connection, 1)


async def test_delay_holds_every_chunk(proxy: FaultProxy, connection: Connection) -> None:
    proxy.delay(0.2)
    started = time.monotonic()
    await say(connection, b"slow")
    assert await hear(connection, 4) == b"slow"
    assert time.monotonic() - started >= 0.4, "once on the way there, once on the way back"


async def test_throttle_limits_the_rate(proxy: FaultProxy, connection: Connection) -> None:
    proxy.throttle(100_000)
    started = time.monotonic()
    await say(connection, b"x" * 20_000)
    await hear(connection, 20_000)
    assert time.monotonic() - started >= 0.2


async def test_cut_after_ends_a_reply_in_the_middle(proxy: FaultProxy, connection: Connection) -> None:
    proxy.cut_after(3)
    await say(connection, b"abcdef")
    with pytest.raises(ConnectionResetError):
        await hear(connection, 4)
    assert proxy.received == 3


async def test_dead_server_is_a_reset() -> None:
    async with FaultProxy(1) as proxy:
        with pytest.raises(ConnectionResetError):
            await hear(await asyncio.open_connection(HOST, proxy.port), 1)


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.parametrize("server", ["proxy", "fake server"])
async def test_connection_of_the_last_moment_is_closed(
    echo: Echo, monkeypatch: pytest.MonkeyPatch, turns: int, server: str
) -> None:
    """Also one that is accepted in the turn of the event loop in which the server is left; nothing is left open."""
    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: unraisable.append(error.exc_value))
    async with FakeServer(echo.serve) as behind:
        own = FaultProxy(behind.port) if server == "proxy" else FakeServer(echo.serve)
        with socket.socket() as client:
            async with own:
                client.connect((HOST, own.port))
                for _ in range(turns):
                    await asyncio.sleep(0)
            await asyncio.sleep(0)  # the transports close their sockets
            gc.collect()
            assert not unraisable
