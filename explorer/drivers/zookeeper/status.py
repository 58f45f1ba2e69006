"""Status of the servers, and the ping."""

from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.four_letter_words import FourLetterWords
from explorer.model.entries import Status
from explorer.model.errors import Denied, ExplorerError, NotReachable


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
    facts: dict[str, str | int | float | bool | None] = {}
    complaints: list[str] = []
    version, words = "", FourLetterWords(connection.settings)
    for host, answer in (await words.send("srvr")).items():
        if isinstance(answer, Denied):
            facts[f"server {host}"] = answer.message
        elif isinstance(answer, ExplorerError):
            complaints.append(f"{host}: {answer.message}")
        else:
            fields = dict(line.split(": ", 1) for line in answer.splitlines() if ": " in line)
            number = fields.get("Zookeeper version", "").split("-")[0]
            version = version or number
            facts[f"server {host}"] = f"{number}, {fields.get('Mode', 'mode unknown')}, zxid {fields.get('Zxid', '?')}"
            if (nodes := fields.get("Node count", "")).isascii() and nodes.isdigit():
                facts["nodes"] = int(nodes)
    facts["session"] = f"{connection.state.session_id & (2**64 - 1):#x}"
    facts["session time-out"] = f"{connection.state.session_timeout:g} s"
    return Status("ZooKeeper", version or "unknown", None, None, facts, tuple(complaints))
