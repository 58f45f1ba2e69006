"""Changed keys as the server names them: client tracking in broadcast mode, or keyspace notifications.

Tracking needs no setting of the server. It names the keys below a prefix that were written, deleted or expired, in all
databases and without a value; a key that is written several times within one cycle of the server is named once. Neither
kind is kept for a client that is away: after each connection everything is read again.

Keyspace notifications are used where the URL asks for them. The server has to be configured for them
(`notify-keyspace-events`), which is up to its operator.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

from redis.exceptions import ResponseError

from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.errors import reply_error, translate, translated
from explorer.drivers.redis.keyspace import pattern_below
from explorer.drivers.redis.node import TLS_HANDSHAKE_TIMEOUT, RedisNode
from explorer.drivers.redis.resp3 import ErrorFrame, Frame, PushFrame, Resp3Parser, encode_command
from explorer.drivers.redis.settings import RedisSettings
from explorer.model.errors import CallNotSupported, Denied, Forbidden, NotReachable, Timeout

Changed: TypeAlias = list[bytes] | None
"""Keys that changed; None if the whole database was flushed."""

_READ_SIZE: Final = 2**16
_EVENT_CLASSES: Final = "g$lshzxet"
"""Classes of keyspace notifications that a change can have; A stands for all of them."""


class PushConnection:
    """A connection of protocol 3 that only listens.

    Args:
        settings: Settings of the store.
        where: Beginning of messages about the server.
        reader: Stream of the connection.
        writer: Stream of the connection.
    """

    def __init__(
        self, settings: RedisSettings, where: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._settings = settings
        self._where = where
        self._reader = reader
        self._writer = writer
        self._parser = Resp3Parser()
        self._frames: list[Frame] = []
        self._timeout = settings.access.timeout

    def send(self, *words: bytes | str) -> None:
        """Send a command."""
        self._writer.write(encode_command(*words))

    async def request(self, *words: bytes | str) -> Frame:
        """Send a command and return its reply; what is pushed before it is kept."""
        self.send(*words)
        kept: list[Frame] = []
        async with asyncio.timeout(self._timeout):
            while True:
                frame = await self._next()
                if isinstance(frame, PushFrame):
                    kept.append(frame)
                    continue
                self._frames[:0] = kept
                if isinstance(frame, ErrorFrame):
                    raise self._error(frame)
                return frame

    def _error(self, frame: ErrorFrame) -> Exception:
        code, _, text = frame.partition(" ")
        return reply_error(ResponseError(text if code.isupper() else frame, status_code=code), self._where)

    async def _next(self) -> Frame:
        while not self._frames:
            data = await self._reader.read(_READ_SIZE)
            if not data:
                raise NotReachable(f"{self._where}connection lost")
            self._frames = self._parser.feed(data)
        return self._frames.pop(0)

    async def pushes(self) -> AsyncGenerator[list[PushFrame], None]:
        """Yield what is pushed, as it arrives; a silent server is asked whether it is alive."""
        asked = False
        while True:
            pushed = [frame for frame in self._frames if isinstance(frame, PushFrame)]
            self._frames = []
            if pushed:
                yield pushed
            try:
                async with asyncio.timeout(self._timeout / 2):
                    data = await self._reader.read(_READ_SIZE)
            except TimeoutError:
                if asked:
                    raise Timeout(f"{self._where}no answer in time") from None
                self.send("PING")
                asked = True
                continue
            if not data:
                raise NotReachable(f"{self._where}connection lost")
            asked = False
            with translated(self._where, sent=True):
                self._frames = self._parser.feed(data)


@asynccontextmanager
async def push_connection(connection: RedisConnection, node: RedisNode) -> AsyncGenerator[PushConnection, None]:
    """Open a connection of protocol 3 to a server."""
    settings = connection.settings
    try:
        async with asyncio.timeout(connection.topology.share(connection.timeout)):
            if settings.socket:
                reader, writer = await asyncio.open_unix_connection(settings.socket)
            else:
                reader, writer = await asyncio.open_connection(
                    node.host.name,
                    node.host.port,
                    ssl=connection.tls,
                    ssl_handshake_timeout=TLS_HANDSHAKE_TIMEOUT if connection.tls else None,
                    server_hostname=(settings.access.server_name or node.host.name) if connection.tls else None,
                )
    except (OSError, TimeoutError) as error:
        connection.topology.report_failure(node)
        raise translate(error, node.where, sent=False) from error
    found = PushConnection(settings, node.where, reader, writer)
    try:
        with translated(node.where, sent=True):
            user, password = settings.access.user, settings.access.password
            login = ("AUTH", user or "default", password.reveal()) if password else ()
            await found.request("HELLO", "3", *login)
            yield found
    except NotReachable:
        connection.topology.report_failure(node)
        raise
    finally:
        writer.close()
        with suppress(OSError):
            writer.transport.abort()


async def changed_keys(connection: RedisConnection, node: RedisNode, prefix: bytes) -> AsyncGenerator[Changed, None]:
    """Yield the keys that change below a prefix, or the one that is the prefix; an empty list once that is established.

    Raises:
        Forbidden: The user may not track keys.
    """
    async with push_connection(connection, node) as link:
        if connection.settings.keyspace_events:
            start = f"__keyspace@{connection.settings.database}__:".encode()
            await _require_notifications(connection, node)
            link.send("PSUBSCRIBE", pattern_below(start + prefix))  # its reply is a push
            try:
                await link.request("PING")
            except Forbidden as error:
                raise Forbidden(error.message, hint="allow `&__keyspace@*` and `psubscribe`") from error
        else:
            start = b""
            try:
                await link.request("CLIENT", "TRACKING", "ON", "BCAST", *(("PREFIX", prefix) if prefix else ()))
            except Forbidden as error:
                raise Forbidden(error.message, hint="allow `client|tracking`, or use ?events=keyspace") from error
        yield []
        async for pushes in link.pushes():
            keys: list[bytes] = []
            for push in pushes:
                match push:
                    case [b"invalidate", None]:
                        yield None
                    case [b"invalidate", [*names]]:
                        keys += [name for name in names if isinstance(name, bytes)]
                    case [b"pmessage", _, bytes(channel), _] if start and channel.startswith(start):
                        keys.append(channel[len(start) :])
                    case _:
                        continue
            if keys:
                yield keys


async def _require_notifications(connection: RedisConnection, node: RedisNode) -> None:
    """Raise CallNotSupported if the server says that it sends no keyspace notifications of every kind of change."""
    try:
        reply = await connection.call_node(node, ("CONFIG", "GET", "notify-keyspace-events"), connection.timeout)
    except Denied:
        connection.notifications_known = False
        return
    match reply:
        case [_, bytes(flags)]:
            text = flags.decode()
            if "K" in text and ("A" in text or set(_EVENT_CLASSES) <= set(text)):
                return
            raise CallNotSupported(
                f"the server's notify-keyspace-events is {text!r}, so that it does not report every change",
                hint="its operator sets it to KA, or leave ?events=keyspace out",
            )
        case _:
            return
