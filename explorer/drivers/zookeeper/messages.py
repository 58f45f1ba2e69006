"""ZooKeeper's requests and what their answers hold, in its wire format (jute: big-endian numbers, counted bytes).

They are what kazoo's connection sends: anything with a `type`, `serialize` and `deserialize`. That way it also speaks
what it has no words for: watches that stay (since 3.6), nodes with a time to live, containers, and creations within a
transaction that tell the Stat of what was made.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from explorer.drivers.zookeeper.keyspace import Acl, Permission, Stat

Answer_co = TypeVar("Answer_co", covariant=True)

_INT = struct.Struct(">i")
_LONG = struct.Struct(">q")
_STAT = struct.Struct(">qqqqiiiqiiq")
_MULTI = struct.Struct(">iBi")

ANY_VERSION = -1
_NAMES = {
    2: "delete",
    3: "exists",
    4: "getData",
    5: "setData",
    6: "getACL",
    8: "getChildren",
    9: "sync",
    13: "check",
    14: "multi",
    15: "create",
    18: "removeWatches",
    19: "createContainer",
    21: "createTTL",
    104: "getAllChildrenNumber",
    106: "addWatch",
}
"""Requests by their type, as ZooKeeper names them."""


class Mode(IntEnum):
    """The kinds of nodes that can be created."""

    PERSISTENT = 0
    EPHEMERAL = 1
    EPHEMERAL_SEQUENTIAL = 3
    CONTAINER = 4
    TTL = 5


class Reader:
    """Takes an answer apart, in order."""

    __slots__ = ("_data", "_offset")

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self._offset = offset

    def whole(self) -> int:
        """Read a number of four bytes."""
        self._offset += _INT.size
        return int(_INT.unpack_from(self._data, self._offset - _INT.size)[0])

    def counted(self) -> bytes:
        """Read bytes; what is not there at all is empty.

        Raises:
            ValueError: There are fewer than it says.
        """
        length = max(self.whole(), 0)
        self._offset += length
        if self._offset > len(self._data):
            raise ValueError("the answer is truncated")
        return bytes(self._data[self._offset - length : self._offset])

    def text(self) -> str:
        """Read a text."""
        return self.counted().decode()

    def stat(self) -> Stat:
        """Read a Stat."""
        self._offset += _STAT.size
        return Stat(*_STAT.unpack_from(self._data, self._offset - _STAT.size))

    def header(self) -> tuple[int, bool]:
        """Read what stands before each result of a transaction: its operation, and whether it is the end."""
        self._offset += _MULTI.size
        operation, done, _ = _MULTI.unpack_from(self._data, self._offset - _MULTI.size)
        return int(operation), bool(done)


@dataclass(frozen=True, slots=True)
class Request(Generic[Answer_co]):
    """One request, as kazoo's connection wants it. What it shows, in logs say, is its type alone."""

    type: int
    body: bytes = field(repr=False)
    read: Callable[[Reader], Answer_co] = field(repr=False)

    @property
    def name(self) -> str:
        """The name of what is asked, for the log."""
        return _NAMES.get(self.type, str(self.type))

    @property
    def size(self) -> int:
        """The bytes that a server compares with its limit: the header and what follows it."""
        return 2 * _INT.size + len(self.body)

    def serialize(self) -> bytes:
        """Give what follows the header."""
        return self.body

    def deserialize(self, data: bytes, offset: int) -> Answer_co:
        """Read the answer."""
        return self.read(Reader(data, offset))


@dataclass(frozen=True, slots=True)
class OpError:
    """Why an operation of a transaction failed, or was not done because another one failed (0, -2)."""

    code: int


Result = tuple[str, Stat] | str | Stat | OpError | None
"""What became of an operation: a creation tells the path, and its Stat where the server does."""


def exists(path: str, *, watch: bool = False) -> Request[Stat | None]:
    """Ask for a node's Stat; the answer is None where there is no node."""
    return Request(3, _text(path) + _flag(watch), Reader.stat)


def request_frame(size: int) -> Request[Stat | None]:
    """Return a question of so many bytes, which changes nothing: it is for a node of a long name."""
    return exists("/" + "x" * (size - exists("/").size))


def get(path: str, *, watch: bool = False) -> Request[tuple[bytes, Stat]]:
    """Ask for a node's value and Stat."""
    return Request(4, _text(path) + _flag(watch), lambda reader: (reader.counted(), reader.stat()))


def children(path: str, *, watch: bool = False) -> Request[list[str]]:
    """Ask for the names of a node's children, which come in no order."""
    return Request(8, _text(path) + _flag(watch), lambda reader: [reader.text() for _ in range(reader.whole())])


def count_below(path: str) -> Request[int]:
    """Ask how many nodes there are below one, at any depth. Servers know this since 3.6."""
    return Request(104, _text(path), Reader.whole)


def acl(path: str) -> Request[Acl]:
    """Ask who may do what."""
    return Request(6, _text(path), _read_acl)


def create(
    path: str, value: bytes, acl: Acl, mode: Mode = Mode.PERSISTENT, ttl: float | None = None
) -> Request[tuple[str, Stat]]:
    """Create a node; the answer tells its path (with the number of a sequential one) and Stat.

    Args:
        path: Where.
        value: Its value.
        acl: Who may do what.
        mode: Its kind.
        ttl: Seconds, for the kind that has them.
    """
    permissions = b"".join(_INT.pack(bits) + _text(scheme) + _text(who) for bits, scheme, who in acl)
    body = _text(path) + _counted(value) + _INT.pack(len(acl)) + permissions + _INT.pack(mode)
    if mode is Mode.TTL:
        return Request(21, body + _LONG.pack(round((ttl or 0) * 1000)), _read_created)
    return Request(19 if mode is Mode.CONTAINER else 15, body, _read_created)


def put(path: str, value: bytes, version: int = ANY_VERSION) -> Request[Stat]:
    """Write a value, if the node has this version."""
    return Request(5, _text(path) + _counted(value) + _INT.pack(version), Reader.stat)


def delete(path: str, version: int = ANY_VERSION) -> Request[None]:
    """Delete a node, if it has this version and no children."""
    return Request(2, _text(path) + _INT.pack(version), _read_nothing)


def check(path: str, version: int = ANY_VERSION) -> Request[None]:
    """Within a transaction: hold only if the node is there and has this version."""
    return Request(13, _text(path) + _INT.pack(version), _read_nothing)


def multi(operations: Sequence[Request[object]]) -> Request[list[Result]]:
    """Have all operations done, or none; the answer has a result for each, a Refusal for each if one failed."""
    body = b"".join(_MULTI.pack(operation.type, 0, -1) + operation.body for operation in operations)
    return Request(14, body + _MULTI.pack(-1, 1, -1), lambda reader: list(_read_results(reader)))


def sync(path: str) -> Request[str]:
    """Have the server catch up with its leader before what is asked after this."""
    return Request(9, _text(path), Reader.text)


def add_watch(path: str, *, below: bool) -> Request[None]:
    """Have every change of a node told, and of all below it if so said, until the connection ends.

    For the one path of a watch this says after a reconnection what setWatches2 would.
    """
    return Request(106, _text(path) + _INT.pack(1 if below else 0), _read_nothing)


def remove_watches(path: str) -> Request[None]:
    """Have nothing told any more of what was watched at a path."""
    return Request(18, _text(path) + _INT.pack(3), _read_nothing)


def _text(text: str) -> bytes:
    return _counted(text.encode())


def _counted(data: bytes) -> bytes:
    return _INT.pack(len(data)) + data


def _flag(flag: bool) -> bytes:  # noqa: FBT001 - it is the whole of it
    return b"\1" if flag else b"\0"


def _read_nothing(_: Reader) -> None:
    return None


def _read_created(reader: Reader) -> tuple[str, Stat]:
    return reader.text(), reader.stat()


def _read_acl(reader: Reader) -> Acl:
    return tuple(Permission(reader.whole(), reader.text(), reader.text()) for _ in range(reader.whole()))


def _read_results(reader: Reader) -> Iterable[Result]:
    while True:
        operation, done = reader.header()
        if done:
            return
        match operation:
            case 1:  # of create2, too
                yield reader.text()
            case 15 | 19 | 21:
                yield _read_created(reader)
            case 5:
                yield reader.stat()
            case -1:
                yield OpError(reader.whole())
            case _:
                yield None
