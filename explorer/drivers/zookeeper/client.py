"""kazoo's connection, and nothing else of kazoo: sessions, reconnection, pings, authentication.

It runs on one thread of ours. kazoo would start two more for callbacks; ours only hand something to the event loop and
so are made on the connection's own thread. What kazoo does with watches is not used: it knows only those that are told
once.
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
from explorer.drivers.zookeeper.frames import NotSent, SilentServer, WatchedEvent
from explorer.drivers.zookeeper.kazoo_connection import KAZOO_LOG, KazooConnection, Listener
from explorer.drivers.zookeeper.messages import Request
from explorer.drivers.zookeeper.settings import ZooKeeperSettings

__all__ = ["CHANGED", "CHILDREN", "CREATED", "DELETED", "Client", "Listener", "WatchedEvent"]

_CONNECTING: Final = 3.0
"""Seconds that a server has to accept a connection."""
_RETRY: Final = {"max_tries": -1, "delay": 0.05, "backoff": 2, "max_delay": 1.0, "max_jitter": 0.5}
_CLOSED: Final = (KeeperState.AUTH_FAILED, KeeperState.CLOSED, KeeperState.EXPIRED_SESSION)

CREATED, DELETED, CHANGED, CHILDREN = 1, 2, 3, 4


class Client:
    """One session with the servers. Made and used on the event loop.

    Args:
        settings: How to connect.
        session: Seconds after which the servers are to end the session when they hear nothing.
        listener: Is told what happens.
        tls: What is trusted and shown on encrypted connections.
    """

    def __init__(
        self, settings: ZooKeeperSettings, session: float, listener: Listener, tls: ssl.SSLContext | None
    ) -> None:
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
            logger=KAZOO_LOG,
        )
        self._connection = KazooConnection(self._kazoo, listener, access.timeout, sasl)
        self._handler.connection = self._connection
        self._kazoo._connection = self._connection  # noqa: SLF001 - kazoo offers no way to give it one
        self._kazoo.add_listener(lambda state: _tell(listener, state))

    def start(self) -> None:
        """Begin to connect, and go on until closed."""
        self._kazoo.start_async()

    def send(self, requests: Sequence[Request[object]]) -> list[asyncio.Future[object]]:
        """Send requests, which are answered in this order; a future fails with whatever kazoo makes of it."""
        replies: list[ThreadFuture[object]] = [
            ThreadFuture() for _ in requests
        ]  # in the place of kazoo's own kind of future
        kazoo = self._kazoo
        if kazoo._state in _CLOSED:  # noqa: SLF001 - kazoo has no other way in
            for reply in replies:
                reply.set_exception(NotSent())
        else:
            kazoo._queue.extend(zip(requests, replies, strict=True))  # noqa: SLF001 - what all of kazoo's own calls do
            self._connection.wake()
        return [reply.future for reply in replies]

    @property
    def zxid(self) -> int:
        """The transaction that the server had come to with its last answer."""
        return cast("int", self._kazoo.last_zxid)

    def drop(self) -> None:
        """End the connection, not the session, so that another server is tried."""
        opened: socket.socket | None = self._connection._socket  # noqa: SLF001 - kazoo offers no way
        self._connection.mark_silent()
        if opened is not None:
            with suppress(OSError):  # it is gone already
                opened.shutdown(socket.SHUT_RDWR)

    async def close(self, within: float) -> None:
        """End the session; a server that does not answer in so many seconds ends it by its time-out."""
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
    """Runs kazoo's connection on our thread, and makes its sockets."""

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
            SilentServer: A server that owes an answer was silent for too long, and there are others.
        """
        end = self.connection.silence_end() if self.connection else None
        until = time.monotonic() + max(timeout, 0) if end is None else min(time.monotonic() + max(timeout, 0), end)
        wanted: defaultdict[int, int] = defaultdict(int)
        for one in readers:
            wanted[one.fileno()] |= select.POLLIN
        for one in writers:
            wanted[one.fileno()] |= select.POLLOUT
        poll = select.poll()
        for number, events in wanted.items():
            poll.register(number, events)
        ready = dict(poll.poll(max(until - time.monotonic(), 0) * 1000))
        if not ready and end is not None and time.monotonic() >= end and self.connection:
            self.connection.mark_silent()
            raise SilentServer("the server is silent")
        readable = [one for one in readers if ready.get(one.fileno(), 0) & ~select.POLLOUT]
        writable = [one for one in writers if ready.get(one.fileno(), 0) & ~select.POLLIN]
        return readable, writable, []

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
        left = self.connection.time_left() if self.connection else timeout
        made = socket.create_connection(address, timeout=min(timeout, left, _CONNECTING))
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                return made
            return self._tls.wrap_socket(made, server_hostname=self._server_name or hostname)
        except BaseException:
            made.close()
            raise


def _tell(listener: Listener, state: str) -> None:
    if state != KazooState.CONNECTED:  # which is told once the user is proved, too
        listener.disconnected(ended=state == KazooState.LOST)


def _end(future: asyncio.Future[None]) -> None:
    """Take note of how the connection's thread ended: an interrupted pause between two attempts is no failure."""
    if not future.cancelled():
        future.exception()
