"""Reads of values of every type, and scans of keys."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from redis.exceptions import ResponseError

from explorer.drivers.redis.errors import WrongTypeError, foreign_reply, reply_error
from explorer.drivers.redis.node import Command, Reply
from explorer.drivers.redis.values import HASH, LIST, SET, STREAM, ZSET, RedisValue, Row, rows_of
from explorer.model.errors import ExplorerError

Send: TypeAlias = Callable[[Sequence[tuple[bytes, Command]]], Awaitable[list[Reply]]]
"""Sends commands, each with its key, and returns their replies; see `RedisConnection.call_each`."""

MAX_ELEMENTS: Final = 100_000
"""Elements of a collection that are read as a whole."""
MAX_MEMORY: Final = 32 * 2**20
"""Bytes of the server's memory up to which a collection is read as a whole: about 8 MiB of a document."""
PART_SIZE: Final = 1000
"""Elements that are read of a larger one."""
_BATCH_SIZE: Final = 500
"""Keys that are read in one go."""
_TYPE_RACES: Final = 3
"""Times that a key may change its type while it is read."""

_LENGTHS: Final = {HASH: "HLEN", LIST: "LLEN", SET: "SCARD", ZSET: "ZCARD", STREAM: "XLEN"}


@dataclass(frozen=True, slots=True)
class RedisReader:
    """Reads values.

    Args:
        send: Sends the commands.
    """

    send: Send

    async def get(self, key: bytes) -> RedisValue | None:
        """Return a value with its encoding; None if there is no such key.

        Raises:
            Forbidden: The user may not read it.
        """
        found = (await self.read([key], details=True)).get(key)
        if isinstance(found, ExplorerError):
            raise found
        return found

    async def read(self, keys: Sequence[bytes], *, details: bool = False) -> dict[bytes, RedisValue | ExplorerError]:
        """Return the values of keys, without those that do not exist; or why one cannot be read.

        Args:
            keys: The keys.
            details: Whether to read the encoding, too.
        """
        found: dict[bytes, RedisValue | ExplorerError] = {}
        for start in range(0, len(keys), _BATCH_SIZE):
            left: Sequence[bytes] = keys[start : start + _BATCH_SIZE]
            for _ in range(_TYPE_RACES):
                left = await self._read_strings(left, found)
                left = await self._read_others(left, found) if left else ()
                if not left:
                    break
        if details:
            for key, value in found.items():
                if isinstance(value, RedisValue):
                    found[key] = replace(value, encoding=await self._encoding(key))
        return found

    async def _read_strings(self, keys: Sequence[bytes], found: dict[bytes, RedisValue | ExplorerError]) -> list[bytes]:
        """Read keys as strings, and return those that hold something else."""
        commands: list[tuple[bytes, Command]] = []
        for key in keys:
            commands += [(key, ("GET", key)), (key, ("PTTL", key))]
        replies, others = await self.send(commands), []
        for number, key in enumerate(keys):
            data, left = replies[2 * number : 2 * number + 2]
            match data:
                case bytes():
                    found[key] = RedisValue.string(data, _seconds(left))
                case None:
                    continue
                case ResponseError():
                    error = reply_error(data)
                    if isinstance(error, WrongTypeError):
                        others.append(key)
                    else:
                        found[key] = error
                case _:
                    found[key] = foreign_reply(data)
        return others

    async def _read_others(self, keys: Sequence[bytes], found: dict[bytes, RedisValue | ExplorerError]) -> list[bytes]:
        """Read keys that hold no strings, and return those whose type changed meanwhile."""
        types = await self.send([(key, ("TYPE", key)) for key in keys])
        kinds = {key: kind.decode() for key, kind in zip(keys, types, strict=True) if isinstance(kind, bytes)}
        commands: list[tuple[bytes, Command]] = []
        for key, kind in kinds.items():
            size: Command = (_LENGTHS[kind], key) if kind in _LENGTHS else ("TYPE", key)
            commands += [(key, size), (key, ("MEMORY", "USAGE", key)), (key, ("PTTL", key))]
        sizes = await self.send(commands)
        again, reads = [], []
        for number, (key, kind) in enumerate(kinds.items()):
            count, memory, left = sizes[3 * number : 3 * number + 3]
            length = count if isinstance(count, int) else 0
            is_partial = length > MAX_ELEMENTS or (isinstance(memory, int) and memory > MAX_MEMORY and length > 1)
            blank = RedisValue(kind, (), _seconds(left), length, is_partial=is_partial)
            reads.append((key, blank))
        replies = await self.send([(key, _read_command(key, blank)) for key, blank in reads])
        for (key, blank), reply in zip(reads, replies, strict=True):
            if isinstance(reply, ResponseError) and isinstance(reply_error(reply), WrongTypeError):
                again.append(key)
            elif isinstance(reply, ResponseError):
                found[key] = reply_error(reply)
            elif (rows := _rows(blank, reply)) is not None:
                length = blank.length if blank.is_partial else len(rows) if blank.is_collection else len(rows[0][0])
                found[key] = replace(blank, rows=rows, length=length)
        return again

    async def _encoding(self, key: bytes) -> str:
        (reply,) = await self.send([(key, ("OBJECT", "ENCODING", key))])
        return reply.decode() if isinstance(reply, bytes) else ""


def _seconds(left: Reply) -> float | None:
    return left / 1000 if isinstance(left, int) and left >= 0 else None


def _read_command(key: bytes, value: RedisValue) -> Command:
    last, count = (PART_SIZE - 1, PART_SIZE) if value.is_partial else (-1, None)
    match value.type, count:
        case "hash", None:
            return ("HGETALL", key)
        case "hash", _:
            return ("HSCAN", key, 0, "COUNT", PART_SIZE)
        case "set", None:
            return ("SMEMBERS", key)
        case "set", _:
            return ("SSCAN", key, 0, "COUNT", PART_SIZE)
        case "list", _:
            return ("LRANGE", key, 0, last)
        case "zset", _:
            return ("ZRANGE", key, 0, last, "WITHSCORES")
        case "stream", None:
            return ("XRANGE", key, "-", "+")
        case "stream", _:
            return ("XRANGE", key, "-", "+", "COUNT", PART_SIZE)
        case _:
            return ("DUMP", key)


def _rows(value: RedisValue, reply: Reply) -> tuple[Row, ...] | None:
    """Return the elements in a reply; None if the key is gone."""
    if isinstance(reply, bytes) and not value.is_collection:
        return ((reply,),)
    if value.is_partial and value.type in (HASH, SET):
        reply = reply[1] if isinstance(reply, list) and len(reply) > 1 else None
    if not isinstance(reply, list):
        return None
    if value.type == STREAM:
        return tuple(_stream_row(entry) for entry in reply)
    rows = rows_of((part for part in reply if isinstance(part, bytes)), 2 if value.type in (HASH, ZSET) else 1)
    return rows or None


def _stream_row(entry: Reply) -> Row:
    match entry:
        case [bytes(name), [*fields]]:
            return (name, *(field for field in fields if isinstance(field, bytes)))
        case _:
            raise foreign_reply(entry)
