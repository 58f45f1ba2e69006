"""How the servers are, and the proof that they are alive."""

from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.four_letter_words import FourLetterWords
from explorer.model.entries import Status
from explorer.model.errors import Denied, ExplorerError, NotReachable


async def ping(connection: ZooKeeperConnection, within: float) -> None:
    """Have the leader answer: a server passes `sync` on to it. One that is silent is left for another in time."""
    hosts = len(connection.settings.hosts)
    for _ in range(hosts - 1):
        try:
            await _proof(connection, within / hosts)
        except NotReachable:
            connection.drop()
        else:
            return
    await _proof(connection, within / hosts)


async def _proof(connection: ZooKeeperConnection, within: float) -> None:
    await connection.ask(messages.sync(connection.settings.root or "/"), within=within)


async def ask(connection: ZooKeeperConnection) -> Status:
    """Ask each server how it is, in the words of its administrator."""
    await ping(connection, connection.timeout)
    facts: dict[str, str | int | float | bool | None] = {}
    complaints: list[str] = []
    version, words = "", FourLetterWords(connection.settings)
    for host, answer in (await words.everywhere("srvr")).items():
        if isinstance(answer, Denied):
            facts[f"server {host}"] = answer.message
        elif isinstance(answer, ExplorerError):
            complaints.append(f"{host}: {answer.message}")
        else:
            found = dict(line.split(": ", 1) for line in answer.splitlines() if ": " in line)
            number = found.get("Zookeeper version", "").split("-")[0]
            version = version or number
            facts[f"server {host}"] = f"{number}, {found.get('Mode', 'mode not told')}, zxid {found.get('Zxid', '?')}"
            if (nodes := found.get("Node count", "")).isascii() and nodes.isdigit():
                facts["nodes"] = int(nodes)
    facts["session"] = f"{connection.session & (2**64 - 1):#x}"
    facts["session time-out"] = f"{connection.lifetime:g} s"
    return Status("ZooKeeper", version or "not told", None, None, facts, tuple(complaints))
