"""Status of the servers."""

from collections.abc import Mapping
from typing import Final

from redis.exceptions import ResponseError

from explorer.drivers.common.status import StatusReport, resolve
from explorer.drivers.common.tasks import STATUS_TIMEOUT
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.errors import reply_error
from explorer.drivers.redis.scan import count_keys
from explorer.model.address import Host
from explorer.model.entries import Status
from explorer.model.sanitize import sanitize

_PRODUCTS: Final = {"valkey": "Valkey", "redis": "Redis"}
_SCRIPTS_FORBIDDEN: Final = "scripts are forbidden: writes are guarded by WATCH and MULTI"

_NOTIFICATIONS_UNKNOWN: Final = (
    "CONFIG GET is forbidden: whether keyspace notifications are sent is not known, so changes may go unnoticed"
)


async def read_status(connection: RedisConnection) -> Status:
    """Return the status of each server that has keys."""
    within = min(STATUS_TIMEOUT, connection.timeout)
    await connection.ping(connection.timeout)
    nodes = {node.host: node for node in await connection.topology.primaries(connection.timeout)}
    report, product = StatusReport("server"), "redis"

    async def ask(host: Host) -> Mapping[str, str]:
        try:
            reply = await nodes[host].call(("INFO",), within)
        except ResponseError as error:
            raise reply_error(error) from error
        return parse_info(reply if isinstance(reply, bytes) else b"")

    answers = await report.query(nodes, ask)
    database = connection.settings.database
    report.data_ids |= {f"{address}/{database}" for address in await resolve(nodes)}
    for host, info in answers.items():
        if replication := info.get("master_replid"):
            report.data_ids.add(f"{replication}/{database}")
        product = info.get("server_name", product)
        version = info.get("valkey_version") or info.get("redis_version") or "unknown"
        role = {"master": "primary", "slave": "replica"}.get(info.get("role", ""), "role unknown")
        memory = info.get("used_memory_human", "?")
        report.add(host, version, f"{role}, {memory} used")
        report.complaints += _complaints(f"{host}: " if len(nodes) > 1 else "", info)
    settings = connection.settings
    if connection.is_cluster:
        report.facts["cluster"] = f"{len(nodes)} primaries"
    elif settings.service:
        report.facts["sentinel"] = settings.service
    report.facts["database"] = database
    report.facts["keys"] = await count_keys(connection, list(nodes.values()))
    report.facts["changes"] = "keyspace notifications" if settings.keyspace_events else "client tracking"
    if not connection.notifications_known:
        report.complaints.append(_NOTIFICATIONS_UNKNOWN)
    if not connection.scripts_allowed:
        report.complaints.append(_SCRIPTS_FORBIDDEN)
    if len(answers) < len(nodes):
        report.complaints.append("INFO is forbidden: version, role and memory are not known")
    return report.status(_PRODUCTS.get(product, sanitize(product)), None, None)


def parse_info(text: bytes) -> Mapping[str, str]:
    """Return the fields of a reply of INFO."""
    lines = [sanitize(line.decode(errors="replace")) for line in text.split(b"\r\n")]
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def _complaints(where: str, info: Mapping[str, str]) -> list[str]:
    found = []
    if info.get("role") == "slave":
        found.append(f"{where}a replica: it refuses writes")
        if info.get("master_link_status") != "up":
            found.append(f"{where}the replica is not connected to its primary")
    if info.get("rdb_last_bgsave_status") == "err" or info.get("aof_last_write_status") == "err":
        found.append(f"{where}the last save to disk failed")
    if info.get("maxmemory", "0") != "0" and info.get("maxmemory_policy", "").startswith("allkeys"):
        found.append(f"{where}any key may be evicted when memory is full ({info.get('maxmemory_policy')})")
    return found
