"""Sessions of Consul: their creation, renewal and end.

A session ends when its TTL has passed since its last renewal; Consul may take up to twice the TTL to notice. Consul
does not say when a session was renewed, so the time that is left is not known.
"""

from typing import Final

from explorer.drivers.common.retry import retry
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import ConsulSession
from explorer.drivers.consul.connection import ConsulConnection
from explorer.model.errors import Denied, KeyNotFound

LIFETIME: Final = "keyscope lifetime"
"""Name of sessions that limit the life of an entry and lock nothing."""
DELETE: Final = "delete"


async def create(connection: ConsulConnection, name: str, ttl: float, *, behavior: str, lock_delay: float = 0.0) -> str:
    """Return the ID of a new session on the agent's node.

    If the answer is lost, a second session is created; the first one ends by its TTL.

    Args:
        connection: The connection.
        name: A name for people.
        ttl: Seconds.
        behavior: Effect of its end on its keys: `release` or `delete`.
        lock_delay: Seconds for which a lock that it lost cannot be acquired.
    """
    return await connection.send(requests.create_session(name, ttl=ttl, behavior=behavior, lock_delay=lock_delay))


async def destroy(connection: ConsulConnection, session: str) -> None:
    """End a session; one that has ended already is no error."""
    await connection.send(requests.destroy_session(session))


async def renew(connection: ConsulConnection, session: str, *, within: float) -> float:
    """Renew a session and return its TTL in seconds.

    Raises:
        KeyNotFound: The session has ended.
    """

    async def attempt(left: float) -> ConsulSession | None:
        return await connection.send(
            requests.renew_session(session), within=min(left, connection.timeout), repeat=False
        )

    renewed = await retry(attempt, within=within)
    if renewed is None:
        raise KeyNotFound("the session has ended")
    return renewed.ttl or within


async def describe_session(connection: ConsulConnection, session: str) -> ConsulSession | None:
    """Return a session; None if it has ended or the token may not read it."""
    try:
        return await connection.send(requests.read_session(session))
    except Denied:
        return None
