"""Status of an etcd cluster and of each member, by the v2 API."""

from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.status import StatusReport
from explorer.drivers.common.tasks import STATUS_TIMEOUT
from explorer.drivers.etcd2 import requests
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.model.address import Host
from explorer.model.entries import Status
from explorer.model.errors import Denied
from explorer.model.sanitize import sanitize


async def read_status(connection: Etcd2Connection) -> Status:
    """Return the cluster's index, as a majority has it, and the status of each member."""
    try:
        latest = await connection.ping()
    except Denied:
        latest = None  # refused, so the store is alive
    report = StatusReport("member")
    within = min(STATUS_TIMEOUT, connection.timeout)

    async def read_member(host: Host) -> Fields:
        version = await connection.send_to_member(requests.version(), host, within)
        return {**await connection.send_to_member(requests.self_stats(), host, within), **version}

    for host, member in (await report.query(connection.hosts, read_member)).items():
        version, name, state = (
            sanitize(str(member.get(field) or "unknown")) for field in ("etcdserver", "name", "state")
        )
        report.add(host, version, f"{state.removeprefix('State').lower()}, name {name}")
    report.facts["hidden"] = "names that begin with _ are not listed"
    identity = f"cluster {latest.cluster}" if latest and latest.cluster else None
    return report.status("etcd, API 2", latest.index if latest else None, identity)
