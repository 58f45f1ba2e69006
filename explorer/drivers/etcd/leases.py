"""Leases, which end an entry or a lock when its owner no longer renews them."""

import math
from contextlib import aclosing

from explorer.drivers.common.retry import retry
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import LEASE_GRANT, LEASE_KEEP_ALIVE, LEASE_REVOKE, LEASE_TIME_TO_LIVE
from explorer.model.errors import Denied, ExplorerError, KeyNotFound


def to_hex(lease: int) -> str:
    """Return a lease ID as etcdctl prints it."""
    return f"{lease:016x}"


def contender_name(lease: int) -> str:
    """Return the name of a contender's key as etcd's concurrency package makes it: hex without leading zeros."""
    return f"{lease:x}"


async def grant(connection: EtcdConnection, ttl: float) -> messages.LeaseGrantResponse:
    """Get a lease of at least `ttl` seconds; the server's minimum is a little over its election timeout."""
    return await connection.call(LEASE_GRANT, messages.LeaseGrantRequest(TTL=max(1, math.ceil(ttl))))


async def revoke(connection: EtcdConnection, lease: int) -> None:
    """Revoke a lease, which deletes every key attached to it. One that has ended already is no error."""
    try:
        await connection.call(LEASE_REVOKE, messages.LeaseRevokeRequest(ID=lease))
    except ExplorerError as error:
        if "lease not found" not in error.message:
            raise


async def renew(connection: EtcdConnection, lease: int, *, within: float) -> int:
    """Renew a lease once and return its TTL in seconds.

    Raises:
        KeyNotFound: The lease has ended.
    """

    async def attempt(left: float) -> int:
        request = messages.LeaseKeepAliveRequest(ID=lease)
        stream = connection.open_stream(LEASE_KEEP_ALIVE, request, first_within=min(left, connection.timeout))
        async with aclosing(stream) as responses:
            async for response in responses:
                if response.TTL <= 0:
                    break
                return response.TTL
        raise KeyNotFound(f"lease {to_hex(lease)} has ended")

    return await retry(attempt, within=within)


async def time_to_live(
    connection: EtcdConnection, lease: int, *, keys: bool = False
) -> messages.LeaseTimeToLiveResponse | None:
    """Return a lease's remaining TTL and, with `keys`, its keys; None if it has ended or the user may not ask."""
    try:
        response = await connection.call(LEASE_TIME_TO_LIVE, messages.LeaseTimeToLiveRequest(ID=lease, keys=keys))
    except Denied:
        return None
    return response if response.TTL > 0 else None
