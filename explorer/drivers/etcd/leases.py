"""Leases: what lets an entry or a lock end by itself when its owner does."""

import math
from contextlib import aclosing

from explorer.drivers.common.retry import retry
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.methods import LEASE_GRANT, LEASE_KEEP_ALIVE, LEASE_REVOKE, LEASE_TIME_TO_LIVE
from explorer.model.errors import Denied, ExplorerError, KeyNotFound


def spelled(lease: int) -> str:
    """Spell a lease as etcdctl does."""
    return f"{lease:016x}"


def name(lease: int) -> str:
    """Give the name of a contender's key, as etcd's concurrency package makes it: without leading zeros."""
    return f"{lease:x}"


async def grant(cluster: EtcdConnection, ttl: float) -> messages.LeaseGrantResponse:
    """Get a lease of at least `ttl` seconds; the server's own least is a little over its election timeout."""
    return await cluster.call(LEASE_GRANT, messages.LeaseGrantRequest(TTL=max(1, math.ceil(ttl))))


async def revoke(cluster: EtcdConnection, lease: int) -> None:
    """End a lease, and with it every key attached to it. One that is gone already is no error."""
    try:
        await cluster.call(LEASE_REVOKE, messages.LeaseRevokeRequest(ID=lease))
    except ExplorerError as error:
        if "lease not found" not in error.message:
            raise


async def renew(cluster: EtcdConnection, lease: int, *, within: float) -> int:
    """Renew a lease once and give its TTL in seconds.

    Raises:
        KeyNotFound: The lease has ended.
    """

    async def attempt(left: float) -> int:
        question = messages.LeaseKeepAliveRequest(ID=lease)
        stream = cluster.converse(LEASE_KEEP_ALIVE, question, first_within=min(left, cluster.timeout))
        async with aclosing(stream) as answers:
            async for answer in answers:
                if answer.TTL <= 0:
                    break
                return answer.TTL
        raise KeyNotFound(f"lease {spelled(lease)} has ended", address=cluster.redacted)

    return await retry(attempt, within=within)


async def remaining(
    cluster: EtcdConnection, lease: int, *, keys: bool = False
) -> messages.LeaseTimeToLiveResponse | None:
    """Ask how much longer a lease lives, and which keys with it; None when it has ended or the user may not ask."""
    try:
        answer = await cluster.call(LEASE_TIME_TO_LIVE, messages.LeaseTimeToLiveRequest(ID=lease, keys=keys))
    except Denied:
        return None
    return answer if answer.TTL > 0 else None
