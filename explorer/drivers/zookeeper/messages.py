"""ZooKeeper's requests and the parsers of their answers, in its wire format (jute: big-endian, length-prefixed).

kazoo's connection sends any object with a `type`, `serialize` and `deserialize`. So it can also send the requests that
kazoo lacks: persistent watches (since 3.6), TTL nodes, containers, and creations within a transaction that return the
Stat.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Generic, TypeVar

from explorer.drivers.zookeeper.acl import Acl, AclEntry
from explorer.drivers.zookeeper.keyspace import Stat

Answer_co = TypeVar("Answer_co", covariant=True)

_INT: Final = struct.Struct(">i")
_LONG: Final = struct.Struct(">q")
_STAT: Final = struct.Struct(">qqqqiiiqiiq")
_MULTI_HEADER: Final = struct.Struct(">iBi")

ANY_VERSION: Final = -1
_ANY_WATCHER: Final = 3


class OpCode(IntEnum):
    """Types of requests (ZooDefs.OpCode)."""

    ERROR = -1
    CREATE = 1
    """The type that create2 has in the answer to a transaction."""
    DELETE = 2
    EXISTS = 3
    GET_DATA = 4
    SET_DATA = 5
    GET_ACL = 6
    GET_CHILDREN = 8
    SYNC = 9
    CHECK = 13
    MULTI = 14
    CREATE2 = 15
    REMOVE_WATCHES = 18
    CREATE_CONTAINER = 19
    CREATE_TTL = 21
    GET_ALL_CHILDREN_NUMBER = 104
    ADD_WATCH = 106


_NAMES: Final = {
    OpCode.DELETE: "delete",
    OpCode.EXISTS: "exists",
    OpCode.GET_DATA: "getData",
    OpCode.SET_DATA: "setData",
    OpCode.GET_ACL: "getACL",
    OpCode.GET_CHILDREN: "getChildren",
    OpCode.SYNC: "sync",
    OpCode.CHECK: "check",
    OpCode.MULTI: "multi",
    OpCode.CREATE2: "create",
    OpCode.REMOVE_WATCHES: "removeWatches",
    OpCode.CREATE_CONTAINER: "createContainer",
    OpCode.CREATE_TTL: "createTTL",
    OpCode.GET_ALL_CHILDREN_NUMBER: "getAllChildrenNumber",
    OpCode.ADD_WATCH: "addWatch",
}
"""ZooKeeper's names of the types, for the log."""


class CreateMode(IntEnum):
    """Kinds of znodes that can be created."""

    PERSISTENT = 0
    EPHEMERAL = 1
    EPHEMERAL_SEQUENTIAL = 3
    CONTAINER = 4
    TTL = 5


class AddWatchMode(IntEnum):
    """Kinds of persistent watches."""

    PERSISTENT = 0
    PERSISTENT_RECURSIVE = 1


class JuteReader:
    """Reads the fields of an answer in their order."""

    __slots__ = ("_data", "_offset")

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self._offset = offset

    def read_int(self) -> int:
        """Return a 32-bit number."""
        self._offset += _INT.size
        return int(_INT.unpack_from(self._data, self._offset - _INT.size)[0])

    def read_buffer(self) -> bytes:
        """Return length-prefixed bytes; a missing buffer (length -1) is empty.

        Raises:
            ValueError: There are fewer bytes than the length says.
        """
        length = max(self.read_int(), 0)
        self._offset += length
        if self._offset > len(self._data):
            raise ValueError("the answer is truncated")
        return bytes(self._data[self._offset - length : self._offset])

    def read_string(self) -> str:
        """Return a string."""
        return self.read_buffer().decode()

    def read_stat(self) -> Stat:
        """Return a Stat."""
        self._offset += _STAT.size
        return Stat(*_STAT.unpack_from(self._data, self._offset - _STAT.size))

    def read_multi_header(self) -> tuple[int, bool]:
        """Return the header of a result in a transaction: the type of the operation, and whether it is the end."""
        self._offset += _MULTI_HEADER.size
        operation, done, _ = _MULTI_HEADER.unpack_from(self._data, self._offset - _MULTI_HEADER.size)
        return int(operation), bool(done)


@dataclass(frozen=True, slots=True)
class ZooKeeperRequest(Generic[Answer_co]):
    """A request as kazoo's connection sends it. Its repr has the type only, because it may be logged."""

    type: OpCode
    body: bytes = field(repr=False)
    read: Callable[[JuteReader], Answer_co] = field(repr=False)

    @property
    def name(self) -> str:
        """ZooKeeper's name of the type, for the log."""
        return _NAMES.get(self.type, str(int(self.type)))

    @property
    def size(self) -> int:
        """Number of bytes that a server compares with its limit (jute.maxbuffer): the header and the body."""
        return 2 * _INT.size + len(self.body)

    def serialize(self) -> bytes:
        """Return the bytes after the header."""
        return self.body

    def deserialize(self, data: bytes, offset: int) -> Answer_co:
        """Return the parsed answer."""
        return self.read(JuteReader(data, offset))


@dataclass(frozen=True, slots=True)
class OpError:
    """Error of an operation in a transaction; code 0 or -2 if it was not applied because another one failed."""

    code: int


OpResult = tuple[str, Stat] | str | Stat | OpError | None
"""Result of an operation; for a creation the path, and the Stat if the server sends it."""


def exists(path: str, *, watch: bool = False) -> ZooKeeperRequest[Stat | None]:
    """Return the request for a znode's Stat; the answer is None if there is no znode."""
    return ZooKeeperRequest(OpCode.EXISTS, _pack_string(path) + _pack_bool(watch), JuteReader.read_stat)


def padded_exists(size: int) -> ZooKeeperRequest[Stat | None]:
    """Return a request of so many bytes that changes nothing: an `exists` for a long path."""
    return exists("/" + "x" * (size - exists("/").size))


def get_data(path: str, *, watch: bool = False) -> ZooKeeperRequest[tuple[bytes, Stat]]:
    """Return the request for a znode's value and Stat."""
    return ZooKeeperRequest(
        OpCode.GET_DATA,
        _pack_string(path) + _pack_bool(watch),
        lambda reader: (reader.read_buffer(), reader.read_stat()),
    )


def get_children(path: str, *, watch: bool = False) -> ZooKeeperRequest[list[str]]:
    """Return the request for the names of a znode's children, which come in no order."""
    return ZooKeeperRequest(
        OpCode.GET_CHILDREN,
        _pack_string(path) + _pack_bool(watch),
        lambda reader: [reader.read_string() for _ in range(reader.read_int())],
    )


def count_descendants(path: str) -> ZooKeeperRequest[int]:
    """Return the request for the number of all znodes below one (since 3.6)."""
    return ZooKeeperRequest(OpCode.GET_ALL_CHILDREN_NUMBER, _pack_string(path), JuteReader.read_int)


def get_acl(path: str) -> ZooKeeperRequest[Acl]:
    """Return the request for a znode's access control list."""
    return ZooKeeperRequest(OpCode.GET_ACL, _pack_string(path), _read_acl)


def get_acl_and_stat(path: str) -> ZooKeeperRequest[tuple[Acl, Stat]]:
    """Return the request for a znode's access control list and Stat."""
    return ZooKeeperRequest(OpCode.GET_ACL, _pack_string(path), lambda reader: (_read_acl(reader), reader.read_stat()))


def create(
    path: str, value: bytes, acl: Acl, mode: CreateMode = CreateMode.PERSISTENT, ttl: float | None = None
) -> ZooKeeperRequest[tuple[str, Stat]]:
    """Return the request that creates a znode; the answer is its path (with the sequence number) and Stat.

    Args:
        path: The path.
        value: The value.
        acl: The access control list.
        mode: The kind of znode.
        ttl: Seconds, for `CreateMode.TTL`.
    """
    entries = b"".join(_INT.pack(bits) + _pack_string(scheme) + _pack_string(id_) for bits, scheme, id_ in acl)
    body = _pack_string(path) + _pack_buffer(value) + _INT.pack(len(acl)) + entries + _INT.pack(mode)
    if mode is CreateMode.TTL:
        return ZooKeeperRequest(OpCode.CREATE_TTL, body + _LONG.pack(round((ttl or 0) * 1000)), _read_created)
    op_code = OpCode.CREATE_CONTAINER if mode is CreateMode.CONTAINER else OpCode.CREATE2
    return ZooKeeperRequest(op_code, body, _read_created)


def set_data(path: str, value: bytes, version: int = ANY_VERSION) -> ZooKeeperRequest[Stat]:
    """Return the request that writes a value, if the znode has this version."""
    body = _pack_string(path) + _pack_buffer(value) + _INT.pack(version)
    return ZooKeeperRequest(OpCode.SET_DATA, body, JuteReader.read_stat)


def delete(path: str, version: int = ANY_VERSION) -> ZooKeeperRequest[None]:
    """Return the request that deletes a znode, if it has this version and no children."""
    return ZooKeeperRequest(OpCode.DELETE, _pack_string(path) + _INT.pack(version), _read_nothing)


def check(path: str, version: int = ANY_VERSION) -> ZooKeeperRequest[None]:
    """Return the operation of a transaction that fails unless a znode exists and has this version."""
    return ZooKeeperRequest(OpCode.CHECK, _pack_string(path) + _INT.pack(version), _read_nothing)


def multi(operations: Sequence[ZooKeeperRequest[object]]) -> ZooKeeperRequest[list[OpResult]]:
    """Return a transaction; the answer has a result for each operation, or an OpError for each if one failed."""
    body = b"".join(_MULTI_HEADER.pack(operation.type, 0, -1) + operation.body for operation in operations)
    return ZooKeeperRequest(
        OpCode.MULTI, body + _MULTI_HEADER.pack(-1, 1, -1), lambda reader: list(_read_results(reader))
    )


def sync(path: str) -> ZooKeeperRequest[str]:
    """Return the request after which the server has caught up with its leader."""
    return ZooKeeperRequest(OpCode.SYNC, _pack_string(path), JuteReader.read_string)


def add_watch(path: str, *, recursive: bool) -> ZooKeeperRequest[None]:
    """Return the request for a persistent watch, which lasts until the connection ends.

    After a reconnection it is sent again; for a single path it has the same effect as setWatches2.

    Args:
        path: The znode.
        recursive: Watch everything below it as well.
    """
    mode = AddWatchMode.PERSISTENT_RECURSIVE if recursive else AddWatchMode.PERSISTENT
    return ZooKeeperRequest(OpCode.ADD_WATCH, _pack_string(path) + _INT.pack(mode), _read_nothing)


def remove_watches(path: str) -> ZooKeeperRequest[None]:
    """Return the request that removes the watches of a path."""
    return ZooKeeperRequest(OpCode.REMOVE_WATCHES, _pack_string(path) + _INT.pack(_ANY_WATCHER), _read_nothing)


def _pack_string(text: str) -> bytes:
    return _pack_buffer(text.encode())


def _pack_buffer(data: bytes) -> bytes:
    return _INT.pack(len(data)) + data


def _pack_bool(value: bool) -> bytes:  # noqa: FBT001 - it is the only argument
    return b"\1" if value else b"\0"


def _read_nothing(_: JuteReader) -> None:
    return None


def _read_created(reader: JuteReader) -> tuple[str, Stat]:
    return reader.read_string(), reader.read_stat()


def _read_acl(reader: JuteReader) -> Acl:
    return tuple(
        AclEntry(reader.read_int(), reader.read_string(), reader.read_string()) for _ in range(reader.read_int())
    )


def _read_results(reader: JuteReader) -> Iterable[OpResult]:
    while True:
        operation, done = reader.read_multi_header()
        if done:
            return
        match operation:
            case OpCode.CREATE:
                yield reader.read_string()
            case OpCode.CREATE2 | OpCode.CREATE_CONTAINER | OpCode.CREATE_TTL:
                yield _read_created(reader)
            case OpCode.SET_DATA:
                yield reader.read_stat()
            case OpCode.ERROR:
                yield OpError(reader.read_int())
            case _:
                yield None
