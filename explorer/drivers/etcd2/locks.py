"""Who holds which lock, read from the keys that libkv and valkeyrie make: `name___lock` beside `name`."""

from explorer.drivers.etcd2.connection import Connection
from explorer.drivers.etcd2.layout import Layout, Node
from explorer.drivers.etcd2.lock import SUFFIX
from explorer.drivers.etcd2.reading import Reader, Walk
from explorer.drivers.holding import introduction
from explorer.model.locks import Contender, LockInfo

VALKEYRIE = "valkeyrie"
"""Name of the layout."""

_PAGE = 1000


async def tell(connection: Connection, layout: Layout, prefix: str) -> tuple[LockInfo, ...]:
    """Tell every lock at or below a prefix."""
    reader, base = Reader(connection, prefix), layout.base(prefix)
    found = []
    if prefix.removesuffix("/"):
        itself = await reader.node(base + SUFFIX)
        found += [itself] if itself else []
    walk = Walk(reader, base)
    while page := await walk.take(_PAGE):
        found += page
    locks = [node for node in found if node.path.endswith(SUFFIX) and not node.directory]
    return tuple(_told(layout.relative(node.path), node) for node in locks)


def _told(key: str, node: Node) -> LockInfo:
    session = f"creation {node.created}"
    name, since = introduction(node.text)
    return LockInfo(
        key=key.removesuffix(SUFFIX),
        kind="valkeyrie; waiters cannot be seen",
        layout=VALKEYRIE,
        holder=Contender(
            name=name or f"{session} of {key}",
            key=key,
            session=session if node.ttl else None,
            ttl=node.ttl,
            since=since or node.created,
            fence=node.created,
        ),
        stale=None if node.ttl else "the key has no TTL: nothing ends it but its deletion",
    )
