"""Status of an etcd cluster and of each endpoint."""

from typing import Final

from explorer.drivers.common.tasks import STATUS_TIMEOUT, gather_results
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import ALARM, MEMBER_LIST, RANGE, STATUS
from explorer.drivers.etcd.keyspace import NO_END
from explorer.model.entries import Status
from explorer.model.errors import Denied, ExplorerError, Forbidden

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
    facts: dict[str, str | int | float | bool | None] = {}
    complaints: list[str] = []
    version, identity = "", None
    within = min(STATUS_TIMEOUT, connection.timeout)
    members = await gather_results(
        connection.hosts,
        lambda host: connection.call(STATUS, messages.StatusRequest(), at=host, within=within, repeat=False),
    )
    for host, member in members.items():
        if isinstance(member, ExplorerError):
            complaints.append(f"{host}: {member.message}")
            continue
        version = version or member.version
        identity = f"{member.header.cluster_id:x}"
        role = "learner" if member.isLearner else "leader" if member.leader == member.header.member_id else "follower"
        facts[f"endpoint {host}"] = f"{member.version}, {role}, raft term {member.raftTerm}"
        facts["database bytes"] = member.dbSize
        facts["database bytes in use"] = member.dbSizeInUse
        if member.dbSizeQuota:
            facts["database quota bytes"] = member.dbSizeQuota
        if not member.leader:
            complaints.append(f"{host}: has no leader")
    try:
        all_members = (await connection.call(MEMBER_LIST, messages.MemberListRequest())).members
        facts["members"] = ", ".join(sorted(member.name or f"{member.ID:x}" for member in all_members))
        alarms = (await connection.call(ALARM, messages.AlarmRequest())).alarms
        complaints += [
            f"alarm on member {alarm.memberID:x}: {_ALARMS.get(alarm.alarm, str(alarm.alarm))}" for alarm in alarms
        ]
    except Denied:
        facts["members"] = "permission denied"
    return Status("etcd", version, revision, identity, facts, tuple(complaints))
