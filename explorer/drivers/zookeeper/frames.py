"""Frames that a server sends: their boundaries, headers and error codes."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from kazoo.exceptions import ConnectionDropped

from explorer.drivers.common.threads import Completed, ThreadFuture
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.messages import OpCode, ZooKeeperRequest

MAX_FRAME: Final = 128 * 2**20
"""Bytes of the longest frame that is accepted; the first bytes of other protocols would mean longer ones."""
HEADER: Final = struct.Struct(">iqi")
"""Request number (xid), last transaction of the server (zxid) and error code."""
_LENGTH: Final = struct.Struct(">i")


class ZooKeeperErrorCode(IntEnum):
    """Error codes (KeeperException.Code)."""

    ROLLED_BACK = 0
    """An operation that was undone because another one of its transaction failed."""
    RUNTIME_INCONSISTENCY = -2
    """An operation that was not tried because another one of its transaction failed."""
    CONNECTION_LOSS = -4
    UNIMPLEMENTED = -6
    OPERATION_TIMEOUT = -7
    BAD_ARGUMENTS = -8
    NO_NODE = -101
    NO_AUTH = -102
    BAD_VERSION = -103
    NO_CHILDREN_FOR_EPHEMERALS = -108
    NODE_EXISTS = -110
    NOT_EMPTY = -111
    SESSION_EXPIRED = -112
    INVALID_ACL = -114
    AUTH_FAILED = -115
    SESSION_MOVED = -118
    NOT_READ_ONLY = -119
    REQUEST_TIMEOUT = -122
    SASL_REQUIRED = -124
    QUOTA_EXCEEDED = -125
    THROTTLED = -127


class ProtocolError(ConnectionDropped):  # type: ignore[misc] # kazoo has no types
    """The received bytes are not ZooKeeper's protocol."""


class SilentServer(ConnectionDropped):  # type: ignore[misc] # kazoo has no types
    """One of several servers has not answered for too long."""


class NotSent(Exception):  # noqa: N818 - it is about the request, as kazoo's own are
    """The request was not sent in full: no server can have read it."""


class ServerError(Exception):
    """The server answered with an error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error code {code}")
        self.code = code


class EventType(IntEnum):
    """Types of watch events (Watcher.Event.EventType)."""

    CONNECTION_LOST = 0
    """An event without a path (None in ZooKeeper)."""
    CREATED = 1
    DELETED = 2
    CHANGED = 3
    CHILD = 4


@dataclass(frozen=True, slots=True)
class WatchedEvent:
    """An event of a watch."""

    type: int
    """An `EventType`."""
    path: str
    """Path of the znode; empty for the end of the connection."""


class FrameBuffer:
    """Received bytes that are not a complete frame yet, or not taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def add(self, data: bytes) -> None:
        """Append received bytes."""
        self._data += data

    def clear(self) -> None:
        """Drop the bytes of an earlier connection."""
        self._data.clear()

    def take(self) -> list[bytes]:
        """Remove and return the complete frames, up to one with an invalid length.

        Raises:
            ProtocolError: The first one has an invalid length.
        """
        data, start, frames = self._data, 0, list[bytes]()
        while len(data) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, start)
            end = start + _LENGTH.size + length
            if not HEADER.size <= length <= MAX_FRAME:
                if not frames:
                    raise ProtocolError(f"invalid frame length: {length} bytes")
                break
            if len(data) < end:
                break
            with memoryview(data) as view:
                frames.append(bytes(view[start + _LENGTH.size : end]))
            start = end
        del data[:start]
        return frames


def read_answer(request: ZooKeeperRequest[object], reply: ThreadFuture[object], code: int, frame: bytes) -> Completed:
    """Return a reply with its result or error."""
    if code == ZooKeeperErrorCode.NO_NODE and request.type == OpCode.EXISTS:
        return reply, None, None
    if code:
        return reply, None, ServerError(code)
    try:
        return reply, request.deserialize(frame, HEADER.size), None
    except Exception as error:  # noqa: BLE001 - whatever the parser raises
        failure = ProtocolError("unreadable answer")
        failure.__cause__ = error
        return reply, None, failure


def read_event(frame: bytes) -> WatchedEvent:
    """Return the event in a frame: its type, the state of the session (unused) and the path."""
    reader = messages.JuteReader(frame, HEADER.size)
    try:
        event_type, _, path = reader.read_int(), reader.read_int(), reader.read_string()
    except Exception as error:
        raise ProtocolError("unreadable event") from error
    return WatchedEvent(event_type, path)
