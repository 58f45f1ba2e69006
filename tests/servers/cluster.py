"""Three real servers that vote, started together."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

from tests.servers.processes import PortTakenError, Running, Server
from tests.servers.waiting import wait_until

Member = TypeVar("Member", bound=Server)

NAMES = ("one", "two", "three")
_ATTEMPTS = 3


class Cluster(Running, Generic[Member]):
    """Servers that vote; a context manager like a single server."""

    patience = 60.0
    """Seconds until each member answers."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.members = tuple(members)

    @property
    def addresses(self) -> str:
        """All addresses for clients, joined by commas."""
        return ",".join(member.address for member in self.members)

    @abstractmethod
    def introduce(self) -> None:
        """Configure each member with the addresses of the others; its ports may be new ones."""

    def start(self) -> None:
        """Start all members and wait until each answers."""
        for attempt in range(1, _ATTEMPTS + 1):
            self.introduce()
            for member in self.members:
                member.launch()
            try:
                for member in self.members:
                    member.wait(self.patience)
            except PortTakenError:
                if attempt == _ATTEMPTS:
                    raise
                for member in self.members:
                    member.kill()
                    member.choose_ports()
            else:
                return

    def leader(self, within: float = 20.0) -> Member:
        """Return the member that leads, waiting for an election under way."""
        found: list[Member] = []

        def elected() -> bool:
            found[:] = [member for member in self.members if member.running and member.answers() and member.is_leader()]
            return len(found) == 1

        wait_until(elected, "one member leads", within)
        return found[0]

    def followers(self) -> tuple[Member, ...]:
        leader = self.leader()
        return tuple(member for member in self.members if member is not leader)

    def close(self) -> None:
        for member in self.members:
            member.close()
