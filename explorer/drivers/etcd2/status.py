"""Status of an etcd cluster and of each member, by the v2 API."""

from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.tasks import STATUS_TIMEOUT, gather_results
from explorer.drivers.etcd2 import requests
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.model.address import Host
from explorer.model.entries import Status
from explorer.model.errors import Denied, ExplorerError
from explorer.model.sanitize import sanitize


async def read_status(connection: Etcd2Connection) -> Status:
    """Return the cluster's index, as a majority has it, and the status of each member."""
    try:
        latest = await connection.ping()
    except Denied:
        latest = None  # refused, so the store is alive
    facts: dict[str, str | int | float | bool | None] = {}
    complaints: list[str] = []
    version = ""
    within = min(STATUS_TIMEOUT, connection.timeout)

    async def read_member(host: Host) -> Fields:
        member_version = await connection.send_to_member(requests.version(), host, within)
        return {**await connection.send_to_member(requests.self_stats(), host, within), **member_version}

    for host, member in (await gather_results(connection.hosts, read_member)).items():
        if isinstance(member, ExplorerError):
            complaints.append(f"{host}: {member.message}")
            continue
        release, name, state = (
            sanitize(str(member.get(field) or "unknown")) for field in ("etcdserver", "name", "state")
        )
        version = version or release
        facts[f"member {host}"] = f"{release}, {state.removeprefix('State').lower()}, name {name}"
    facts["hidden"] = "names that begin with _ are not listed"
    identity = f"cluster {latest.cluster}" if latest and latest.cluster else None
    index = latest.index if latest else None
    return Status("etcd, API 2", version or "unknown", index, identity, facts, tuple(complaints))
