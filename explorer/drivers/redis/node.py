"""One server: a pool of redis-py's connections, and requests whose replies are read in order.

A request is sent once. Whether it may have been sent is known, so a lost reply and a refused connection are different
errors; repeating is up to the caller.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias, cast

from redis.asyncio.connection import (
    AbstractConnection,
    BlockingConnectionPool,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from explorer.drivers.common.request_log import log_request
from explorer.drivers.redis.errors import translated
from explorer.drivers.redis.settings import RedisSettings
from explorer.model.address import Host
from explorer.model.errors import ExplorerError

Argument: TypeAlias = bytes | str | int
Command: TypeAlias = tuple[Argument, ...]
Reply: TypeAlias = "bytes | int | ResponseError | list[Reply] | None"
"""A reply of protocol 2. An error is raised by `call`, and a value in the replies of several commands."""

_LOG: Final = logging.getLogger(__package__)
_MAX_CONNECTIONS: Final = 16
TLS_HANDSHAKE_TIMEOUT: Final = 4.0
"""Seconds in which the server has to answer the TLS handshake; one that does not speak TLS never does."""
_NAME_WORDS: Final = ("CLIENT", "CLUSTER", "OBJECT", "SENTINEL", "ACL", "MEMORY", "SCRIPT")
"""Commands whose second word is part of the name."""


class TlsConnection(SSLConnection):
    """Connection with a TLS context of our own, and the name that is expected in the certificate."""

    def __init__(self, *, context: ssl.SSLContext, server_name: str | None, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type] # passed on as the pool got them
        self.ssl_context.context = context
        self._server_name = server_name

    def _connection_arguments(self) -> Mapping[str, object]:
        arguments = {**super()._connection_arguments(), "ssl_handshake_timeout": TLS_HANDSHAKE_TIMEOUT}
        return {**arguments, "server_hostname": self._server_name} if self._server_name else arguments


async def _greet(connection: AbstractConnection) -> None:
    """Log in, and exchange one request: what is sent on a connection that is not even open was never sent."""
    await connection.on_connect()
    await connection.send_command("PING", check_health=False)
    with suppress(ResponseError):  # a user who may not ping is connected all the same
        await connection.read_response()


class RedisNode:
    """One server.

    Args:
        settings: Settings of the store.
        host: Host and port; a unix socket is in the settings.
        tls: TLS context; None for plain connections.
        where: Beginning of messages about it, where there are several.
        database: Number of the database.
    """

    def __init__(
        self,
        settings: RedisSettings,
        host: Host,
        tls: ssl.SSLContext | None,
        *,
        where: str = "",
        database: int = 0,
    ) -> None:
        self.host = host
        self.where = where
        user, password = settings.access.user, settings.access.password
        options: dict[str, object] = {"host": host.name, "port": host.port}
        kind: type[AbstractConnection] = Connection
        if settings.socket:
            options, kind = {"path": str(settings.socket)}, UnixDomainSocketConnection
        elif tls is not None:
            options |= {"context": tls, "server_name": settings.access.server_name}
            kind = TlsConnection
        options |= {
            "connection_class": kind,
            "max_connections": _MAX_CONNECTIONS,
            "timeout": None,  # as long as the caller waits for a free connection
            "db": database,
            "username": user,
            "password": password.reveal() if password else None,
            "socket_timeout": None,
            "socket_connect_timeout": None,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "driver_info": None,
            "redis_connect_func": _greet,
        }
        self._pool = cast("Callable[..., BlockingConnectionPool]", BlockingConnectionPool)(**options)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def call(self, command: Command, within: float) -> Reply:
        """Send one command and return its reply.

        Raises:
            ResponseError: The server replied with an error.
        """
        (reply,) = await self.send((command,), within)
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    async def send(self, commands: Sequence[Command], within: float) -> list[Reply]:
        """Send commands in one go and return their replies.

        Raises:
            NotReachable: There was no connection, so nothing was sent; or a reply was lost.
        """
        began, status = time.monotonic(), "OK"
        try:
            async with self.exclusive(within) as link:
                return await link.send(commands)
        except ExplorerError as error:
            status = type(error).__name__
            raise
        finally:
            log_request(_LOG, _name_of(commands), self.host, began, status)

    @asynccontextmanager
    async def exclusive(self, within: float) -> AsyncGenerator["Link", None]:
        """Take a connection for requests that belong together, such as a transaction.

        After an error in the block it is closed: a transaction may be under way.
        """
        deadline = asyncio.get_running_loop().time() + within
        with translated(self.where, sent=False):
            async with asyncio.timeout_at(deadline):
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call] # redis-py's
        link = Link(connection, self.where, deadline)
        try:
            yield link
        except BaseException:
            link.is_clean = False
            raise
        finally:
            if not link.is_clean:
                await connection.disconnect(nowait=True)
            await self._pool.release(connection)


class Link:
    """One connection while it is used by one task."""

    def __init__(self, connection: AbstractConnection, where: str, deadline: float) -> None:
        self._connection = connection
        self._where = where
        self._deadline = deadline
        self.is_clean = True
        """False once replies may be left unread, or a transaction be under way."""

    async def send(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one go and return their replies."""
        self.is_clean = False
        with translated(self._where, sent=True):
            async with asyncio.timeout_at(self._deadline):
                await self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
                replies = [await self._read() for _ in commands]
        self.is_clean = True
        return replies

    async def _read(self) -> Reply:
        try:
            reply: Reply = await self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return error
        return reply


def _name_of(commands: Sequence[Command]) -> str:
    """Return the name of the commands for the log, without keys and values."""
    first = commands[0]
    words = first[:2] if str(first[0]) in _NAME_WORDS else first[:1]
    name = " ".join(map(str, words))
    return name if len(commands) == 1 else f"{name} and {len(commands) - 1} more"
