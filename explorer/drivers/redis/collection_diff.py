"""Smallest commands that turn one collection into another.

What is added comes before what is removed: a collection without elements is deleted, and its TTL with it. A command
here has no key; that is put behind its name when it is sent.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final, TypeVar

from explorer.drivers.redis.node import Argument, Command
from explorer.drivers.redis.values import HASH, LIST, SET, STREAM, ZSET, RedisValue, Row
from explorer.model.errors import InvalidText

Item = TypeVar("Item")

_MAX_ELEMENTS: Final = 1000
"""Elements in one command; Lua takes a few thousand arguments."""


def changes(before: RedisValue, after: RedisValue) -> list[Command]:
    """Return the commands that turn a collection into another one of its type.

    Raises:
        InvalidText: No command can do that.
    """
    return list(_CHANGES[before.type](before.rows, after.rows))


def is_same(one: RedisValue, other: RedisValue) -> bool:
    """Return whether two values are the same; numbers that are written differently are."""
    if one.type != other.type or not one.is_collection:
        return one.type == other.type and one.rows == other.rows
    return not list(_CHANGES[one.type](one.rows, other.rows))


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    found = list(items)
    for start in range(0, len(found), _MAX_ELEMENTS):
        yield found[start : start + _MAX_ELEMENTS]


def _commands(name: str, rows: Iterable[Row]) -> Iterator[Command]:
    for chunk in _chunks(rows):
        yield (name, *(part for row in chunk for part in row))


def _hash_changes(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Command]:
    old, new = {row[0]: row for row in before}, {row[0]: row for row in after}
    yield from _commands("HSET", (row for field, row in new.items() if old.get(field) != row))
    yield from _commands("HDEL", ((field,) for field in old if field not in new))


def _set_changes(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Command]:
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    yield from _commands("SADD", (row for row in new if row not in old))
    yield from _commands("SREM", (row for row in old if row not in new))


def _zset_changes(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Command]:
    old = {member: float(score) for member, score in before}
    new = {member for member, _ in after}
    changed = ((score, member) for member, score in after if old.get(member) != float(score))
    yield from _commands("ZADD", changed)
    yield from _commands("ZREM", ((member,) for member in old if member not in new))


def _list_changes(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Command]:
    if len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                yield ("LSET", number, *new)
        return
    shorter = min(len(before), len(after))
    head = _common(zip(before, after, strict=False))
    tail = min(_common(zip(reversed(before), reversed(after), strict=False)), shorter - head)
    if head >= tail:
        keep, drop = ("LTRIM", 0, head - 1), ("LTRIM", len(before), -1)
        yield from _replaced(before, after, head, push="RPUSH", keep=keep, drop=drop)
    else:
        keep, drop = ("LTRIM", -tail, -1), ("LTRIM", 0, -len(before) - 1)
        yield from _replaced(before[::-1], after[::-1], tail, push="LPUSH", keep=keep, drop=drop)


def _replaced(
    before: Sequence[Row], after: Sequence[Row], kept: int, *, push: str, keep: Command, drop: Command
) -> Iterator[Command]:
    """Yield the commands that keep one end of a list and replace the rest.

    Args:
        before: The list, beginning at the end that is kept.
        after: The new list, likewise.
        kept: Number of items that are kept.
        push: Command that appends at the other end.
        keep: Command that leaves only what is kept.
        drop: Command that removes all old items, once the new ones are there.
    """
    if kept and kept < len(before):
        yield keep
    yield from _commands(push, after[kept:])
    if not kept:
        yield drop


def _common(pairs: Iterable[tuple[Row, Row]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _stream_changes(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Command]:
    old, kept = {row[0]: row for row in before}, set[bytes]()
    last = max(map(_stream_order, old), default=(0, 0))
    for row in after:
        name = row[0]
        if b"*" in name or name not in old:
            if b"*" not in name and _stream_order(name) <= last:
                raise InvalidText(
                    f"a stream is only appended to: {name.decode()} is not after its last entry",
                    hint='use "*" as its id',
                )
            last = last if b"*" in name else _stream_order(name)
            yield ("XADD", *row)
        elif old[name] != row:
            raise InvalidText(
                f"an entry of a stream cannot be changed: {name.decode()}", hint="remove it and append another one"
            )
        kept.add(name)
    yield from _commands("XDEL", ((name,) for name in old if name not in kept))


def _stream_order(name: bytes) -> tuple[int, int]:
    first, _, second = name.partition(b"-")
    return int(first), int(second or 0)


_CHANGES: Final[dict[str, Callable[[Sequence[Row], Sequence[Row]], Iterator[Command]]]] = {
    HASH: _hash_changes,
    LIST: _list_changes,
    SET: _set_changes,
    ZSET: _zset_changes,
    STREAM: _stream_changes,
}


def with_key(command: Command, key: bytes) -> Command:
    """Return a command with its key."""
    name: Argument = command[0]
    return (name, key, *command[1:])
