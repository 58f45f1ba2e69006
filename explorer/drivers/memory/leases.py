"""Leases: a time to live that keys share; when it ends, they are deleted together."""

from dataclasses import dataclass, field
from math import inf

from explorer.drivers.memory.clock import Clock

_FIRST = 0x694D_0000_0000_0001
"""The first lease's number: 16 hexadecimal digits, as etcd's own mostly have."""


@dataclass(slots=True)
class Lease:
    """One lease: how long it lasts without a renewal (seconds), when it ends, and what lives and dies with it."""

    name: str
    ttl: float
    ends: float
    keys: set[bytes] = field(default_factory=set)


class Leases:
    """All leases of a keyspace, by name (16 hexadecimal digits)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._next = _FIRST

    def __len__(self) -> int:
        return len(self._leases)

    def __contains__(self, name: str | None) -> bool:
        return name in self._leases

    def all(self) -> tuple[Lease, ...]:
        """Give every lease, the oldest first."""
        return tuple(self._leases.values())

    def get(self, name: str | None) -> Lease | None:
        """Give a lease that has not ended."""
        return None if name is None else self._leases.get(name)

    def grant(self, ttl: float) -> Lease:
        """Make a lease that ends in `ttl` seconds."""
        lease = Lease(f"{self._next:016x}", ttl, self._clock.now() + ttl)
        self._next += 1
        self._leases[lease.name] = lease
        return lease

    def renew(self, name: str) -> bool:
        """Let a lease last its full time from now on; tell whether it still existed."""
        lease = self._leases.get(name)
        if lease is not None:
            lease.ends = self._clock.now() + lease.ttl
        return lease is not None

    def end(self, name: str) -> frozenset[bytes]:
        """Forget a lease; give the keys that have to go with it."""
        lease = self._leases.pop(name, None)
        return frozenset(lease.keys) if lease else frozenset()

    def move(self, key: bytes, *, before: str | None, after: str | None) -> None:
        """Let a key live with another lease than before, or with none."""
        if before == after:
            return
        if (old := self.get(before)) is not None:
            old.keys.discard(key)
        if (new := self.get(after)) is not None:
            new.keys.add(key)

    def left(self, name: str | None) -> float | None:
        """Tell the seconds that a lease has left, None for no lease or one that has ended."""
        lease = self.get(name)
        return None if lease is None else max(0.0, lease.ends - self._clock.now())

    def due(self) -> tuple[str, ...]:
        """Name the leases whose time is over."""
        now = self._clock.now()
        return tuple(lease.name for lease in self._leases.values() if lease.ends <= now)

    def next_end(self) -> float:
        """Give the moment at which the next lease ends unless it is renewed."""
        return min((lease.ends for lease in self._leases.values()), default=inf)
