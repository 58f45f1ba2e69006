"""Who holds which lock and who waits, read from the keys that contenders leave.

Two layouts are recognised: that of etcd's concurrency package (`<name>/<lease in hex>`, the key attached to that very
lease; elections look the same), and, as a spelling of the name, libkv's and valkeyrie's `<key>___lock`. A contender
whose key has lost its lease would block the queue for ever: it is told as stale.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.cluster import Cluster
from explorer.drivers.etcd.methods import RANGE
from explorer.drivers.etcd.ranges import Reader, Windows
from explorer.drivers.holding import introduction
from explorer.model.keys import decode
from explorer.model.locks import Contender, LockInfo

CONCURRENCY = "concurrency"
VALKEYRIE = "valkeyrie"
"""Names of layouts; a lock can be taken in the first."""

_PAGE = 5000
_VALKEYRIE = b"___lock"
_LEASE = re.compile(rb"[0-9a-f]{10,16}")


def stands_for_party(name: bytes) -> bool:
    """Tell whether the last part of a key looks like that of a contender: a lease in hex."""
    return _LEASE.fullmatch(name) is not None


@dataclass(slots=True)
class Queue:
    """The contenders of one lock, as keys."""

    name: bytes
    contenders: list[messages.KeyValue] = field(default_factory=list)
    orphans: list[messages.KeyValue] = field(default_factory=list)
    """Keys that look like contenders and have no lease."""


async def tell(cluster: Cluster, start: bytes, end: bytes, root: bytes, *, subject: str) -> tuple[LockInfo, ...]:
    """Tell every lock at or below a prefix.

    Args:
        cluster: Is asked.
        start: The prefix as a directory; a lock on the prefix itself has its contenders there.
        end: The end of what lies below.
        root: What stands before every key of the address.
        subject: The prefix as the caller wrote it.
    """
    queues = await find(cluster, start, end, subject=subject)
    told = [await describe(cluster, queue, root) for queue in queues]
    return tuple(lock for lock in told if lock is not None)


async def find(cluster: Cluster, directory: bytes, end: bytes, *, subject: str) -> list[Queue]:
    """Find the queues at or below a directory, in the order of their names."""
    queues: dict[bytes, Queue] = {}
    suspects: dict[bytes, list[messages.KeyValue]] = defaultdict(list)
    reader = Reader(cluster, Windows(directory, end, len(directory)), values=False, subject=subject)
    async for page in reader.pages():
        for entry in page:
            name, slash, last = entry.key.rpartition(b"/")
            if not slash:
                if entry.key.endswith(_VALKEYRIE):
                    suspects[entry.key].append(entry)
            elif entry.lease and last == leases.name(entry.lease).encode():
                queues.setdefault(name, Queue(name)).contenders.append(entry)
            elif not entry.lease and stands_for_party(last):
                suspects[name].append(entry)
            elif entry.key.endswith(_VALKEYRIE):
                suspects[entry.key].append(entry)
    for name, orphans in suspects.items():
        if name in queues or name.endswith(_VALKEYRIE):
            queues.setdefault(name, Queue(name)).orphans.extend(orphans)
    for queue in queues.values():
        queue.contenders.sort(key=lambda entry: entry.create_revision)
    return [queues[name] for name in sorted(queues)]


async def describe(cluster: Cluster, queue: Queue, root: bytes) -> LockInfo | None:
    """Tell one lock: its parties in order, with what is known of each; None if all have gone meanwhile."""
    parties = sorted((*queue.contenders, *queue.orphans), key=lambda entry: entry.create_revision)
    told = [await _contender(cluster, entry, root) for entry in parties]
    valkeyrie = queue.name.endswith(_VALKEYRIE)
    stale = "no lease: nothing will ever end it" if parties[0].lease == 0 else None
    return LockInfo(
        key=decode(queue.name.removesuffix(_VALKEYRIE)[len(root) :]),
        kind="valkeyrie lock" if valkeyrie else "etcd mutex",
        layout=VALKEYRIE if valkeyrie else CONCURRENCY,
        holder=told[0],
        waiters=tuple(told[1:]),
        stale=stale,
    )


async def _contender(cluster: Cluster, entry: messages.KeyValue, root: bytes) -> Contender:
    answer = await cluster.call(RANGE, messages.RangeRequest(key=entry.key))
    value = answer.kvs[0].value.decode("utf-8", "replace") if answer.kvs else ""
    lease = await leases.remaining(cluster, entry.lease, keys=True) if entry.lease else None
    name, since = introduction(value)
    return Contender(
        name=name or f"lease {leases.spelled(entry.lease)}" if entry.lease else decode(entry.key[len(root) :]),
        key=decode(entry.key[len(root) :]),
        session=leases.spelled(entry.lease) if entry.lease else None,
        ttl=float(lease.TTL) if lease else None,
        since=since or entry.create_revision,
        fence=entry.create_revision,
        other_keys=_others(lease.keys if lease else (), entry.key, root),
    )


def _others(keys: Iterable[bytes], own: bytes, root: bytes) -> tuple[str, ...]:
    return tuple(
        sorted(decode(key[len(root) :]) if key.startswith(root) else decode(key) for key in keys if key != own)
    )
