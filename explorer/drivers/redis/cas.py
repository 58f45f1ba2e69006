"""Guarded writes (compare-and-swap): commands that run only if a key still has the revision that it was read with.

One Lua script compares and writes. It computes the revision of the key as it is, so nothing depends on a counter, and
it runs between two other commands, so no write can come in between. A script that is refused one of its commands stops
there and keeps what it did before, so the user's rights are checked before the first write (by Redis 7). Where scripts
are forbidden, a string is made by `SET ... NX`; where the server has them, `SET ... IFEQ` (Valkey 8.1, Redis 8.4) and
`DELEX ... IFEQ` (Redis 8.4, Valkey 9.2) compare its bytes. WATCH, MULTI and EXEC do the rest.

A write whose reply was lost is sent again, being guarded. When the guard then fails, what is stored decides: our value
means that the write arrived (or that another client stored the very same); another value may be one that came after
ours, which no server can tell: the outcome is unknown. A value that others changed and changed back in between is not
noticed (ABA): Redis counts no writes.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from redis.exceptions import ResponseError

from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.redis.collection_diff import with_key
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.errors import (
    CommandForbiddenError,
    UnknownOptionError,
    WrongTypeError,
    forbidden_command,
    foreign_reply,
    reply_error,
)
from explorer.drivers.redis.node import Command, Link, Reply
from explorer.drivers.redis.reader import RedisReader
from explorer.drivers.redis.values import REVISION, RedisValue
from explorer.model.errors import ExplorerError

ABSENT: Final = ""
"""Revision of a key that does not exist."""

_SCRIPT: Final = (
    REVISION
    + """
local count = tonumber(ARGV[2])
if #KEYS > count and redis.call('GET', KEYS[count + 1]) ~= ARGV[1] then return {-1} end
local position, commands = 3, {}
for number = 1, count do
  if revision(KEYS[number]) ~= ARGV[position] then return {0} end
  position = position + 2
  for _ = 1, tonumber(ARGV[position - 1]) do
    local parts = tonumber(ARGV[position])
    local command = {ARGV[position + 1], KEYS[number]}
    for i = 2, parts do command[i + 1] = ARGV[position + i] end
    if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(command)) then return {-2, command[1]} end
    commands[#commands + 1] = command
    position = position + parts + 1
  end
end
for _, command in ipairs(commands) do redis.call(unpack(command)) end
local written = {1}
for number = 1, count do
  local left = redis.pcall('PTTL', KEYS[number])
  if type(left) ~= 'number' then left = -1 end
  local encoding = redis.pcall('OBJECT', 'ENCODING', KEYS[number])
  if type(encoding) ~= 'string' then encoding = '' end
  written[#written + 1] = {revision(KEYS[number]), left, encoding}
end
return written
"""
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A further condition of a write: a key has this value."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """The key after a write."""

    revision: str
    ttl: float | None
    encoding: str


@dataclass(frozen=True, slots=True)
class GuardedCommands:
    """Commands that run if a key still is as it was read.

    Attributes:
        key: The key in the store.
        before: Revision that it has to have; `ABSENT` if it must not exist.
        commands: Commands without their key.
        text: Bytes of the string that was read; None for another type, or none.
    """

    key: bytes
    before: str
    commands: Sequence[Command]
    text: bytes | None = None

    @property
    def single_command(self) -> Command | None:
        """The one command that compares and writes or deletes a string; None if there is none for this write."""
        match self.commands:
            case [("SET", value, *life)] if self.before == ABSENT:
                return ("SET", self.key, value, *life, "NX")
            case [("SET", value, *life)] if self.text is not None:
                return ("SET", self.key, value, *life, "IFEQ", self.text)
            case [("DEL",)] if self.text is not None:
                return ("DELEX", self.key, "IFEQ", self.text)
        return None


@dataclass(frozen=True, slots=True)
class RedisCasWrite:
    """One guarded write.

    Args:
        connection: The connection.
        subject: The key for the log.
        guarded: What is sent.
        is_done: Returns whether a value that was read is the one that the commands make.
        condition: A further condition.
    """

    connection: RedisConnection
    subject: str
    guarded: GuardedCommands
    is_done: Callable[[RedisValue | None], bool]
    condition: Condition | None = None

    async def commit(self) -> Written | None:
        """Write, and return the key as it is then; None if a condition failed.

        Raises:
            OutcomeUnknown: The reply was lost and the store cannot tell.
            NotReachable: Nothing was sent.
        """
        attempt = WriteAttempt(self.connection.timeout, self.connection.redacted, self.subject)

        async def send(left: float) -> tuple[Written | None]:
            written = await apply(self.connection, (self.guarded,), left, self.condition)
            return (written[0] if written else None,)

        while (sent := await attempt.send(send)) is None:
            continue
        if sent[0] is not None or attempt.lost_reply is None:
            return sent[0]
        try:
            found = await RedisReader(self.connection.call_each).get(self.guarded.key)
        except ExplorerError as error:
            raise attempt.outcome_unknown() from error
        if self.is_done(found):
            return as_written(found)
        if (found.revision if found else ABSENT) == self.guarded.before:
            return None  # a further condition failed, and fails for what is still under way
        raise attempt.outcome_unknown() from attempt.lost_reply


async def apply(
    connection: RedisConnection, writes: Sequence[GuardedCommands], within: float, condition: Condition | None = None
) -> list[Written] | None:
    """Send guarded writes of different keys together, once; return the keys as they are then, None if a guard failed.

    Raises:
        NotReachable: Nothing was sent, or the reply was lost.
    """
    keys = [write.key for write in writes]
    if connection.scripts_allowed:
        flat: list[bytes | str | int] = [condition.value if condition else b"", len(keys)]
        for write in writes:
            flat += [write.before, len(write.commands)]
            flat += [part for command in write.commands for part in (len(command), *command)]
        named = [*keys, condition.key] if condition else keys
        try:
            reply = await connection.call(
                "EVAL", _SCRIPT, len(named), *named, *flat, key=keys[0], within=within, repeat=False
            )
        except CommandForbiddenError as error:
            if not error.is_about("eval"):
                raise
            connection.scripts_allowed = False
        else:
            return _written(reply)
    if len(writes) == 1 and not condition and (command := writes[0].single_command):
        with suppress(UnknownOptionError):
            return await _apply_single(connection, keys[0], command, within)
    return await _apply_in_transaction(connection, writes, within, condition)


async def _apply_single(
    connection: RedisConnection, key: bytes, command: Command, within: float
) -> list[Written] | None:
    """Do the same for a string, by one command.

    Raises:
        UnknownOptionError: The server cannot compare so.
    """
    try:
        reply = await connection.call(*command, key=key, within=within, repeat=False)
    except WrongTypeError:  # it was a string
        return None
    except CommandForbiddenError as error:
        if not error.is_about("delex"):
            raise
        raise UnknownOptionError(error.message) from error
    return [as_written(await RedisReader(connection.call_each).get(key))] if reply else None


def _written(reply: Reply) -> list[Written] | None:
    match reply:
        case [0 | -1]:
            return None
        case [-2, bytes(name)]:
            raise forbidden_command(name.decode())
        case [1, *found]:
            return [_written_key(each) for each in found]
        case _:
            raise foreign_reply(reply)


def _written_key(reply: Reply) -> Written:
    match reply:
        case [bytes(revision), int(left), bytes(encoding)]:
            return Written(revision.decode(), left / 1000 if left >= 0 else None, encoding.decode())
        case _:
            raise foreign_reply(reply)


def as_written(found: RedisValue | None) -> Written:
    """Return a key as it was read."""
    return Written(found.revision, found.ttl, found.encoding) if found else Written(ABSENT, None, "")


async def _apply_in_transaction(
    connection: RedisConnection, writes: Sequence[GuardedCommands], within: float, condition: Condition | None
) -> list[Written] | None:
    """Do the same by WATCH, MULTI and EXEC, for users who may run no script."""
    keys = [write.key for write in writes]
    node = await connection.topology.node_of(keys[0], within)
    async with node.exclusive(within) as link:
        await _succeed(link, ("WATCH", *keys, *((condition.key,) if condition else ())))
        is_current = True
        for write in writes:
            is_current = is_current and await _has_revision(link, write.key, write.before)
        if is_current and condition:
            (value,) = await link.send((("GET", condition.key),))
            is_current = value == condition.value
        if not is_current:
            await _succeed(link, ("UNWATCH",))
            return None
        commands = (with_key(command, write.key) for write in writes for command in write.commands)
        await _succeed(link, ("MULTI",))  # alone: were it refused, the commands after it would run without the guard
        *queued, results = await link.send([*commands, ("EXEC",)])
        for reply in (*queued, *(results if isinstance(results, list) else (results,))):
            if isinstance(reply, ResponseError):
                raise _transaction_error(reply)
    if results is None:
        return None
    reader = RedisReader(connection.call_each)
    return [as_written(await reader.get(key)) for key in keys]


async def _has_revision(link: Link, key: bytes, revision: str) -> bool:
    async def send(commands: Sequence[tuple[bytes, Command]]) -> list[Reply]:
        return await link.send([command for _, command in commands]) if commands else []

    found = (await RedisReader(send).read([key])).get(key)
    if isinstance(found, ExplorerError):
        raise found
    return (found.revision if found else ABSENT) == revision


async def _succeed(link: Link, command: Command) -> None:
    (reply,) = await link.send((command,))
    if isinstance(reply, ResponseError):
        raise _transaction_error(reply)


def _transaction_error(reply: ResponseError) -> ExplorerError:
    error = reply_error(reply)
    if isinstance(error, CommandForbiddenError) and any(map(error.is_about, ("watch", "unwatch", "multi", "exec"))):
        error.hint = "writes are guarded: allow `eval`, or `watch`, `unwatch`, `multi` and `exec`"
    return error
