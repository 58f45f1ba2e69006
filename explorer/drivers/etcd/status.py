"""How an etcd cluster is, in its own words."""

from typing import Final

from explorer.drivers.common.tasks import STATUS_TIMEOUT, gather_results
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.methods import ALARM, MEMBERS, RANGE, STATUS
from explorer.drivers.etcd.reader import NO_END
from explorer.model.entries import Status
from explorer.model.errors import Denied, ExplorerError, Forbidden

_ALARMS: Final = {
    1: "NOSPACE: the quota is used up, nothing can be written",
    2: "CORRUPT: members disagree about their data",
}


async def ask(cluster: EtcdConnection, root: bytes) -> Status:
    """Ask the cluster's authority where it stands, and each endpoint how it is."""
    try:
        proof = await cluster.call(RANGE, messages.RangeRequest(key=root or NO_END, keys_only=True, limit=1))
        revision: int | None = proof.header.revision
    except Forbidden:
        revision = cluster.revision or None  # an answer all the same
    facts: dict[str, str | int | float | bool | None] = {}
    complaints: list[str] = []
    version, identity = "", None
    within = min(STATUS_TIMEOUT, cluster.timeout)
    members = await gather_results(
        cluster.endpoints,
        lambda host: cluster.call(STATUS, messages.StatusRequest(), at=host, within=within, repeat=False),
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
        listed = (await cluster.call(MEMBERS, messages.MemberListRequest())).members
        facts["members"] = ", ".join(sorted(member.name or f"{member.ID:x}" for member in listed))
        alarms = (await cluster.call(ALARM, messages.AlarmRequest())).alarms
        complaints += [f"alarm on member {one.memberID:x}: {_ALARMS.get(one.alarm, str(one.alarm))}" for one in alarms]
    except Denied:
        facts["members"] = "the user may not ask"
    return Status("etcd", version, revision, identity, facts, tuple(complaints))
