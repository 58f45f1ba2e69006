"""How the agents and their servers are, in their own words."""

from explorer.drivers.common import retry
from explorer.drivers.common.tasks import STATUS_TIMEOUT, gather_results
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import Stored
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import url_safe_prefix
from explorer.drivers.consul.request_builder import ApiRequest
from explorer.model.entries import Status
from explorer.model.errors import Denied, ExplorerError, Forbidden

_PROOF = "keyscope-proof-of-life"
"""A key that nobody has: what is told of a missing one is the newest index of all."""


async def ping(connection: ConsulConnection, within: float) -> int:
    """Have the leader answer, after it made sure that it leads, and give the newest index.

    An index that went back makes every watch read again.
    """
    before = connection.restores.newest
    index, _ = await connection.ask(_proof(connection), within=within)
    connection.restores.observe(index, before=before)
    return index


def _proof(connection: ConsulConnection) -> ApiRequest[tuple[int, Stored | None]]:
    return requests.entry(url_safe_prefix(connection.settings.root) + _PROOF, consistent=True)


async def greet(connection: ConsulConnection) -> None:
    """Make the first contact."""
    await retry.connect_with_retry(
        lambda left: connection.ask(_proof(connection), within=left, repeat=False),
        len(connection.hosts),
        within=connection.timeout,
    )


async def ask(connection: ConsulConnection) -> Status:
    """Ask the leader where it stands, and each agent how it is."""
    try:
        revision: int | None = await ping(connection, connection.timeout)
    except Forbidden:
        revision = None  # an answer all the same
    facts: dict[str, str | int | float | bool | None] = {}
    complaints: list[str] = []
    version, identity = "", connection.settings.scope.get("dc")
    within = min(STATUS_TIMEOUT, connection.timeout)
    agents = await gather_results(
        connection.hosts, lambda host: connection.ask(requests.agent(), at=host, within=within, repeat=False)
    )
    for host, agent in agents.items():
        if isinstance(agent, Denied):
            facts[f"agent {host}"] = "the token may not ask"
            continue
        if isinstance(agent, ExplorerError):
            complaints.append(f"{host}: {agent.message}")
            continue
        version = version or agent.version
        identity = identity or agent.datacenter
        facts[f"agent {host}"] = f"{agent.version}, {agent.role}, node {agent.node}"
    facts["leader"] = await connection.ask(requests.leader())
    facts["datacenter"] = identity
    return Status(
        "Consul",
        version or "not told",
        revision,
        f"datacenter {identity}" if identity else None,
        facts,
        tuple(complaints),
    )
