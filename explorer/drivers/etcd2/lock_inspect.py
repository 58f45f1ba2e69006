"""Holders of locks, read from the keys that valkeyrie and libkv make.

Valkeyrie's `name___lock` is a lock by its name. Libkv's is the locked key itself, which only its TTL distinguishes from
data: such keys are possible locks, and listed only below a prefix, so that they do not fill the list of a whole store.
"""

from explorer.drivers.common.leases import parse_holder
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Etcd2Node
from explorer.drivers.etcd2.lock import LIBKV, VALKEYRIE, VALKEYRIE_SUFFIX
from explorer.drivers.etcd2.reader import Etcd2Reader, NodeWalk
from explorer.model.locks import Contender, LockInfo

_MAX_NAME_LENGTH = 60
"""Characters of a value that are shown as the holder's name."""


async def list_locks(connection: Etcd2Connection, keyspace: Etcd2Keyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Return every lock at or below a prefix, and every possible lock unless the prefix is empty."""
    reader, path = Etcd2Reader(connection), keyspace.to_store_prefix(prefix)
    nodes = []
    has_prefix = bool(prefix.removesuffix("/"))
    if has_prefix:
        own = (await reader.read_node(path), await reader.read_node(path + VALKEYRIE_SUFFIX))
        nodes = [node for node in own if node]
    async for page in NodeWalk(reader, path).pages():
        nodes += page
    locks = []
    for node in nodes:
        if node.is_directory:
            continue
        if node.path.endswith(VALKEYRIE_SUFFIX):
            locks.append(_valkeyrie_lock(keyspace.to_key(node.path), node))
        elif has_prefix and node.ttl is not None:
            locks.append(_libkv_lock(keyspace.to_key(node.path), node))
    return tuple(locks)


def _valkeyrie_lock(key: str, node: Etcd2Node) -> LockInfo:
    return LockInfo(
        key=key.removesuffix(VALKEYRIE_SUFFIX),
        kind="valkeyrie; waiters cannot be seen",
        layout=VALKEYRIE,
        holder=_holder(key, node),
        stale=None if node.ttl else "no TTL: it never expires",
    )


def _libkv_lock(key: str, node: Etcd2Node) -> LockInfo:
    is_certain = parse_holder(node.text)[1] is not None
    return LockInfo(
        key=key,
        kind="libkv; waiters cannot be seen" if is_certain else "libkv, or data that expires",
        layout=LIBKV,
        holder=_holder(key, node),
        certain=is_certain,
    )


def _holder(key: str, node: Etcd2Node) -> Contender:
    session = f"creation {node.created}"
    name, since = parse_holder(node.text)
    return Contender(
        name=name[:_MAX_NAME_LENGTH] or f"{session} of {key}",
        key=key,
        session=session if node.ttl else None,
        ttl=node.ttl,
        since=since or node.created,
        fence=node.created,
    )
