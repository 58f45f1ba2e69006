"""kazoo's connection, and nothing else of kazoo: sessions, reconnection, pings, authentication.

It runs on one thread of ours. kazoo would start two more for callbacks; ours only hand something to the event loop and
so are made on the connection's own thread. What kazoo does with watches is not used: it knows only those that are told
once.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, cast

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError, SequentialThreadingHandler
from kazoo.protocol.connection import ConnectionHandler
from kazoo.protocol.serialization import CloseInstance, Watch
from kazoo.protocol.states import KazooState

from explorer.drivers.threads import Reply, Worker
from explorer.drivers.zookeeper.messages import Request
from explorer.drivers.zookeeper.settings import Settings

_LOG: Final = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())  # a terminal is not to be written over
_CONNECTING: Final = 3.0
"""Seconds that a server has to accept a connection."""
_RETRY: Final = {"max_tries": -1, "delay": 0.05, "backoff": 2, "max_delay": 1.0, "max_jitter": 0.5}

CREATED, DELETED, CHANGED, CHILDREN = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a watch: what (CREATED, ...) happened to which node."""

    kind: int
    path: str


class Listener(Protocol):
    """Who is told what the connection does, on the connection's own thread."""

    def connected(self, session: int, seconds: float) -> None:
        """A server granted this session, or gave it on, with this time-out."""

    def failed(self, error: BaseException) -> None:
        """A server could not be connected to."""

    def disconnected(self, *, ended: bool) -> None:
        """The connection was lost, and the session with it if it has `ended`."""

    def happened(self, event: Happened) -> None:
        """An event came."""


class Client:
    """One session with the servers. Made and used on the event loop.

    Args:
        settings: How to connect.
        session: Seconds after which the servers are to end the session when they hear nothing.
        listener: Is told what happens.
        tls: What is trusted and shown on encrypted connections.
    """

    def __init__(self, settings: Settings, session: float, listener: Listener, tls: ssl.SSLContext | None) -> None:
        access = settings.access
        password = access.password.reveal() if access.password else ""
        digest = access.user is not None and settings.sasl is None
        sasl = {"mechanism": settings.sasl, "username": access.user, "password": password} if settings.sasl else None
        self._worker = Worker(f"ZooKeeper {settings.hosts[0]}")
        self._handler = _Handler(self._worker, tls, access.server_name)
        self._kazoo = KazooClient(
            hosts=",".join(map(str, settings.hosts)),
            timeout=session,
            handler=self._handler,
            auth_data={("digest", f"{access.user}:{password}")} if digest else None,
            sasl_options=sasl,
            connection_retry=dict(_RETRY) | {"sleep_func": self._handler.sleep_func},
            logger=_LOG,
        )
        self._kazoo._connection = _Connection(self._kazoo, listener, sasl)  # noqa: SLF001 - kazoo offers no way to give it one
        self._kazoo.add_listener(lambda state: _tell(listener, state))

    def start(self) -> None:
        """Begin to connect, and go on until closed."""
        self._kazoo.start_async()

    def send(self, request: Request[object]) -> asyncio.Future[object]:
        """Send a request; the future fails with kazoo's exceptions."""
        reply: Reply[object] = Reply()  # in the place of kazoo's own kind of future
        self._kazoo._call(request, reply)  # noqa: SLF001 - what all of kazoo's own calls are made of
        return reply.future

    @property
    def zxid(self) -> int:
        """The transaction that the server had come to with its last answer."""
        return cast("int", self._kazoo.last_zxid)

    def drop(self) -> None:
        """End the connection, not the session, so that another server is tried."""
        opened: socket.socket | None = self._kazoo._connection._socket  # noqa: SLF001 - kazoo offers no way
        if opened is not None:
            try:
                opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is gone already

    async def close(self, within: float) -> None:
        """End the session; a server that does not answer in so many seconds ends it by its time-out."""
        kazoo = self._kazoo
        if not kazoo._stopped.is_set():  # noqa: SLF001 - kazoo has no other way in
            kazoo._stopped.set()  # noqa: SLF001 - kazoo's own stop would block the event loop
            kazoo._queue.append((CloseInstance, None))  # noqa: SLF001 - kazoo has no other way in
            kazoo._connection._write_sock.send(b"\0")  # noqa: SLF001 - kazoo has no other way in
        if not await self._worker.close(within):
            self.drop()
            await self._worker.close(within)
        if kazoo._connection.connection_stopped.is_set():  # noqa: SLF001 - kazoo has no other way in
            kazoo.close()


class _Handler(SequentialThreadingHandler):  # type: ignore[misc] # kazoo has no types
    """Runs kazoo's connection on our thread, and makes its sockets."""

    def __init__(self, worker: Worker, tls: ssl.SSLContext | None, server_name: str | None) -> None:
        super().__init__()
        self._worker = worker
        self._tls = tls
        self._server_name = server_name

    def start(self) -> None:
        """Start no threads of kazoo's own."""

    def stop(self) -> None:
        """There are none to stop."""

    def spawn(self, function: Callable[[], None]) -> None:
        """Run the connection."""
        self._worker.call(function).add_done_callback(_end)

    def dispatch_callback(self, callback: object) -> None:
        """Make a callback of kazoo's watches, of which there are none."""

    def create_connection(self, address: tuple[str, int], hostname: str, timeout: float, **_: object) -> socket.socket:
        """Connect to a server."""
        made = socket.create_connection(address, timeout=min(timeout, _CONNECTING))
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                return made
            return self._tls.wrap_socket(made, server_hostname=self._server_name or hostname)
        except BaseException:
            made.close()
            raise


class _Connection(ConnectionHandler):  # type: ignore[misc] # kazoo has no types
    """kazoo's connection, telling what its own does not."""

    def __init__(self, client: KazooClient, listener: Listener, sasl: dict[str, str | None] | None) -> None:
        super().__init__(client, client._conn_retry.copy(), logger=_LOG, sasl_options=sasl)  # noqa: SLF001 - kazoo has no other way in
        self._listener = listener

    def _connect(self, host: str, hostip: str, port: int) -> tuple[float, float]:
        try:
            read_timeout, connect_timeout = super()._connect(host, hostip, port)
        except (KazooException, KazooTimeoutError, OSError) as error:
            self._listener.failed(error.__context__ or error)
            raise
        # Two thirds of the session's time-out are what kazoo reads for, in milliseconds.
        self._listener.connected(cast("int", self.client._session_id), read_timeout * 1.5 / 1000)  # noqa: SLF001 - kazoo has no other way in
        return read_timeout, connect_timeout

    def _read_watch_event(self, buffer: bytes, offset: int) -> None:
        event, _ = Watch.deserialize(buffer, offset)
        self._listener.happened(Happened(event.type, event.path))


def _tell(listener: Listener, state: str) -> None:
    if state != KazooState.CONNECTED:  # which is told once the user is proved, too
        listener.disconnected(ended=state == KazooState.LOST)


def _end(future: asyncio.Future[None]) -> None:
    """Take note of how the connection's thread ended: an interrupted pause between two attempts is no failure."""
    if not future.cancelled():
        future.exception()
