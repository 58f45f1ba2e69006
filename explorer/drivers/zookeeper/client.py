"""kazoo's client with our connection: sessions, reconnection, pings and authentication.

It runs on one thread of ours. kazoo would start two more for callbacks; ours are made on the connection's own thread
and only hand results to the event loop. kazoo's watches are not used: it has no persistent ones.
"""

import asyncio
import select
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, cast

from kazoo.client import KazooClient
from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.protocol.serialization import CloseInstance
from kazoo.protocol.states import KazooState, KeeperState

from explorer.drivers.common.threads import ThreadFuture, Worker
from explorer.drivers.zookeeper.frames import NotSent, SilentServer
from explorer.drivers.zookeeper.kazoo_connection import KAZOO_LOG, KazooConnection
from explorer.drivers.zookeeper.messages import ZooKeeperRequest
from explorer.drivers.zookeeper.session_state import SessionState
from explorer.drivers.zookeeper.settings import ZooKeeperSettings

_CONNECT_TIMEOUT: Final = 3.0
"""Seconds in which a server has to accept a connection."""
_RETRY_OPTIONS: Final = {"max_tries": -1, "delay": 0.05, "backoff": 2, "max_delay": 1.0, "max_jitter": 0.5}
_CLOSED_STATES: Final = (KeeperState.AUTH_FAILED, KeeperState.CLOSED, KeeperState.EXPIRED_SESSION)


class Client:
    """A client with one session, created and used on the event loop.

    Args:
        settings: The servers and credentials.
        session_timeout: Requested session timeout in seconds.
        state: Called back with connections, losses and events.
        tls: The TLS settings; None for plain connections.
    """

    def __init__(
        self, settings: ZooKeeperSettings, session_timeout: float, state: SessionState, tls: ssl.SSLContext | None
    ) -> None:
        access = settings.access
        password = access.password.reveal() if access.password else ""
        digest = access.user is not None and settings.sasl is None
        sasl = {"mechanism": settings.sasl, "username": access.user, "password": password} if settings.sasl else None
        self._worker = Worker(f"ZooKeeper {settings.hosts[0]}")
        self._handler = _Handler(self._worker, tls, access.server_name)
        self._kazoo = KazooClient(
            hosts=",".join(map(str, settings.hosts)),
            timeout=session_timeout,
            handler=self._handler,
            auth_data={("digest", f"{access.user}:{password}")} if digest else None,
            sasl_options=sasl,
            connection_retry=dict(_RETRY_OPTIONS) | {"sleep_func": self._handler.sleep_func},
            logger=KAZOO_LOG,
        )
        self._connection = KazooConnection(self._kazoo, state, access.timeout, sasl)
        self._handler.connection = self._connection
        self._kazoo._connection = self._connection  # noqa: SLF001 - kazoo offers no way to give it one
        self._kazoo.add_listener(lambda kazoo_state: _on_state(state, kazoo_state))

    def start(self) -> None:
        """Connect, and reconnect until closed."""
        self._kazoo.start_async()

    def send(self, requests: Sequence[ZooKeeperRequest[object]]) -> list[asyncio.Future[object]]:
        """Send requests and return the futures of their answers, which fail with kazoo's exceptions."""
        replies: list[ThreadFuture[object]] = [ThreadFuture() for _ in requests]  # instead of kazoo's futures
        kazoo = self._kazoo
        if kazoo._state in _CLOSED_STATES:  # noqa: SLF001 - kazoo has no other way in
            for reply in replies:
                reply.set_exception(NotSent())
        else:
            kazoo._queue.extend(zip(requests, replies, strict=True))  # noqa: SLF001 - what all of kazoo's own calls do
            self._connection.wake()
        return [reply.future for reply in replies]

    @property
    def zxid(self) -> int:
        """Last transaction of the server at its last answer."""
        return cast("int", self._kazoo.last_zxid)

    def drop(self) -> None:
        """Close the connection, not the session, so that another server is tried."""
        connected: socket.socket | None = self._connection._socket  # noqa: SLF001 - kazoo offers no way
        self._connection.mark_silent()
        if connected is not None:
            with suppress(OSError):  # it is closed already
                connected.shutdown(socket.SHUT_RDWR)

    async def close(self, within: float) -> None:
        """Close the session; if the server does not answer within so many seconds, the session expires."""
        kazoo = self._kazoo
        if not kazoo._stopped.is_set():  # noqa: SLF001 - kazoo has no other way in
            kazoo._stopped.set()  # noqa: SLF001 - kazoo's own stop would block the event loop
            kazoo._queue.append((CloseInstance, None))  # noqa: SLF001 - kazoo has no other way in
            self._connection.wake()
        if not await self._worker.close(within):
            self.drop()
            await self._worker.close(within)
        if self._connection.connection_stopped.is_set():
            kazoo.close()


class _Handler(SequentialThreadingHandler):  # type: ignore[misc] # kazoo has no types
    """kazoo's handler: runs its connection on our thread and creates its sockets."""

    def __init__(self, worker: Worker, tls: ssl.SSLContext | None, server_name: str | None) -> None:
        super().__init__()
        self.connection: KazooConnection | None = None
        self._worker = worker
        self._tls = tls
        self._server_name = server_name

    def select(
        self, readers: Sequence[socket.socket], writers: Sequence[socket.socket], _: object, timeout: float
    ) -> tuple[list[socket.socket], list[socket.socket], list[socket.socket]]:
        """Wait until one of the sockets can be read or written.

        Raises:
            SilentServer: An answer has been due for too long, and there are other servers.
        """
        end = self.connection.silence_end() if self.connection else None
        until = time.monotonic() + max(timeout, 0) if end is None else min(time.monotonic() + max(timeout, 0), end)
        events_by_fd: defaultdict[int, int] = defaultdict(int)
        for reader in readers:
            events_by_fd[reader.fileno()] |= select.POLLIN
        for writer in writers:
            events_by_fd[writer.fileno()] |= select.POLLOUT
        poll = select.poll()
        for number, events in events_by_fd.items():
            poll.register(number, events)
        ready = dict(poll.poll(max(until - time.monotonic(), 0) * 1000))
        if not ready and end is not None and time.monotonic() >= end and self.connection:
            self.connection.mark_silent()
            raise SilentServer("the server does not answer")
        readable = [reader for reader in readers if ready.get(reader.fileno(), 0) & ~select.POLLOUT]
        writable = [writer for writer in writers if ready.get(writer.fileno(), 0) & ~select.POLLIN]
        return readable, writable, []

    def start(self) -> None:
        """Do nothing: kazoo would start its own threads here."""

    def stop(self) -> None:
        """Do nothing: there are no threads of kazoo to stop."""

    def spawn(self, function: Callable[[], None]) -> None:
        """Run the connection on our thread."""
        self._worker.call(function).add_done_callback(_ignore_result)

    def dispatch_callback(self, callback: object) -> None:
        """Do nothing: kazoo's watches are not used."""

    def create_connection(self, address: tuple[str, int], hostname: str, timeout: float, **_: object) -> socket.socket:
        """Return a socket that is connected to a server."""
        left = self.connection.time_left() if self.connection else timeout
        made = socket.create_connection(address, timeout=min(timeout, left, _CONNECT_TIMEOUT))
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                return made
            return self._tls.wrap_socket(made, server_hostname=self._server_name or hostname)
        except BaseException:
            made.close()
            raise


def _on_state(state: SessionState, kazoo_state: str) -> None:
    if kazoo_state != KazooState.CONNECTED:  # KazooConnection reports that, after the authentication
        state.on_disconnected(expired=kazoo_state == KazooState.LOST)


def _ignore_result(future: asyncio.Future[None]) -> None:
    """Retrieve the exception of the connection's thread: an interrupted pause between two attempts is no failure."""
    if not future.cancelled():
        future.exception()
