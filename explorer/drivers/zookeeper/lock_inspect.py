"""Locks and their contenders, read from the contenders' znodes and from what the servers report about sessions."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Final

from explorer.drivers.common.leases import parse_holder
from explorer.drivers.zookeeper import sessions
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import Stat, ZooKeeperKeyspace
from explorer.drivers.zookeeper.lock_queue import ContenderNode, ZooKeeperLockQueue, to_queue
from explorer.drivers.zookeeper.reader import ZNodeWalk, ZooKeeperReader
from explorer.drivers.zookeeper.sessions import SessionTable
from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import sanitize

_PAGE_SIZE: Final = 5000


async def list_locks(connection: ZooKeeperConnection, keyspace: ZooKeeperKeyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Return the locks at or below a prefix."""
    queues = await _read_queues(connection, keyspace.to_store_prefix(prefix))
    if not queues:
        return ()
    table = await sessions.describe_sessions(connection.settings)
    locks = [await _describe(connection, keyspace, queue, table) for queue in queues]
    return tuple(sorted(locks, key=lambda lock: lock.key))


async def _read_queues(connection: ZooKeeperConnection, base: str) -> list[ZooKeeperLockQueue]:
    walk = ZNodeWalk(ZooKeeperReader(connection), base, values=False)
    children: dict[str, list[tuple[str, Stat]]] = defaultdict(list)
    while page := await walk.take(_PAGE_SIZE):
        for node in page:
            children[node.path.rpartition("/")[0]].append((node.path, node.stat))
    return [queue for path, nodes in children.items() if (queue := to_queue(path, nodes)) is not None]


async def _describe(
    connection: ZooKeeperConnection, keyspace: ZooKeeperKeyspace, queue: ZooKeeperLockQueue, table: SessionTable
) -> LockInfo:
    paths = [contender.path for contender in queue.contenders]
    nodes = await ZooKeeperReader(connection).read_nodes(paths, values=True)
    values = {node.path: node.value or b"" for node in nodes}
    contenders = [_to_contender(keyspace, node, values.get(node.path, b""), table) for node in queue.contenders]
    holders = len(queue.holders)
    other_holders = ", ".join(contender.name for contender in contenders[1:holders])
    first = queue.contenders[0]
    other_clients = sorted({node.client for node in queue.contenders} - {first.client})
    return LockInfo(
        key=keyspace.to_key(queue.key_path),
        kind=queue.kind
        + (f", also held by {other_holders}" if other_holders else "")
        + (f", beside contenders of {' and '.join(other_clients)}" if other_clients else ""),
        layout=first.layout,
        holder=contenders[0],
        waiters=tuple(contenders[holders:]),
        stale="its node belongs to no session and never expires" if first.stat.session is None else None,
    )


def _to_contender(keyspace: ZooKeeperKeyspace, node: ContenderNode, value: bytes, table: SessionTable) -> Contender:
    number = node.stat.session
    session = table.get(number) if number is not None else None
    session_id = None if number is None else f"{number & (2**64 - 1):#x}"
    holder, since = parse_holder(sanitize(value))
    name = holder or (f"session {session_id}" if session_id else keyspace.to_key(node.path))
    address, seconds = (session and session.connection) or (None, None)
    if address:
        name += f" at {address}"
    elif session and not table.is_permitted:
        name += " (no permission to read its address)"
    return Contender(
        name=name,
        key=keyspace.to_key(node.path),
        session=session_id,
        ttl=seconds,
        since=since or datetime.fromtimestamp(node.stat.ctime / 1000, UTC),
        fence=node.stat.czxid,
        other_keys=_other_keys(keyspace, node.path, session.paths if session else ()),
    )


def _other_keys(keyspace: ZooKeeperKeyspace, own: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    root = f"{keyspace.root}/"
    return tuple(sorted(keyspace.to_key(path) if path.startswith(root) else path for path in paths if path != own))
