"""How the members are, in their own words."""

from explorer.drivers.common import retry
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.tasks import STATUS_TIMEOUT, gather_results
from explorer.drivers.etcd2 import requests
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.model.address import Host
from explorer.model.entries import Status
from explorer.model.errors import Denied, ExplorerError
from explorer.model.sanitize import sanitize


async def greet(connection: Etcd2Connection) -> None:
    """Make the first contact."""
    await retry.connect_with_retry(
        lambda left: connection.ping(left, repeat=False), len(connection.hosts), within=connection.timeout
    )


async def ask(connection: Etcd2Connection) -> Status:
    """Ask a majority where the store stands, and each member how it is."""
    try:
        proof = await connection.ping()
    except Denied:
        proof = None  # an answer all the same
    facts: dict[str, str | int | float | bool | None] = {}
    complaints: list[str] = []
    version = ""
    within = min(STATUS_TIMEOUT, connection.timeout)

    async def member(host: Host) -> Fields:
        told = await connection.tell(requests.version(), host, within)
        return {**await connection.tell(requests.itself(), host, within), **told}

    for host, answer in (await gather_results(connection.hosts, member)).items():
        if isinstance(answer, ExplorerError):
            complaints.append(f"{host}: {answer.message}")
            continue
        release, name, state = (sanitize(str(answer.get(one) or "not told")) for one in ("etcdserver", "name", "state"))
        version = version or release
        facts[f"member {host}"] = f"{release}, {state.removeprefix('State').lower()}, name {name}"
    facts["hidden"] = "names that begin with _ are in no listing"
    identity = f"cluster {proof.cluster}" if proof and proof.cluster else None
    index = proof.index if proof else None
    return Status("etcd, API 2", version or "not told", index, identity, facts, tuple(complaints))
