"""Status of the servers, and the ping."""

from typing import Final

from explorer.drivers.common.status import StatusReport, resolve
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.four_letter_words import FourLetterWords
from explorer.model.entries import Status
from explorer.model.errors import ExplorerError, NotReachable

_CONFIG: Final = "/zookeeper/config"
"""Znode with the members of the ensemble, a line each: `server.1=host:2888:3888:participant;host:2181`."""


async def ping(connection: ZooKeeperConnection, within: float) -> None:
    """Send a `sync`, which a server passes on to the leader; a silent server is left for another one in time."""
    hosts = len(connection.settings.hosts)
    for _ in range(hosts - 1):
        try:
            await _sync(connection, within / hosts)
        except NotReachable:
            connection.drop()
        else:
            return
    await _sync(connection, within / hosts)


async def _sync(connection: ZooKeeperConnection, within: float) -> None:
    await connection.query(messages.sync(connection.settings.root or "/"), within=within)


async def read_status(connection: ZooKeeperConnection) -> Status:
    """Return the status of the store and of each server (`srvr`)."""
    await ping(connection, connection.timeout)
    report, words = StatusReport("server"), FourLetterWords(connection.settings)
    answers = await report.query(connection.settings.hosts, lambda host: words.send_to(host, "srvr"))
    for host, answer in answers.items():
        fields = dict(line.split(": ", 1) for line in answer.splitlines() if ": " in line)
        version = fields.get("Zookeeper version", "").split("-")[0]
        report.add(host, version, f"{fields.get('Mode', 'mode unknown')}, zxid {fields.get('Zxid', '?')}")
        if (nodes := fields.get("Node count", "")).isascii() and nodes.isdigit():
            report.facts["nodes"] = int(nodes)
    report.facts["session"] = f"{connection.state.session_id & (2**64 - 1):#x}"
    report.facts["session time-out"] = f"{connection.state.session_timeout:g} s"
    report.data_ids |= await resolve(connection.settings.hosts) | await _members(connection)
    return report.status("ZooKeeper", None, None)


async def _members(connection: ZooKeeperConnection) -> frozenset[str]:
    """Return the members of the ensemble; none where its configuration is hidden, or there is one server only."""
    try:
        data, _ = await connection.query(messages.get_data(_CONFIG))
    except ExplorerError:
        return frozenset()
    lines = data.decode(errors="replace").splitlines()
    return frozenset(line.partition(";")[0] for line in lines if line.startswith("server."))
