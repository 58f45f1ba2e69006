"""Who holds which lock and who waits, read from the keys that contenders leave.

Two layouts are recognised: that of etcd's concurrency package (`<name>/<lease in hex>`, the key attached to that very
lease; elections look the same), and, as a spelling of the name, libkv's and valkeyrie's `<key>___lock`. A contender
whose key has lost its lease would block the queue for ever: it is told as stale.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from explorer.drivers.common.leases import parse_holder
from explorer.drivers.common.tasks import gather_bounded
from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.methods import TXN
from explorer.drivers.etcd.reader import EtcdReader, Windows
from explorer.model.keys import decode
from explorer.model.locks import Contender, LockInfo

CONCURRENCY = "concurrency"
VALKEYRIE = "valkeyrie"
"""Names of layouts; a lock can be taken in the first."""

_REQUESTS_AT_ONCE = 16
_TXN_SIZE = 128
"""Operations in a transaction; the most that a server takes unless it is set up otherwise."""

Session: TypeAlias = messages.LeaseTimeToLiveResponse | None
"""What is known of a lease; None when it has ended or the user may not ask."""
VALKEYRIE_SUFFIX = b"___lock"
_LEASE = re.compile(rb"[0-9a-f]{10,16}")


def is_contender(name: bytes) -> bool:
    """Tell whether the last part of a key looks like that of a contender: a lease in hex."""
    return _LEASE.fullmatch(name) is not None


@dataclass(slots=True)
class EtcdLockQueue:
    """The contenders of one lock, as keys."""

    name: bytes
    contenders: list[messages.KeyValue] = field(default_factory=list)
    orphans: list[messages.KeyValue] = field(default_factory=list)
    """Keys that look like contenders and have no lease."""

    @property
    def in_order(self) -> list[messages.KeyValue]:
        """All of them, in the order in which they get the lock."""
        return sorted((*self.contenders, *self.orphans), key=lambda entry: entry.create_revision)


async def list_locks(
    cluster: EtcdConnection, start: bytes, end: bytes, root: bytes, *, subject: str
) -> tuple[LockInfo, ...]:
    """Tell every lock at or below a prefix.

    Args:
        cluster: Is asked.
        start: The prefix as a directory; a lock on the prefix itself has its contenders there.
        end: The end of what lies below.
        root: What stands before every key of the address.
        subject: The prefix as the caller wrote it.
    """
    queues = await find(cluster, start, end, subject=subject)
    contenders = [entry for queue in queues for entry in queue.in_order]
    values = await _values(cluster, [entry.key for entry in contenders], subject=subject)
    sessions = await gather_bounded(
        {entry.lease for entry in contenders if entry.lease},
        lambda lease: leases.remaining(cluster, lease, keys=True),
        limit=_REQUESTS_AT_ONCE,
    )
    return tuple(_lock(queue, values, sessions, root) for queue in queues)


async def find(cluster: EtcdConnection, directory: bytes, end: bytes, *, subject: str) -> list[EtcdLockQueue]:
    """Find the queues at or below a directory, in the order of their names."""
    queues: dict[bytes, EtcdLockQueue] = {}
    suspects: dict[bytes, list[messages.KeyValue]] = defaultdict(list)
    reader = EtcdReader(cluster, Windows(directory, end, len(directory)), values=False, subject=subject)
    async for page in reader.pages():
        for entry in page:
            name, slash, last = entry.key.rpartition(b"/")
            if not slash:
                if entry.key.endswith(VALKEYRIE_SUFFIX):
                    suspects[entry.key].append(entry)
            elif entry.lease and last == leases.name(entry.lease).encode():
                queues.setdefault(name, EtcdLockQueue(name)).contenders.append(entry)
            elif not entry.lease and is_contender(last):
                suspects[name].append(entry)
            elif entry.key.endswith(VALKEYRIE_SUFFIX):
                suspects[entry.key].append(entry)
    for name, orphans in suspects.items():
        if name in queues or name.endswith(VALKEYRIE_SUFFIX):
            queues.setdefault(name, EtcdLockQueue(name)).orphans.extend(orphans)
    return [queues[name] for name in sorted(queues)]


async def _values(cluster: EtcdConnection, keys: Sequence[bytes], *, subject: str) -> dict[bytes, bytes]:
    """Return the values of keys; one that is gone has none."""

    async def read(first: int) -> messages.TxnResponse:
        ranges = [
            messages.RequestOp(request_range=messages.RangeRequest(key=key)) for key in keys[first : first + _TXN_SIZE]
        ]
        return await cluster.call(TXN, messages.TxnRequest(success=ranges), key=subject)

    answers = await gather_bounded(range(0, len(keys), _TXN_SIZE), read, limit=_REQUESTS_AT_ONCE)
    return {
        entry.key: entry.value
        for answer in answers.values()
        for response in answer.responses
        for entry in response.response_range.kvs
    }


def _lock(
    queue: EtcdLockQueue, values: Mapping[bytes, bytes], sessions: Mapping[int, Session], root: bytes
) -> LockInfo:
    """Return one lock: its contenders in order, with what is known of each."""
    contenders = queue.in_order
    parties = [
        _contender(entry, values.get(entry.key, b""), sessions[entry.lease] if entry.lease else None, root)
        for entry in contenders
    ]
    valkeyrie = queue.name.endswith(VALKEYRIE_SUFFIX)
    return LockInfo(
        key=decode(queue.name.removesuffix(VALKEYRIE_SUFFIX)[len(root) :]),
        kind="valkeyrie lock" if valkeyrie else "etcd mutex",
        layout=VALKEYRIE if valkeyrie else CONCURRENCY,
        holder=parties[0],
        waiters=tuple(parties[1:]),
        stale="no lease: nothing will ever end it" if contenders[0].lease == 0 else None,
    )


def _contender(entry: messages.KeyValue, value: bytes, lease: Session, root: bytes) -> Contender:
    name, since = parse_holder(value.decode("utf-8", "replace"))
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
