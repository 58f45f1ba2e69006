"""Sessions: what lets an entry or a lock end by itself when its owner does.

A session ends when its TTL has passed since it was renewed last, and Consul takes up to twice that time to notice. When
it was renewed is not told, so nobody can tell how much is left.
"""

from dataclasses import dataclass
from typing import Final, cast

from explorer.drivers.consul import requests
from explorer.drivers.consul.connection import Connection
from explorer.drivers.consul.requests import Fields
from explorer.drivers.retry import persist
from explorer.model.errors import Denied

LIFETIME: Final = "keyscope lifetime"
"""The name of a session that entries live by and that locks nothing."""
DELETE: Final = "delete"
RELEASE: Final = "release"
_NANOSECONDS: Final = 1e9
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Session:
    """A session as Consul tells it."""

    id: str
    name: str
    node: str
    behavior: str
    """What happens to its keys when it ends: `release` or `delete`."""
    ttl: float | None
    """Seconds; None when only its node's health ends it."""
    lock_delay: float
    """Seconds in which nobody gets a lock that it lost."""
    created: int

    @classmethod
    def of(cls, fields: Fields) -> "Session":
        """Read one."""
        return cls(
            id=str(fields["ID"]),
            name=str(fields.get("Name") or ""),
            node=str(fields.get("Node") or ""),
            behavior=str(fields.get("Behavior") or RELEASE),
            ttl=duration(str(fields.get("TTL") or "")),
            lock_delay=cast("float", fields.get("LockDelay") or 0) / _NANOSECONDS,
            created=cast("int", fields.get("CreateIndex") or 0),
        )


def duration(text: str) -> float | None:
    """Read a duration as Go writes it (`1m30s`), in seconds; None for none.

    >>> duration("1m30.5s")
    90.5
    """
    seconds, rest = 0.0, text
    while rest:
        digits = next((place for place, letter in enumerate(rest) if letter not in "0123456789."), len(rest))
        letters = next((place for place in range(digits, len(rest)) if rest[place] in "0123456789."), len(rest))
        seconds += float(rest[:digits] or 0) * _UNITS.get(rest[digits:letters], 0.0)
        rest = rest[letters:]
    return seconds or None


async def create(connection: Connection, name: str, ttl: float, *, behavior: str, lock_delay: float = 0.0) -> str:
    """Make a session of the agent's node and give its id. Made twice, for a lost answer, one ends by itself."""
    return await connection.ask(
        requests.session_creation(name, ttl=ttl, behavior=behavior, lock_delay=lock_delay), key=name
    )


async def end(connection: Connection, session: str) -> None:
    """End a session, and with it what lives by it. One that has ended already is no error."""
    await connection.ask(requests.session_end(session))


async def renew(connection: Connection, session: str, *, within: float) -> float:
    """Renew a session once and give its TTL in seconds.

    Raises:
        KeyNotFound: The session has ended.
    """

    async def attempt(left: float) -> Fields:
        return await connection.ask(
            requests.session_renewal(session), within=min(left, connection.timeout), repeat=False
        )

    found = await persist(attempt, within=within)
    return Session.of(found).ttl or within


async def tell(connection: Connection, session: str) -> Session | None:
    """Ask what is known of a session; None when it has ended or the token may not ask."""
    try:
        _, found = await connection.ask(requests.session(session))
    except Denied:
        return None
    return Session.of(found) if found else None
