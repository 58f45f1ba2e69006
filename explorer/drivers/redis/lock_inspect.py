"""Holders of locks, read from the keys of the layouts redis and redis-py.

`KEY___lock` is a lock by its name. A key that is the lock itself is known by a token as redis-py makes them; with
another value, only its TTL distinguishes it from data: such keys are possible locks, and listed only below a prefix, so
that they do not fill the list of a whole store, and only if their value may name a holder.
"""

import re
from typing import Final

from explorer.drivers.common.leases import parse_holder
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.keyspace import RedisKeyspace
from explorer.drivers.redis.lock import REDIS, REDIS_PY, SUFFIX, is_token
from explorer.drivers.redis.reader import RedisReader
from explorer.drivers.redis.scan import scan
from explorer.drivers.redis.values import STRING, RedisValue
from explorer.model.keys import decode
from explorer.model.locks import Contender, LockInfo

_VALUE: Final = re.compile(r"(?:(\d{1,18}) )?([0-9a-f]{32}) (.*)", re.DOTALL)
_MAX_NAME_LENGTH: Final = 60
"""Characters of a value that are shown as the holder's name; a longer value of a key that may be a lock is data."""
_JSON_STARTS: Final = ("{", "[", '"')


async def list_locks(connection: RedisConnection, keyspace: RedisKeyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Return every lock at or below a prefix, and every possible lock unless the prefix is empty."""
    has_prefix = bool(prefix.removesuffix(keyspace.separator))
    suffix = SUFFIX.encode()
    found: set[bytes] = set()
    async for keys in scan(connection, keyspace.to_store_prefix(prefix)):
        found.update(key for key in keys if has_prefix or key.endswith(suffix))
    if has_prefix:
        own = keyspace.to_store_key(prefix.removesuffix(keyspace.separator))
        found |= {own, own + suffix}
    values = await RedisReader(connection.call_each).read(sorted(found))
    locks = []
    for store_key, value in values.items():
        if isinstance(value, RedisValue) and value.type == STRING:
            key = keyspace.to_key(store_key)
            if key.endswith(SUFFIX):
                locks.append(_own_lock(key, value))
            elif has_prefix and (is_token(value) or (value.ttl is not None and _may_name_holder(value))):
                locks.append(_key_lock(key, value))
    return tuple(locks)


def _may_name_holder(value: RedisValue) -> bool:
    """Return whether a value is one short line of text, and no JSON as cached data is."""
    text = decode(value.data)
    return len(text) <= _MAX_NAME_LENGTH and text.isprintable() and not text.startswith(_JSON_STARTS)


def _own_lock(key: str, value: RedisValue) -> LockInfo:
    parsed = _VALUE.fullmatch(decode(value.data))
    fence = int(parsed[1]) if parsed and parsed[1] else None
    token, text = (parsed[2], parsed[3]) if parsed else ("", decode(value.data))
    return LockInfo(
        key=key.removesuffix(SUFFIX),
        kind="redis; waiters cannot be seen",
        layout=REDIS,
        holder=_holder(key, value, token, text, fence),
        stale=_stale(value),
    )


def _key_lock(key: str, value: RedisValue) -> LockInfo:
    is_certain = is_token(value)
    text = decode(value.data)
    return LockInfo(
        key=key,
        kind="redis-py; waiters cannot be seen" if is_certain else "redis-py or valkeyrie, or data that expires",
        layout=REDIS_PY,
        holder=_holder(key, value, text if is_certain else "", text, None),
        stale=_stale(value) if is_certain else None,
        certain=is_certain,
    )


def _stale(value: RedisValue) -> str | None:
    return "no TTL: it never expires" if value.ttl is None else None


def _holder(key: str, value: RedisValue, token: str, text: str, fence: int | None) -> Contender:
    name, since = parse_holder(text)
    return Contender(
        name=name[:_MAX_NAME_LENGTH] or key,
        key=key,
        session=(f"token {token}" if token else f"value of {key}") if value.ttl is not None else None,
        ttl=value.ttl,
        since=since,
        fence=fence,
    )
