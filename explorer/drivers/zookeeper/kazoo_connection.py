"""kazoo's connection with what it lacks: requests and answers in batches, bounds, and no failure that ends its thread.

Everything here runs on the connection's own thread. What is received is checked before it is believed: a length that
makes no sense, an answer that nobody asked for and a truncated one end the connection, and another one is made.

A server refuses a client that has seen more than it has itself, by closing the connection without an answer. It may lag
behind, or its data may be gone. So the client introduces itself once more as one that has seen nothing, and has the
leader answer: if that is behind, too, the data went back to an older state, and `Listener.connected` says so.
"""

import asyncio
import logging
import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Final, Protocol, cast

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionDropped, KazooException
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.connection import ConnectionHandler
from kazoo.protocol.serialization import Close, Connect
from kazoo.protocol.states import KeeperState
from kazoo.retry import KazooRetry

from explorer.drivers.common.threads import Settled, settle
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.frames import (
    HEADER,
    MAX_FRAME,
    FrameBuffer,
    NotSent,
    ProtocolError,
    WatchedEvent,
    read_answer,
    read_event,
)

KAZOO_LOG: Final = logging.getLogger(f"{__package__}.kazoo")
KAZOO_LOG.setLevel(logging.INFO)  # below that kazoo logs its requests, with passwords in them
_CHUNK: Final = 2**18
_REQUEST: Final = struct.Struct(">iii")
_WATCH_XID, _PING_XID = -1, -2
_MAX_XID: Final = 2**31 - 1
_PASSWORD_SIZE: Final = 16
_DENIED_PAUSE: Final = 1.0
"""Seconds between two attempts of a user that the servers do not accept."""


class Listener(Protocol):
    """Who is told what the connection does, on the connection's own thread."""

    def connected(self, session: int, seconds: float, *, restored: bool) -> None:
        """A server granted this session, or gave it on, with this time-out.

        `restored`: its data is older than what had been seen before.
        """

    def failed(self, error: BaseException) -> None:
        """A server could not be connected to."""

    def disconnected(self, *, ended: bool) -> None:
        """The connection was lost, and the session with it if it has `ended`."""

    def happened(self, event: WatchedEvent) -> None:
        """An event came."""


class KazooConnection(ConnectionHandler):  # type: ignore[misc] # kazoo has no types
    """One connection after the other to the servers, on kazoo's loop.

    Args:
        client: kazoo's client, which keeps the queue and the session.
        listener: Is told what happens.
        timeout: Seconds that a request may take.
        sasl: How a user is proved, if not by a digest.
    """

    def __init__(
        self, client: KazooClient, listener: Listener, timeout: float, sasl: dict[str, str | None] | None
    ) -> None:
        super().__init__(client, client._conn_retry.copy(), logger=KAZOO_LOG, sasl_options=sasl)  # noqa: SLF001 - kazoo has no other way in
        self._socket: socket.socket | None
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._timeout = timeout
        self._frames = FrameBuffer()
        self._sent = 0
        self._newest_zxid = 0
        self._address: tuple[str, int] = ("", 0)
        self._addresses: list[tuple[str, int]] = []
        self._silent: set[tuple[str, int]] = set()
        self._rounds = 0
        self._round_start = 0.0
        self._deadline = 0.0
        self._asked = self._received = 0.0

    # Time limits

    def time_left(self) -> float:
        """Return the seconds that are left for connecting to the present server."""
        return max(self._deadline - time.monotonic(), 0.001)

    def silence_end(self) -> float | None:
        """Return when a server that owes an answer is left for another one; None if it owes none or is alone."""
        hosts = len(self.client.hosts)
        if hosts == 1 or not self.client._pending:  # noqa: SLF001 - kazoo has no other way in
            return None
        return max(self._asked, self._received) + self._timeout / hosts

    def mark_silent(self) -> None:
        """Try the present server after all others from now on."""
        self._silent.add(self._address)

    def _attempt_limit(self) -> float:
        """Return the seconds for one server: a share of the time allowed, all that is left of it for the last one."""
        if len(self._addresses) == 1:
            return self._timeout
        share: float = self._timeout * 2.0 ** min(self._rounds - 1, 8) / (len(self._addresses) + 1)
        if self._address == self._addresses[-1]:
            share = max(share, self._timeout - (time.monotonic() - self._round_start))
        return min(share, self._timeout)

    # Connecting

    def _expand_client_hosts(self) -> list[tuple[str, str, int]]:
        try:
            found = cast("list[tuple[str, str, int]]", super()._expand_client_hosts())
        except (OSError, ValueError) as error:
            found = []
            self._listener.failed(error)
        else:
            if not found:
                self._listener.failed(OSError("the host name has no address"))
        found = sorted(dict.fromkeys(found), key=lambda address: address[1:] in self._silent)
        self._addresses = [(ip, port) for _, ip, port in found]
        self._rounds += 1
        self._round_start = time.monotonic()
        return found

    def _connect_attempt(self, host: str, hostip: str, port: int, retry: KazooRetry) -> object:
        client = self.client
        self._address = (hostip, port)
        self._frames.clear()
        try:
            status: object = super()._connect_attempt(host, hostip, port, retry)
        except Exception:  # noqa: BLE001 - whatever it is, it would end the thread, and nothing would be answered again
            if client._state != KeeperState.CONNECTING:  # noqa: SLF001 - kazoo has no other way in
                client._session_callback(KeeperState.CONNECTING)  # noqa: SLF001 - kazoo has no other way in
            return None
        if client._state == KeeperState.AUTH_FAILED:  # noqa: SLF001 - kazoo has no other way in
            retry._cur_delay = _DENIED_PAUSE  # noqa: SLF001 - kazoo would give up for good
            return None
        return status

    def _connect(self, host: str, hostip: str, port: int) -> tuple[float, float]:
        try:
            times, restored = self._establish(host, hostip, port)
        except (KazooException, KazooTimeoutError) as error:
            cause = error if isinstance(error, ProtocolError) else error.__context__ or error
            if isinstance(cause, KazooTimeoutError | TimeoutError):
                self.mark_silent()
            self._listener.failed(cause)
            raise
        except Exception as error:
            self._listener.failed(error if isinstance(error, OSError) else ProtocolError(str(error)))
            raise ConnectionDropped(str(error)) from error
        self._silent.discard(self._address)
        self._rounds = 0
        # Two thirds of the session's time-out are what kazoo reads for, in milliseconds.
        self._listener.connected(cast("int", self.client._session_id), times[0] * 1.5 / 1000, restored=restored)  # noqa: SLF001 - kazoo has no other way in
        return times

    def _establish(self, host: str, hostip: str, port: int) -> tuple[tuple[float, float], bool]:
        """Connect, and return kazoo's time limits and whether the data is older than what had been seen."""
        client, seen = self.client, self._newest_zxid
        self._deadline = time.monotonic() + self._attempt_limit()
        try:
            times = super()._connect(host, hostip, port)
        except ProtocolError:
            raise
        except ConnectionDropped:
            if self._socket is None or not client.last_zxid:
                raise
            self._socket.close()
            self._socket = None
            client.last_zxid = 0
            try:
                times = super()._connect(host, hostip, port)
            finally:
                client.last_zxid = seen
        if not seen:
            return times, False
        self._deadline = time.monotonic() + self._attempt_limit()
        zxid = cast("int", self._invoke(self.time_left(), messages.sync("/"), xid=1) or 0)
        self._xid = 1
        client.last_zxid = self._newest_zxid = zxid
        return times, zxid < seen

    def _invoke(self, timeout: float, request: object, xid: int | None = None) -> object:
        answer: object = super()._invoke(min(timeout, self.time_left()), request, xid)
        if isinstance(request, Connect):
            granted, _ = cast("tuple[Connect, None]", answer)
            if granted.protocol_version != 0 or len(granted.passwd or b"") != _PASSWORD_SIZE:
                raise ProtocolError("the answer grants no session")
        return answer

    def _read(self, length: int, timeout: float) -> bytes:
        del timeout  # every step of connecting has to be done by the same moment
        if not 0 <= length <= MAX_FRAME:
            raise ProtocolError(f"a length of {length} bytes makes no sense")
        parts: list[bytes] = []
        while length > 0:
            part = cast("bytes", super()._read(min(length, _CHUNK), self.time_left()))
            if time.monotonic() >= self._deadline:
                raise KazooTimeoutError("no answer in time")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    # Sending

    def _send_request(self, read_timeout: float, connect_timeout: float) -> None:
        del read_timeout
        queue, pending = self.client._queue, self.client._pending  # noqa: SLF001 - kazoo has no other way in
        with suppress(BlockingIOError):
            self._read_sock.recv(_CHUNK)  # what was sent to wake this thread, for any number of requests
        data, batch, ends = bytearray(), [], []
        while queue and len(data) < _CHUNK:
            request, reply = queue.popleft()
            self._xid = self._xid % _MAX_XID + 1
            body = request.serialize()
            data += _REQUEST.pack(len(body) + 8, self._xid, request.type)
            data += body
            batch.append((request, reply, self._xid))
            ends.append(len(data))
        if queue:
            self.wake()
        if not pending:
            self._asked = time.monotonic()
        self._sent = 0
        try:
            self._transmit(data, connect_timeout)
        except BaseException:
            for one, end in zip(batch, ends, strict=True):
                if end <= self._sent:
                    pending.append(one)
                elif one[1] is not None:
                    one[1].set_exception(NotSent())
            raise
        pending.extend(batch)
        if self._frames:
            self._deliver()

    def wake(self) -> None:
        """Have the thread look at the queue. Called from any thread."""
        with suppress(BlockingIOError):  # then it will be woken by what was sent before
            self._write_sock.send(b"\0")

    def _transmit(self, data: bytearray, timeout: float) -> None:
        view, opened = memoryview(data), self._opened()
        with self._socket_error_handling():
            while self._sent < len(data):
                try:
                    self._sent += opened.send(view[self._sent : self._sent + _CHUNK])
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    readable, writable, _ = self.handler.select([opened], [opened], [], timeout)
                    if not readable and not writable:
                        raise KazooTimeoutError("the server takes nothing in") from None
                    if readable and self._receive():  # it may close its side only, and never read on
                        raise ConnectionDropped("the server ended the connection") from None

    # Receiving

    def _read_socket(self, read_timeout: float) -> int | None:
        del read_timeout
        ended = self._receive()
        closed = self._deliver()
        if ended and closed is None:
            raise ConnectionDropped("socket connection broken")
        return closed

    def _deliver(self) -> int | None:
        """Hand on what has come; return the type of the request that ends the session once it is answered."""
        settled: list[Settled] = []
        closed: int | None = None
        try:
            while frames := self._frames.take():
                for frame in frames:
                    closed = self._take(frame, settled) or closed
        finally:
            settle(self._loop, settled)
        return closed

    def _receive(self) -> bool:
        """Take in what has come, and return whether the server closed the connection."""
        opened = self._opened()
        with self._socket_error_handling():
            while True:
                try:
                    chunk = opened.recv(_CHUNK)
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    return False
                if not chunk:
                    return True
                self._received = time.monotonic()
                self._frames.add(chunk)
                if not (isinstance(opened, ssl.SSLSocket) and opened.pending()):
                    return False

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionDropped("there is no connection")
        return self._socket

    def _take(self, frame: bytes, settled: list[Settled]) -> int | None:
        """Take one answer in; return the type of the request that ends the session once it is answered."""
        client = self.client
        xid, zxid, code = HEADER.unpack_from(frame)
        if xid == _PING_XID:
            self.ping_outstanding.clear()
            return None
        if xid == _WATCH_XID:
            self._listener.happened(read_event(frame))
            return None
        pending = client._pending  # noqa: SLF001 - kazoo has no other way in
        if not pending or pending[0][2] != xid:
            raise ProtocolError("an answer to nothing that was asked")
        request, reply, _ = pending.popleft()
        if zxid > 0:
            client.last_zxid = self._newest_zxid = zxid
        if request.type == Close.type:
            return cast("int", Close.type)
        settled.append(read_answer(request, reply, code, frame))
        if isinstance(settled[-1][2], ProtocolError):
            raise settled[-1][2]
        return None
