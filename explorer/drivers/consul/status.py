"""How the agents and their servers are, in their own words."""

import asyncio
from collections.abc import Mapping
from typing import cast

from explorer.drivers.consul import requests
from explorer.drivers.consul.connection import Connection
from explorer.drivers.consul.layout import reachable
from explorer.drivers.consul.requests import Fields
from explorer.drivers.consul.scribe import Question
from explorer.drivers.retry import Unsent
from explorer.model.address import Host
from explorer.model.entries import Status
from explorer.model.errors import Denied, ExplorerError, Forbidden

_PATIENCE = 2.0
"""Seconds that each agent has to say how it is; all are asked at once, so a dead one delays the answer once."""
_SECOND_CHANCE = 0.2
"""Seconds between two attempts at a first contact."""
_PROOF = "keyscope-proof-of-life"
"""A key that nobody has: what is told of a missing one is the newest index of all."""


async def prove(connection: Connection, within: float) -> int:
    """Have the leader answer, after it made sure that it leads, and give the newest index."""
    index, _ = await connection.ask(_proof(connection), within=within)
    return index


def _proof(connection: Connection) -> Question[tuple[int, Fields | None]]:
    return requests.entry(reachable(connection.settings.root) + _PROOF, consistent=True)


async def greet(connection: Connection) -> None:
    """Make the first contact. Each agent is tried twice, so that a wrong address is told at once."""
    for tries_left in reversed(range(2 * len(connection.hosts))):
        try:
            await connection.ask(_proof(connection), repeat=False)
        except Unsent:
            if not tries_left:
                raise
            await asyncio.sleep(_SECOND_CHANCE)
        else:
            return


async def ask(connection: Connection) -> Status:
    """Ask the leader where it stands, and each agent how it is."""
    try:
        revision: int | None = await prove(connection, connection.timeout)
    except Forbidden:
        revision = None  # an answer all the same
    facts: dict[str, str | int | float | bool | None] = {}
    complaints: list[str] = []
    version, identity = "", connection.settings.scope.get("dc")
    async with asyncio.TaskGroup() as group:
        asked = [(host, group.create_task(_agent(connection, host))) for host in connection.hosts]
    for host, answer in asked:
        agent = answer.result()
        if isinstance(agent, Denied):
            facts[f"agent {host}"] = "the token may not ask"
            continue
        if isinstance(agent, ExplorerError):
            complaints.append(f"{host}: {agent.message}")
            continue
        config, stats = _part(agent, "Config"), _part(agent, "Stats")
        version = version or str(config.get("Version") or "")
        identity = identity or str(config.get("Datacenter") or "")
        role = "server" if config.get("Server") else "client"
        if _part(stats, "consul").get("leader") == "true":
            role = "leader"
        facts[f"agent {host}"] = f"{config.get('Version')}, {role}, node {config.get('NodeName')}"
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


def _part(fields: Fields, name: str) -> Fields:
    return cast("Mapping[str, object]", fields.get(name) or {})


async def _agent(connection: Connection, host: Host) -> Fields | ExplorerError:
    """Ask one agent how it is; that it does not answer is an answer too."""
    try:
        return await connection.ask(requests.agent(), at=host, within=min(_PATIENCE, connection.timeout), repeat=False)
    except ExplorerError as error:
        return error
