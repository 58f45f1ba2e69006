"""Who holds which lock, read from the keys that valkeyrie and libkv make.

Valkeyrie's `name___lock` is a lock by its name. Libkv's is the locked key itself, which only its TTL tells from data:
such keys are possible locks, and listed where a prefix is asked for, so that a whole store is not full of them.
"""

from explorer.drivers.common.leases import parse_holder
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Node
from explorer.drivers.etcd2.lock import LIBKV, SUFFIX, VALKEYRIE
from explorer.drivers.etcd2.reader import Etcd2Reader, Walk
from explorer.model.locks import Contender, LockInfo

_PAGE = 1000
_NAME_LENGTH = 60
"""Characters of a value that are taken for the holder's name."""


async def list_locks(connection: Etcd2Connection, layout: Etcd2Keyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Return every lock at or below a prefix, and every possible lock unless the prefix is empty."""
    reader, base = Etcd2Reader(connection, prefix), layout.base(prefix)
    found = []
    asked = bool(prefix.removesuffix("/"))
    if asked:
        found = [node for node in (await reader.node(base), await reader.node(base + SUFFIX)) if node]
    walk = Walk(reader, base)
    while page := await walk.take(_PAGE):
        found += page
    locks = []
    for node in found:
        if node.directory:
            continue
        if node.path.endswith(SUFFIX):
            locks.append(_valkeyrie(layout.relative(node.path), node))
        elif asked and node.ttl is not None:
            locks.append(_libkv(layout.relative(node.path), node))
    return tuple(locks)


def _valkeyrie(key: str, node: Node) -> LockInfo:
    return LockInfo(
        key=key.removesuffix(SUFFIX),
        kind="valkeyrie; waiters cannot be seen",
        layout=VALKEYRIE,
        holder=_holder(key, node),
        stale=None if node.ttl else "the key has no TTL: nothing ends it but its deletion",
    )


def _libkv(key: str, node: Node) -> LockInfo:
    certain = parse_holder(node.text)[1] is not None
    return LockInfo(
        key=key,
        kind="libkv; waiters cannot be seen" if certain else "libkv, or data that expires",
        layout=LIBKV,
        holder=_holder(key, node),
        certain=certain,
    )


def _holder(key: str, node: Node) -> Contender:
    session = f"creation {node.created}"
    name, since = parse_holder(node.text)
    return Contender(
        name=name[:_NAME_LENGTH] or f"{session} of {key}",
        key=key,
        session=session if node.ttl else None,
        ttl=node.ttl,
        since=since or node.created,
        fence=node.created,
    )
