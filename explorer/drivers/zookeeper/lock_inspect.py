"""Who holds which lock and who waits, read from the nodes that contenders leave and from what the servers tell."""

from collections import defaultdict
from datetime import UTC, datetime

from explorer.drivers.common.leases import parse_holder
from explorer.drivers.zookeeper import sessions
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import Stat, ZooKeeperKeyspace
from explorer.drivers.zookeeper.lock_queue import Contestant, ZooKeeperLockQueue, queue
from explorer.drivers.zookeeper.reader import Walk, ZooKeeperReader
from explorer.drivers.zookeeper.sessions import Sessions
from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import sanitize

_PAGE = 5000


async def list_locks(connection: ZooKeeperConnection, layout: ZooKeeperKeyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Tell every lock at or below a prefix."""
    found = await _queues(connection, layout.base(prefix), prefix)
    if not found:
        return ()
    known = await sessions.describe_sessions(connection.settings)
    told = [await _describe(connection, layout, one, known) for one in found]
    return tuple(sorted(told, key=lambda lock: lock.key))


async def _queues(connection: ZooKeeperConnection, base: str, subject: str) -> list[ZooKeeperLockQueue]:
    walk = Walk(ZooKeeperReader(connection, subject), base, values=False)
    children: dict[str, list[tuple[str, Stat]]] = defaultdict(list)
    while page := await walk.take(_PAGE):
        for node in page:
            children[node.path.rpartition("/")[0]].append((node.path, node.stat))
    return [found for path, below in children.items() if (found := queue(path, below)) is not None]


async def _describe(
    connection: ZooKeeperConnection, layout: ZooKeeperKeyspace, found: ZooKeeperLockQueue, known: Sessions
) -> LockInfo:
    nodes = await ZooKeeperReader(connection, found.path).nodes([party.path for party in found.parties], values=True)
    values = {node.path: node.value or b"" for node in nodes}
    told = [_contender(layout, party, values.get(party.path, b""), known) for party in found.parties]
    holding = len(found.holders)
    others = ", ".join(contender.name for contender in told[1:holding])
    strangers = sorted({party.client for party in found.parties} - {found.parties[0].client})
    orphan = found.parties[0].stat.session is None
    return LockInfo(
        key=layout.relative(found.key_path),
        kind=found.kind
        + (f", also held by {others}" if others else "")
        + (f", beside contenders of {' and '.join(strangers)}" if strangers else ""),
        layout=found.parties[0].layout,
        holder=told[0],
        waiters=tuple(told[holding:]),
        stale="its node belongs to no session: nothing will ever end it" if orphan else None,
    )


def _contender(layout: ZooKeeperKeyspace, party: Contestant, value: bytes, known: Sessions) -> Contender:
    number = party.stat.session
    session = known.of(number) if number is not None else None
    spelled = None if number is None else f"{number & (2**64 - 1):#x}"
    said, since = parse_holder(sanitize(value))
    name = said or (f"session {spelled}" if spelled else layout.relative(party.path))
    address, seconds = (session and session.connected) or (None, None)
    if address:
        name += f" at {address}"
    elif session and not known.permitted:
        name += " (the servers do not permit to ask where it is)"
    return Contender(
        name=name,
        key=layout.relative(party.path),
        session=spelled,
        ttl=seconds,
        since=since or datetime.fromtimestamp(party.stat.ctime / 1000, UTC),
        fence=party.stat.czxid,
        other_keys=_others(layout, party.path, session.paths if session else ()),
    )


def _others(layout: ZooKeeperKeyspace, own: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    inside = f"{layout.root}/"
    return tuple(sorted(layout.relative(path) if path.startswith(inside) else path for path in paths if path != own))
