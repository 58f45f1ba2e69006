"""kazoo's connection, extended: batches of requests and answers, time limits, and failures that do not end its thread.

Everything here runs on the connection's own thread. What is received is checked: an invalid length, an answer without a
request and a truncated answer end the connection, and another one is made.

A server closes the connection, without an answer, to a client that has seen a newer transaction than its own. Either
the server lags behind, or its data was replaced by an older state. So the client connects once more as one that has
seen nothing, and sends a `sync` to the leader: if the leader is behind, too, the data went back to an older state, and
`SessionState.on_connected` gets `restored=True`.
"""

import asyncio
import logging
import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Final, cast

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionDropped, KazooException
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.connection import ConnectionHandler
from kazoo.protocol.serialization import Close, Connect
from kazoo.protocol.states import KeeperState
from kazoo.retry import KazooRetry

from explorer.drivers.common.threads import Completed, complete_all
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.frames import (
    HEADER,
    MAX_FRAME,
    FrameBuffer,
    NotSent,
    ProtocolError,
    read_answer,
    read_event,
)
from explorer.drivers.zookeeper.session_state import SessionState

KAZOO_LOG: Final = logging.getLogger(f"{__package__}.kazoo")
KAZOO_LOG.setLevel(logging.INFO)  # below that kazoo logs its requests, with passwords in them
_CHUNK_SIZE: Final = 2**18
_REQUEST_HEADER: Final = struct.Struct(">iii")
_WATCH_XID, _PING_XID = -1, -2
_MAX_XID: Final = 2**31 - 1
_PASSWORD_SIZE: Final = 16
_AUTH_RETRY_DELAY: Final = 1.0
"""Seconds between two attempts of a user that the servers reject."""


class KazooConnection(ConnectionHandler):  # type: ignore[misc] # kazoo has no types
    """The loop of kazoo's thread, which makes one connection after the other.

    Args:
        client: kazoo's client, which has the queue and the session.
        state: Called back with connections, losses and events.
        timeout: Seconds that a request may take.
        sasl: SASL options of the user; None for the digest scheme.
    """

    def __init__(
        self, client: KazooClient, state: SessionState, timeout: float, sasl: dict[str, str | None] | None
    ) -> None:
        super().__init__(client, client._conn_retry.copy(), logger=KAZOO_LOG, sasl_options=sasl)  # noqa: SLF001 - kazoo has no other way in
        self._socket: socket.socket | None
        self._loop = asyncio.get_running_loop()
        self._state = state
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
        self._last_request_at = self._last_answer_at = 0.0

    # Time limits

    def time_left(self) -> float:
        """Return the seconds left to connect to the current server."""
        return max(self._deadline - time.monotonic(), 0.001)

    def silence_end(self) -> float | None:
        """Return when a silent server is given up; None if no answer is due, or if there is only one server."""
        hosts = len(self.client.hosts)
        if hosts == 1 or not self.client._pending:  # noqa: SLF001 - kazoo has no other way in
            return None
        return max(self._last_request_at, self._last_answer_at) + self._timeout / hosts

    def mark_silent(self) -> None:
        """Try the current server after all others from now on."""
        self._silent.add(self._address)

    def _attempt_limit(self) -> float:
        """Return the seconds for the current server: a share of the timeout, or all that is left for the last one."""
        if len(self._addresses) == 1:
            return self._timeout
        share: float = self._timeout * 2.0 ** min(self._rounds - 1, 8) / (len(self._addresses) + 1)
        if self._address == self._addresses[-1]:
            share = max(share, self._timeout - (time.monotonic() - self._round_start))
        return min(share, self._timeout)

    # Connecting

    def _expand_client_hosts(self) -> list[tuple[str, str, int]]:
        try:
            addresses = cast("list[tuple[str, str, int]]", super()._expand_client_hosts())
        except (OSError, ValueError) as error:
            addresses = []
            self._state.on_connect_failed(error)
        else:
            if not addresses:
                self._state.on_connect_failed(OSError("the host name has no address"))
        addresses = sorted(dict.fromkeys(addresses), key=lambda address: address[1:] in self._silent)
        self._addresses = [(ip, port) for _, ip, port in addresses]
        self._rounds += 1
        self._round_start = time.monotonic()
        return addresses

    def _connect_attempt(self, host: str, hostip: str, port: int, retry: KazooRetry) -> object:
        client = self.client
        self._address = (hostip, port)
        self._frames.clear()
        try:
            status: object = super()._connect_attempt(host, hostip, port, retry)
        except Exception:  # noqa: BLE001 - any exception would end the thread for good
            if client._state != KeeperState.CONNECTING:  # noqa: SLF001 - kazoo has no other way in
                client._session_callback(KeeperState.CONNECTING)  # noqa: SLF001 - kazoo has no other way in
            return None
        if client._state == KeeperState.AUTH_FAILED:  # noqa: SLF001 - kazoo has no other way in
            retry._cur_delay = _AUTH_RETRY_DELAY  # noqa: SLF001 - kazoo would give up for good
            return None
        return status

    def _connect(self, host: str, hostip: str, port: int) -> tuple[float, float]:
        try:
            times, restored = self._establish(host, hostip, port)
        except (KazooException, KazooTimeoutError) as error:
            cause = error if isinstance(error, ProtocolError) else error.__context__ or error
            if isinstance(cause, KazooTimeoutError | TimeoutError):
                self.mark_silent()
            self._state.on_connect_failed(cause)
            raise
        except Exception as error:
            self._state.on_connect_failed(error if isinstance(error, OSError) else ProtocolError(str(error)))
            raise ConnectionDropped(str(error)) from error
        self._silent.discard(self._address)
        self._rounds = 0
        # kazoo's read timeout is two thirds of the session timeout, in milliseconds.
        self._state.on_connected(cast("int", self.client._session_id), times[0] * 1.5 / 1000, restored=restored)  # noqa: SLF001 - kazoo has no other way in
        return times

    def _establish(self, host: str, hostip: str, port: int) -> tuple[tuple[float, float], bool]:
        """Connect, and return kazoo's timeouts, and whether the data is older than what was read before."""
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
                raise ProtocolError("no session in the answer")
        return answer

    def _read(self, length: int, timeout: float) -> bytes:
        del timeout  # all steps of connecting share one deadline
        if not 0 <= length <= MAX_FRAME:
            raise ProtocolError(f"invalid frame length: {length} bytes")
        parts: list[bytes] = []
        while length > 0:
            part = cast("bytes", super()._read(min(length, _CHUNK_SIZE), self.time_left()))
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
            self._read_sock.recv(_CHUNK_SIZE)  # the bytes of any number of `wake` calls
        data, batch, ends = bytearray(), [], []
        while queue and len(data) < _CHUNK_SIZE:
            request, reply = queue.popleft()
            self._xid = self._xid % _MAX_XID + 1
            body = request.serialize()
            data += _REQUEST_HEADER.pack(len(body) + 8, self._xid, request.type)
            data += body
            batch.append((request, reply, self._xid))
            ends.append(len(data))
        if queue:
            self.wake()
        if not pending:
            self._last_request_at = time.monotonic()
        self._sent = 0
        try:
            self._send_all(data, connect_timeout)
        except BaseException:
            for item, end in zip(batch, ends, strict=True):
                if end <= self._sent:
                    pending.append(item)
                elif item[1] is not None:
                    item[1].set_exception(NotSent())
            raise
        pending.extend(batch)
        if self._frames:
            self._deliver()

    def wake(self) -> None:
        """Make the thread read its queue. Called from any thread."""
        with suppress(BlockingIOError):  # an earlier byte will wake it
            self._write_sock.send(b"\0")

    def _send_all(self, data: bytearray, timeout: float) -> None:
        view, connected = memoryview(data), self._open_socket()
        with self._socket_error_handling():
            while self._sent < len(data):
                try:
                    self._sent += connected.send(view[self._sent : self._sent + _CHUNK_SIZE])
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    readable, writable, _ = self.handler.select([connected], [connected], [], timeout)
                    if not readable and not writable:
                        raise KazooTimeoutError("the server does not read") from None
                    if readable and self._receive():  # it may close only its side, and not read any more
                        raise ConnectionDropped("the server closed the connection") from None

    # Receiving

    def _read_socket(self, read_timeout: float) -> int | None:
        del read_timeout
        ended = self._receive()
        closed = self._deliver()
        if ended and closed is None:
            raise ConnectionDropped("socket connection broken")
        return closed

    def _deliver(self) -> int | None:
        """Settle the replies that were received; return the type of the close request if it was answered."""
        settled: list[Completed] = []
        closed: int | None = None
        try:
            while frames := self._frames.take():
                for frame in frames:
                    closed = self._handle(frame, settled) or closed
        finally:
            complete_all(self._loop, settled)
        return closed

    def _receive(self) -> bool:
        """Read what was received, and return whether the server closed the connection."""
        connected = self._open_socket()
        with self._socket_error_handling():
            while True:
                try:
                    chunk = connected.recv(_CHUNK_SIZE)
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    return False
                if not chunk:
                    return True
                self._last_answer_at = time.monotonic()
                self._frames.add(chunk)
                if not (isinstance(connected, ssl.SSLSocket) and connected.pending()):
                    return False

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionDropped("no connection")
        return self._socket

    def _handle(self, frame: bytes, settled: list[Completed]) -> int | None:
        """Handle one frame; return the type of the close request if this is its answer."""
        client = self.client
        xid, zxid, code = HEADER.unpack_from(frame)
        if xid == _PING_XID:
            self.ping_outstanding.clear()
            return None
        if xid == _WATCH_XID:
            self._state.on_event(read_event(frame))
            return None
        pending = client._pending  # noqa: SLF001 - kazoo has no other way in
        if not pending or pending[0][2] != xid:
            raise ProtocolError("an answer without a request")
        request, reply, _ = pending.popleft()
        if zxid > 0:
            client.last_zxid = self._newest_zxid = zxid
        if request.type == Close.type:
            return cast("int", Close.type)
        settled.append(read_answer(request, reply, code, frame))
        if isinstance(settled[-1][2], ProtocolError):
            raise settled[-1][2]
        return None
