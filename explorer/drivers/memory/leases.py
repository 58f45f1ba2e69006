"""Leases: TTLs that keys share; when a lease expires, its keys are deleted together."""

from dataclasses import dataclass, field
from math import inf

from explorer.model.clock import Clock

_FIRST_ID = 0x694D_0000_0000_0001
"""ID of the first lease, as large as etcd's usually are."""


@dataclass(slots=True)
class Lease:
    """A lease: its TTL in seconds, the time when it expires, and its keys."""

    name: str
    ttl: float
    expires_at: float
    keys: set[bytes] = field(default_factory=set)


class Leases:
    """All leases of a database by name (16 hexadecimal digits)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._next_id = _FIRST_ID

    def __len__(self) -> int:
        return len(self._leases)

    def __contains__(self, name: str | None) -> bool:
        return name in self._leases

    def all(self) -> tuple[Lease, ...]:
        """Return all leases, the oldest first."""
        return tuple(self._leases.values())

    def get(self, name: str | None) -> Lease | None:
        """Return a lease; None if it does not exist or has ended."""
        return None if name is None else self._leases.get(name)

    def grant(self, ttl: float) -> Lease:
        """Return a new lease with a TTL in seconds."""
        lease = Lease(f"{self._next_id:016x}", ttl, self._clock.now() + ttl)
        self._next_id += 1
        self._leases[lease.name] = lease
        return lease

    def renew(self, name: str) -> bool:
        """Renew a lease for its full TTL, and return whether it exists."""
        lease = self._leases.get(name)
        if lease is not None:
            lease.expires_at = self._clock.now() + lease.ttl
        return lease is not None

    def remove(self, name: str) -> frozenset[bytes]:
        """Remove a lease and return its keys, which have to be deleted."""
        lease = self._leases.pop(name, None)
        return frozenset(lease.keys) if lease else frozenset()

    def move(self, key: bytes, *, before: str | None, after: str | None) -> None:
        """Detach a key from one lease and attach it to another; None stands for no lease."""
        if before == after:
            return
        if (old := self.get(before)) is not None:
            old.keys.discard(key)
        if (new := self.get(after)) is not None:
            new.keys.add(key)

    def time_left(self, name: str | None) -> float | None:
        """Return the seconds that a lease has left; None if there is no such lease."""
        lease = self.get(name)
        return None if lease is None else max(0.0, lease.expires_at - self._clock.now())

    def expired(self) -> tuple[str, ...]:
        """Return the names of the leases whose time is over."""
        now = self._clock.now()
        return tuple(lease.name for lease in self._leases.values() if lease.expires_at <= now)

    def next_expiry(self) -> float:
        """Return the time when the next lease expires unless it is renewed; infinity if there is none."""
        return min((lease.expires_at for lease in self._leases.values()), default=inf)
