"""A TCP proxy between a client and a real server that spoils the connection in one chosen way.

It runs on the test's own event loop:

    async with FaultProxy(server.client_port) as proxy:
        ...                      # connect to 127.0.0.1:{proxy.port}
        proxy.drop_replies()     # writes arrive and nobody hears so
        proxy.heal()
"""

import asyncio
import enum
import socket
import struct
from typing import Self

from tests.servers.processes import HOST

_CHUNK = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: closing sends RST instead of FIN


class Mode(enum.Enum):
    """The fault that the proxy applies to its connections, old and new."""

    PASS = enum.auto()
    RESET = enum.auto()  # all are reset, and whoever connects is reset too
    HANG = enum.auto()  # half-open: connections are accepted and stay, no byte moves either way
    DROP_REPLIES = enum.auto()  # what the client says arrives, what the server answers does not


class FaultProxy:
    """Forwards one loopback port to a server's, as `mode` and the other settings allow at that moment.

    `accepted` counts connections since the start, `connections` those open now, `sent` and `received` the bytes
    forwarded to the server and to the client, `dropped` those of replies that were swallowed. What was held back by
    `hang` arrives late when it ends, as on a network that comes back; what `drop_replies` swallowed is gone, so a
    connection that lost bytes is reset by `heal`.
    """

    def __init__(self, server_port: int, port: int = 0) -> None:
        self.server_port = server_port
        self.port = port
        self.mode = Mode.PASS
        self.accepted = self.sent = self.received = self.dropped = 0
        self._resets = 0
        self._delay = 0.0
        self._rate: float | None = None
        self._budget: int | None = None
        self._words: bytes | None = None
        self._moving = asyncio.Event()
        self._moving.set()
        self._open: dict[asyncio.Task[None], _Connection] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._open)

    def heal(self) -> None:
        """Forward everything at full speed again; connections that lost bytes are reset, as they are beyond use."""
        self._set(Mode.PASS)
        self._delay, self._rate, self._budget, self._words = 0.0, None, None, None
        for connection in self._open.values():
            if connection.lossy:
                connection.reset()

    def reset(self) -> None:
        """Reset (RST) every connection now and every new one until `heal`."""
        self._set(Mode.RESET)
        self.reset_connections()

    def reset_connections(self) -> None:
        """Reset the connections of this moment; new ones are forwarded as before."""
        self._resets += 1
        for connection in self._open.values():
            connection.reset()

    def hang(self) -> None:
        """Keep and accept connections and forward nothing: the half-open connection after a lost network."""
        self._set(Mode.HANG)

    def drop_replies(self) -> None:
        """Forward requests and swallow replies: the way to a write whose outcome its writer does not know."""
        self._set(Mode.DROP_REPLIES)

    def drop_replies_to(self, words: bytes) -> None:
        """Forward everything until these words (in one chunk) go to the server, and `drop_replies` from there on."""
        self._words = words

    def delay(self, seconds: float) -> None:
        """Hold every chunk for so long, in both directions."""
        self._delay = seconds

    def throttle(self, bytes_per_second: float) -> None:
        """Forward no faster than this, per connection and direction."""
        self._rate = bytes_per_second

    def cut_after(self, reply_bytes: int) -> None:
        """Forward so many more bytes of replies, all connections together, then `reset`: a reply cut in the middle."""
        self._budget = reply_bytes

    def _set(self, mode: Mode) -> None:
        self.mode = mode
        if mode is Mode.HANG:
            self._moving.clear()
        else:
            self._moving.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            await close_listener(self._server)
        tasks, connections = [*self._opening, *self._open], [*self._open.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in connections:
            connection.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.mode is Mode.RESET:
            _reset(writer)
            return
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served by its own task")
        self._opening.add(task)
        resets = self._resets
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self.server_port)
        except OSError:
            _reset(writer)
            return
        except asyncio.CancelledError:
            _reset(writer)
            raise
        finally:
            self._opening.discard(task)
        connection = _Connection(writer, server_writer)
        if self._resets > resets:
            connection.reset()
            return
        self._open[task] = connection
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._requests(reader, server_writer))
                pumps.create_task(self._replies(server_reader, writer, connection))
        except* OSError:
            connection.reset()
        finally:
            del self._open[task]
            connection.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._hold(len(data))
            if self._words is not None and self._words in data:
                self.drop_replies()
            writer.write(data)
            self.sent += len(data)
            await writer.drain()
        await self._finish(writer)

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: "_Connection"
    ) -> None:
        while data := await reader.read(_CHUNK):
            await self._hold(len(data))
            if self.mode is Mode.DROP_REPLIES:
                connection.lossy = True
                self.dropped += len(data)
                continue
            allowed = data if self._budget is None else data[: self._budget]
            writer.write(allowed)
            self.received += len(allowed)
            if self._budget is not None:
                self._budget -= len(allowed)
            await writer.drain()
            if self._budget == 0:
                self._budget = None
                self.reset()
                return
        await self._finish(writer)

    async def _hold(self, size: int) -> None:
        await self._moving.wait()
        if pause := self._delay + (0.0 if self._rate is None else size / self._rate):
            await asyncio.sleep(pause)
            await self._moving.wait()  # the network may have gone meanwhile

    async def _finish(self, writer: asyncio.StreamWriter) -> None:
        """Pass on that one side has said all it had to say; the other may still answer."""
        await self._moving.wait()
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()


class _Connection:
    """The two ends of one forwarded connection."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._ends = (client, server)
        self.lossy = False

    def reset(self) -> None:
        for end in self._ends:
            _reset(end)

    def close(self) -> None:
        for end in self._ends:
            end.close()

    def abort(self) -> None:
        """Close both ends at once, also one that does not read what was sent to it."""
        for end in self._ends:
            end.transport.abort()


async def close_listener(server: asyncio.Server) -> None:
    """Close a listening server once all connections that it accepted are served by a task.

    asyncio forgets, without closing it, the socket of one that was accepted in the same turn of the loop.
    """
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    for _turn in range(3):  # the transport is made, it is connected, the task begins
        await asyncio.sleep(0)
    server.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    peer: socket.socket | None = writer.get_extra_info("socket")
    if peer is not None and not writer.is_closing():
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
