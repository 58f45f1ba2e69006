"""Status of a store's endpoints: facts and complaints."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from explorer.drivers.common.tasks import gather_results
from explorer.model.address import Host
from explorer.model.entries import Revision, Status
from explorer.model.errors import Denied, ExplorerError

Fact: TypeAlias = str | int | float | bool | None
Answer = TypeVar("Answer")


@dataclass(slots=True)
class StatusReport:
    """Status of a store as it is collected.

    Args:
        noun: Name of an endpoint in this store, such as "member".
    """

    noun: str
    facts: dict[str, Fact] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    version: str = ""
    """Version of the first endpoint that answered."""
    data_ids: set[str] = field(default_factory=set)
    """IDs of what holds the data, see `Status`."""

    async def query(self, hosts: Iterable[Host], ask: Callable[[Host], Awaitable[Answer]]) -> dict[Host, Answer]:
        """Query all endpoints concurrently, and return the answers; note denials as facts, failures as complaints."""
        answers = {}
        for host, answer in (await gather_results(hosts, ask)).items():
            match answer:
                case Denied():
                    self.facts[f"{self.noun} {host}"] = answer.message
                case ExplorerError():
                    self.complaints.append(f"{host}: {answer.message}")
                case _:
                    answers[host] = answer
        return answers

    def add(self, host: Host, version: str, text: str) -> None:
        """Note the version of an endpoint and what else is known of it."""
        self.version = self.version or version
        self.facts[f"{self.noun} {host}"] = f"{version}, {text}"

    def status(self, product: str, revision: Revision | None, identity: str | None) -> Status:
        """Return the status that was collected."""
        return Status(
            product,
            self.version or "unknown",
            revision,
            identity,
            self.facts,
            tuple(self.complaints),
            frozenset(self.data_ids),
        )


async def resolve(hosts: Iterable[Host]) -> frozenset[str]:
    """Return the addresses of hosts, by which one server is recognized under several names."""
    loop = asyncio.get_running_loop()

    async def look_up(host: Host) -> set[str]:
        try:
            found = await loop.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # the latter for what is no name of a host, as the path of a socket
            return {str(host)}
        return {" ".join(map(str, address[:2])) for *_, address in found}

    return frozenset().union(*await asyncio.gather(*map(look_up, hosts)))
