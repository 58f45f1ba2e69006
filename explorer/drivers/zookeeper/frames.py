"""What a server sends: frames with a header, answers in them, and what ends a connection that sends anything else."""

import struct
from dataclasses import dataclass
from typing import Final

from kazoo.exceptions import ConnectionDropped

from explorer.drivers.common.threads import Settled, ThreadFuture
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.messages import Request

MAX_FRAME: Final = 128 * 2**20
"""Bytes of the longest answer that is believed; what other protocols begin with would be longer ones."""
HEADER: Final = struct.Struct(">iqi")
"""The number of the request, the transaction that the server has come to, and an error code."""
_LENGTH: Final = struct.Struct(">i")
_NO_NODE: Final = -101
_EXISTS: Final = 3


class ProtocolError(ConnectionDropped):  # type: ignore[misc] # kazoo has no types
    """What was received is not ZooKeeper's protocol."""


class SilentServer(ConnectionDropped):  # type: ignore[misc] # kazoo has no types
    """One server of several owes an answer for too long."""


class NotSent(Exception):  # noqa: N818 - it is about the request, as kazoo's own are
    """The request was not handed to the network in full: no server can have read it."""


class ServerError(Exception):
    """The server's answer is an error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error code {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class WatchedEvent:
    """An event of a watch: what (CREATED, ...) happened to which node."""

    kind: int
    path: str


class FrameBuffer:
    """What was received and not yet taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def add(self, data: bytes) -> None:
        """Take in what came."""
        self._data += data

    def clear(self) -> None:
        """Forget what came on an earlier connection."""
        self._data.clear()

    def take(self) -> list[bytes]:
        """Return the frames that have come in full, up to one that makes no sense.

        Raises:
            ProtocolError: The first one makes no sense.
        """
        data, start, frames = self._data, 0, list[bytes]()
        while len(data) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, start)
            end = start + _LENGTH.size + length
            if not HEADER.size <= length <= MAX_FRAME:
                if not frames:
                    raise ProtocolError(f"a length of {length} bytes makes no sense")
                break
            if len(data) < end:
                break
            with memoryview(data) as view:
                frames.append(bytes(view[start + _LENGTH.size : end]))
            start = end
        del data[:start]
        return frames


def read_answer(request: Request[object], reply: ThreadFuture[object], code: int, frame: bytes) -> Settled:
    """Return an answer with who waits for it."""
    if code == _NO_NODE and request.type == _EXISTS:
        return reply, None, None
    if code:
        return reply, None, ServerError(code)
    try:
        return reply, request.deserialize(frame, HEADER.size), None
    except Exception as error:  # noqa: BLE001 - whatever cannot be read in it
        failure = ProtocolError("an answer that cannot be read")
        failure.__cause__ = error
        return reply, None, failure


def read_event(frame: bytes) -> WatchedEvent:
    """Read an event: its kind, the state of the session, and the path."""
    reader = messages.Reader(frame, HEADER.size)
    try:
        kind, _, path = reader.whole(), reader.whole(), reader.text()
    except Exception as error:
        raise ProtocolError("an event that cannot be read") from error
    return WatchedEvent(kind, path)
