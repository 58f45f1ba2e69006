"""Sessions: what lets an entry or a lock end by itself when its owner does.

A session ends when its TTL has passed since it was renewed last, and Consul takes up to twice that time to notice. When
it was renewed is not told, so nobody can tell how much is left.
"""

from typing import Final

from explorer.drivers.common.retry import retry
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import Session
from explorer.drivers.consul.connection import ConsulConnection
from explorer.model.errors import Denied, KeyNotFound

LIFETIME: Final = "keyscope lifetime"
"""The name of a session that entries live by and that locks nothing."""
DELETE: Final = "delete"


async def create(
    connection: ConsulConnection, name: str, ttl: float, *, key: str, behavior: str, lock_delay: float = 0.0
) -> str:
    """Return the id of a new session of the agent's node. Made twice, for a lost answer, one ends by itself.

    Args:
        connection: Is asked.
        name: Of the session, for people.
        ttl: In seconds.
        key: What it is for, for the error.
        behavior: What becomes of its keys when it ends.
        lock_delay: Seconds for which nobody gets a lock that it lost.
    """
    return await connection.ask(
        requests.session_creation(name, ttl=ttl, behavior=behavior, lock_delay=lock_delay), key=key
    )


async def end(connection: ConsulConnection, session: str) -> None:
    """End a session, and with it what lives by it. One that has ended already is no error."""
    await connection.ask(requests.session_end(session))


async def renew(connection: ConsulConnection, session: str, *, within: float) -> float:
    """Renew a session once and give its TTL in seconds.

    Raises:
        KeyNotFound: The session has ended.
    """

    async def attempt(left: float) -> Session | None:
        return await connection.ask(
            requests.session_renewal(session), within=min(left, connection.timeout), repeat=False
        )

    found = await retry(attempt, within=within)
    if found is None:
        raise KeyNotFound("the session has ended", address=connection.redacted)
    return found.ttl or within


async def describe_session(connection: ConsulConnection, session: str) -> Session | None:
    """Ask what is known of a session; None when it has ended or the token may not ask."""
    try:
        return await connection.ask(requests.session(session))
    except Denied:
        return None
