"""Status of the agents and their servers."""

from typing import Final

from explorer.drivers.common import retry
from explorer.drivers.common.status import StatusReport
from explorer.drivers.common.tasks import STATUS_TIMEOUT
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import url_safe_prefix
from explorer.drivers.consul.request_builder import ApiRequest
from explorer.model.entries import Status
from explorer.model.errors import Forbidden

_PING_KEY: Final = "keyscope-proof-of-life"
"""A key that does not exist: the answer for a missing key has the newest index of the store."""


async def ping(connection: ConsulConnection, within: float) -> int:
    """Return the newest index, from a leader that has checked that it is the leader.

    If the index went back, every watch reads again.
    """
    before = connection.restores.newest_index
    index, _ = await connection.send(_ping_request(connection), within=within)
    connection.restores.observe(index, before=before)
    return index


def _ping_request(connection: ConsulConnection) -> ApiRequest[tuple[int, KVPair | None]]:
    return requests.get_pair(url_safe_prefix(connection.settings.root) + _PING_KEY, consistent=True)


async def handshake(connection: ConsulConnection) -> None:
    """Make the first contact with an agent."""
    await retry.connect_with_retry(
        lambda left: connection.send(_ping_request(connection), within=left, repeat=False),
        len(connection.hosts),
        within=connection.timeout,
    )


async def read_status(connection: ConsulConnection) -> Status:
    """Return the status of the store and of each agent."""
    try:
        revision: int | None = await ping(connection, connection.timeout)
    except Forbidden:
        revision = None  # the leader answered all the same
    report, identity = StatusReport("agent"), connection.settings.scope.get("dc")
    within = min(STATUS_TIMEOUT, connection.timeout)
    agents = await report.query(
        connection.hosts, lambda host: connection.send(requests.get_agent(), at=host, within=within, repeat=False)
    )
    for host, agent in agents.items():
        report.add(host, agent.version, f"{agent.role}, node {agent.node}")
        identity = identity or agent.datacenter
    leader = await connection.send(requests.get_leader())
    report.facts["leader"] = leader
    report.facts["datacenter"] = identity
    report.data_ids.add(f"{identity} {leader}")  # many clusters have a datacenter "dc1"
    return report.status("Consul", revision, f"datacenter {identity}" if identity else None)
