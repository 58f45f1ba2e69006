"""Values of keys as rows of bytes, with the revision that they have here and in the server's scripts.

A string is one row. Every other type is rows of elements: (field, value) of a hash, (item,) of a list, (member,) of a
set, (member, score) of a sorted set, (ID, field, value, ...) of a stream.

A revision is the type and a SHA-1 of the content, computed alike by `REVISION` in Lua; that of a collection is made of
the elements, not of the server's encoding. Redis counts no writes: a value that was changed and changed back has the
revision that it had, and no client can know better.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from typing import Final, TypeAlias

Row: TypeAlias = tuple[bytes, ...]

STRING: Final = "string"
HASH: Final = "hash"
LIST: Final = "list"
SET: Final = "set"
ZSET: Final = "zset"
STREAM: Final = "stream"
COLLECTIONS: Final = (HASH, LIST, SET, ZSET, STREAM)
UNORDERED: Final = (HASH, SET)

REVISION: Final = """
local function digest(rows, sorted)
  local sums = {}
  for i, row in ipairs(rows) do
    local parts = {}
    for j, part in ipairs(row) do parts[j] = #part .. ':' .. part end
    sums[i] = redis.sha1hex(table.concat(parts))
  end
  if sorted then table.sort(sums) end
  return redis.sha1hex(table.concat(sums))
end
local function rows_of(flat, width)
  local rows = {}
  for i = 1, #flat, width do
    local row = {}
    for j = 1, width do row[j] = flat[i + j - 1] end
    rows[#rows + 1] = row
  end
  return rows
end
local function revision(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return '' end
  if kind == 'string' then return 'string:' .. redis.sha1hex(redis.call('GET', key)) end
  local sum
  if kind == 'hash' then sum = digest(rows_of(redis.call('HGETALL', key), 2), true)
  elseif kind == 'set' then sum = digest(rows_of(redis.call('SMEMBERS', key), 1), true)
  elseif kind == 'list' then sum = digest(rows_of(redis.call('LRANGE', key, 0, -1), 1), false)
  elseif kind == 'zset' then sum = digest(rows_of(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'), 2), false)
  elseif kind == 'stream' then
    local rows = {}
    for i, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
      rows[i] = {entry[1], unpack(entry[2])}
    end
    sum = digest(rows, false)
  else sum = redis.sha1hex(redis.call('DUMP', key)) end
  return kind .. ':' .. sum
end
"""
"""Lua: `revision(key)`, empty if there is no such key. The sums are sorted, not the elements: Lua would sort those by
the server's locale."""


@dataclass(frozen=True)
class RedisValue:
    """The value of a key, as read.

    Attributes:
        type: Type as TYPE returns it.
        rows: A string's bytes, or the elements in the server's order; the DUMP of a module's type.
        ttl: Seconds left; None for ever.
        length: Number of elements, or of bytes; with `is_partial` more than the rows.
        is_partial: True if only the first elements were read.
        encoding: Encoding in the server's memory, where it was asked for.
    """

    type: str
    rows: tuple[Row, ...]
    ttl: float | None = None
    length: int = 0
    is_partial: bool = False
    encoding: str = ""

    @classmethod
    def string(cls, data: bytes, ttl: float | None = None, encoding: str = "") -> "RedisValue":
        """Return a string."""
        return cls(STRING, ((data,),), ttl, len(data), encoding=encoding)

    @property
    def data(self) -> bytes:
        """The bytes of a string or of a DUMP."""
        return self.rows[0][0]

    @property
    def is_collection(self) -> bool:
        """True for a type that is edited as a document."""
        return self.type in COLLECTIONS

    @cached_property
    def revision(self) -> str:
        """Type and digest, see the module; a part of a value has a revision that no server computes."""
        if not self.is_collection:
            return f"{self.type}:{_sum(self.data)}"
        sums = [_sum(b"".join(b"%d:%s" % (len(part), part) for part in row)) for row in self.rows]
        if self.type in UNORDERED:
            sums.sort()
        found = _sum("".join(sums).encode())
        return f"{self.type}:{found}" if not self.is_partial else f"{self.type}:{found} of {self.length}"


def rows_of(flat: Iterable[bytes], width: int) -> tuple[Row, ...]:
    """Return elements from a flat reply."""
    parts = list(flat)
    return tuple(tuple(parts[start : start + width]) for start in range(0, len(parts), width))


def _sum(data: bytes) -> str:
    return sha1(data, usedforsecurity=False).hexdigest()
