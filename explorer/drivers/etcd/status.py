"""Status of an etcd cluster and of each endpoint."""

from typing import Final

from explorer.drivers.common.status import StatusReport
from explorer.drivers.common.tasks import STATUS_TIMEOUT
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import ALARM, MEMBER_LIST, RANGE, STATUS
from explorer.drivers.etcd.keyspace import NO_END
from explorer.model.entries import Status
from explorer.model.errors import Denied, Forbidden

_ALARMS: Final = {
    1: "NOSPACE: the database quota is exceeded, writes are refused",
    2: "CORRUPT: members disagree about their data",
}


async def read_status(connection: EtcdConnection, root: bytes) -> Status:
    """Return the cluster's revision, as its leader has it, and the status of each endpoint."""
    try:
        latest = await connection.call(RANGE, messages.RangeRequest(key=root or NO_END, keys_only=True, limit=1))
        revision: int | None = latest.header.revision
    except Forbidden:
        revision = connection.revision or None  # refused, so the store is alive
    report, identity = StatusReport("endpoint"), None
    within = min(STATUS_TIMEOUT, connection.timeout)
    members = await report.query(
        connection.hosts,
        lambda host: connection.call_once(STATUS, messages.StatusRequest(), within, at=host),
    )
    for host, member in members.items():
        identity = f"{member.header.cluster_id:x}"
        role = "learner" if member.isLearner else "leader" if member.leader == member.header.member_id else "follower"
        report.add(host, member.version, f"{role}, raft term {member.raftTerm}")
        report.facts["database bytes"] = member.dbSize
        report.facts["database bytes in use"] = member.dbSizeInUse
        if member.dbSizeQuota:
            report.facts["database quota bytes"] = member.dbSizeQuota
        if not member.leader:
            report.complaints.append(f"{host}: has no leader")
    await _add_members(connection, report)
    return report.status("etcd", revision, identity)


async def _add_members(connection: EtcdConnection, report: StatusReport) -> None:
    """Add the names of all members, and their alarms."""
    try:
        members = (await connection.call(MEMBER_LIST, messages.MemberListRequest())).members
        report.facts["members"] = ", ".join(sorted(member.name or f"{member.ID:x}" for member in members))
        for alarm in (await connection.call(ALARM, messages.AlarmRequest())).alarms:
            text = _ALARMS.get(alarm.alarm, str(alarm.alarm))
            report.complaints.append(f"alarm on member {alarm.memberID:x}: {text}")
    except Denied:
        report.facts["members"] = "permission denied"
