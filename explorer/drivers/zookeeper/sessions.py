"""What the servers tell of sessions: where they come from, their time-out, and which nodes live and die with them.

Administrators see it by the words `cons` and `dump`, or by the AdminServer's /commands. Both may be forbidden.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from explorer.drivers.zookeeper.four_letter_words import FourLetterWords
from explorer.drivers.zookeeper.settings import ZooKeeperSettings

_CONNECTION = re.compile(r"^ ?/(?P<address>\S+?)\[\d+\]\((?P<facts>[^)]*)\)", re.MULTILINE)
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What reading an answer ends in that is not the AdminServer's."""
_SESSION = re.compile(r"^0x(?P<session>[0-9a-f]+):$")


@dataclass(frozen=True, slots=True)
class Session:
    """One session, as far as the servers tell."""

    connected: tuple[str, float] | None = None
    """Where it is connected from, and its time-out in seconds; None if it has no connection at the moment."""
    paths: tuple[str, ...] = ()
    """Its ephemeral nodes."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """All sessions, or that nobody may know."""

    found: Mapping[int, Session]
    permitted: bool

    def of(self, session: int) -> Session:
        """Give what is known of a session, by its number as a node tells it."""
        return self.found.get(session & (2**64 - 1), Session())


async def describe_sessions(settings: ZooKeeperSettings) -> Sessions:
    """Ask all servers for their sessions: each knows those connected to itself."""
    words = FourLetterWords(settings)
    connections: dict[int, tuple[str, float]] = {}
    paths: dict[int, tuple[str, ...]] = {}
    permitted = False
    for answer in (await words.everywhere("cons")).values():
        if isinstance(answer, str):
            permitted = True
            connections |= _connections(answer)
    for answer in (await words.everywhere("dump")).values():
        if isinstance(answer, str):
            paths |= _paths(answer)
    if not permitted:
        for said in await words.administrators("connections"):
            with suppress(*_UNREADABLE):
                connections |= _admin_connections(said)
                permitted = True
        for said in await words.administrators("dump"):
            with suppress(*_UNREADABLE):
                paths |= _admin_paths(said)
    return Sessions(
        {
            number: Session(connections[number], paths.get(number, ()))
            if number in connections
            else Session(None, paths[number])
            for number in connections.keys() | paths.keys()
        },
        permitted,
    )


def _connections(said: str) -> dict[int, tuple[str, float]]:
    found: dict[int, tuple[str, float]] = {}
    for line in _CONNECTION.finditer(said):
        facts = dict(fact.split("=", 1) for fact in line["facts"].split(",") if "=" in fact)
        with suppress(KeyError, ValueError):
            found[int(facts["sid"], 16)] = (line["address"], int(facts["to"]) / 1000)
    return found


def _paths(said: str) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = defaultdict(list)
    session: int | None = None
    for line in said.splitlines():
        if header := _SESSION.match(line):
            session = int(header["session"], 16)
        elif session is not None and line.startswith("\t/"):
            found[session].append(line[1:])
        else:
            session = None
    return {number: tuple(paths) for number, paths in found.items()}


def _admin_connections(said: str) -> dict[int, tuple[str, float]]:
    found: dict[int, tuple[str, float]] = {}
    answer = cast("Mapping[str, list[Mapping[str, object]]]", json.loads(said))
    for connection in (*(answer.get("connections") or ()), *(answer.get("secure_connections") or ())):
        session, address = connection.get("session_id"), connection.get("remote_socket_address")
        if isinstance(session, int):
            seconds = cast("int", connection.get("session_timeout") or 0) / 1000
            found[session & (2**64 - 1)] = (str(address).rpartition("/")[2], seconds)
    return found


def _admin_paths(said: str) -> dict[int, tuple[str, ...]]:
    answer = cast("Mapping[str, Mapping[str, list[str]]]", json.loads(said))
    told = answer.get("session_id_to_ephemeral_paths") or {}
    return {int(number, 0) & (2**64 - 1): tuple(paths) for number, paths in told.items()}
