"""Holders and waiters of locks, read from the keys of contenders.

Two layouts are recognised: that of etcd's concurrency package (`<name>/<lease in hex>`, the key attached to that
lease; elections look the same), and libkv's and valkeyrie's, whose name is `<key>___lock`. A contender whose key has
no lease would block the queue for ever: it is reported as stale.
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
from explorer.drivers.etcd.endpoint import MAX_TXN_OPS, TXN
from explorer.drivers.etcd.reader import EtcdReader, Windows
from explorer.model.keys import decode
from explorer.model.locks import Contender, LockInfo

CONCURRENCY = "concurrency"
VALKEYRIE = "valkeyrie"
"""Names of layouts; Keyscope can take a lock in the first."""

_MAX_CONCURRENT_REQUESTS = 16

LeaseInfo: TypeAlias = messages.LeaseTimeToLiveResponse | None
"""A lease; None if it has ended or the user may not ask."""
VALKEYRIE_SUFFIX = b"___lock"
_LEASE = re.compile(rb"[0-9a-f]{10,16}")


def is_contender(name: bytes) -> bool:
    """Return whether the last part of a key looks like a contender's: a lease in hex."""
    return _LEASE.fullmatch(name) is not None


@dataclass(slots=True)
class EtcdLockQueue:
    """The keys of one lock's contenders."""

    name: bytes
    contenders: list[messages.KeyValue] = field(default_factory=list)
    orphans: list[messages.KeyValue] = field(default_factory=list)
    """Keys that look like contenders' by their name alone."""

    @property
    def in_order(self) -> list[messages.KeyValue]:
        """All contenders in the order in which they get the lock."""
        return sorted((*self.contenders, *self.orphans), key=lambda kv: kv.create_revision)


async def list_locks(connection: EtcdConnection, start: bytes, end: bytes, root: bytes) -> tuple[LockInfo, ...]:
    """Return every lock at or below a prefix.

    Args:
        connection: The connection to the cluster.
        start: The prefix as a directory; a lock on the prefix itself has its contenders there.
        end: The end of the range below it.
        root: The beginning of every key of the address.
    """
    queues = await find_queues(connection, start, end)
    contenders = [kv for queue in queues for kv in queue.in_order]
    values = await _values(connection, [kv.key for kv in contenders])
    leases_by_id = await gather_bounded(
        {kv.lease for kv in contenders if kv.lease},
        lambda lease: leases.time_to_live(connection, lease, keys=True),
        limit=_MAX_CONCURRENT_REQUESTS,
    )
    return tuple(_lock_info(queue, values, leases_by_id, root) for queue in queues)


async def find_queues(connection: EtcdConnection, directory: bytes, end: bytes) -> list[EtcdLockQueue]:
    """Return the queues at or below a directory, in the order of their names."""
    queues: dict[bytes, EtcdLockQueue] = {}
    candidates: dict[bytes, list[messages.KeyValue]] = defaultdict(list)
    reader = EtcdReader(connection, Windows(directory, end, len(directory)), values=False)
    async for page in reader.pages():
        for kv in page:
            name, slash, last = kv.key.rpartition(b"/")
            if not slash:
                if kv.key.endswith(VALKEYRIE_SUFFIX):
                    candidates[kv.key].append(kv)
            elif kv.lease and last == leases.contender_name(kv.lease).encode():
                queues.setdefault(name, EtcdLockQueue(name)).contenders.append(kv)
            elif not kv.lease and is_contender(last):
                candidates[name].append(kv)
            elif kv.key.endswith(VALKEYRIE_SUFFIX):
                candidates[kv.key].append(kv)
    for name, kvs in candidates.items():
        if name in queues or name.endswith(VALKEYRIE_SUFFIX):
            queues.setdefault(name, EtcdLockQueue(name)).orphans.extend(kvs)
    return [queues[name] for name in sorted(queues)]


async def _values(connection: EtcdConnection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the values of keys; those that are gone are left out."""

    async def read(first: int) -> messages.TxnResponse:
        ranges = [
            messages.RequestOp(request_range=messages.RangeRequest(key=key))
            for key in keys[first : first + MAX_TXN_OPS]
        ]
        return await connection.call(TXN, messages.TxnRequest(success=ranges))

    responses = await gather_bounded(range(0, len(keys), MAX_TXN_OPS), read, limit=_MAX_CONCURRENT_REQUESTS)
    return {
        kv.key: kv.value
        for response in responses.values()
        for result in response.responses
        for kv in result.response_range.kvs
    }


def _lock_info(
    queue: EtcdLockQueue, values: Mapping[bytes, bytes], leases_by_id: Mapping[int, LeaseInfo], root: bytes
) -> LockInfo:
    """Return a lock with its contenders in order."""
    kvs = queue.in_order
    contenders = [
        _contender(kv, values.get(kv.key, b""), leases_by_id[kv.lease] if kv.lease else None, root) for kv in kvs
    ]
    is_valkeyrie = queue.name.endswith(VALKEYRIE_SUFFIX)
    return LockInfo(
        key=decode(queue.name.removesuffix(VALKEYRIE_SUFFIX)[len(root) :]),
        kind="valkeyrie lock" if is_valkeyrie else "etcd mutex",
        layout=VALKEYRIE if is_valkeyrie else CONCURRENCY,
        holder=contenders[0],
        waiters=tuple(contenders[1:]),
        stale="no lease: it never expires" if kvs[0].lease == 0 else None,
    )


def _contender(kv: messages.KeyValue, value: bytes, lease: LeaseInfo, root: bytes) -> Contender:
    name, since = parse_holder(value.decode("utf-8", "replace"))
    return Contender(
        name=name or f"lease {leases.to_hex(kv.lease)}" if kv.lease else decode(kv.key[len(root) :]),
        key=decode(kv.key[len(root) :]),
        session=leases.to_hex(kv.lease) if kv.lease else None,
        ttl=float(lease.TTL) if lease else None,
        since=since or kv.create_revision,
        fence=kv.create_revision,
        other_keys=_other_keys(lease.keys if lease else (), kv.key, root),
    )


def _other_keys(keys: Iterable[bytes], own: bytes, root: bytes) -> tuple[str, ...]:
    return tuple(
        sorted(decode(key[len(root) :]) if key.startswith(root) else decode(key) for key in keys if key != own)
    )
