"""Sessions as the servers report them: client addresses, timeouts and ephemeral znodes.

Administrators see them by the commands `cons` and `dump`, or by the AdminServer's /commands. Both may be forbidden.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

from explorer.drivers.zookeeper.four_letter_words import FourLetterWords
from explorer.drivers.zookeeper.settings import ZooKeeperSettings

_CONNECTION: Final = re.compile(r"^ ?/(?P<address>\S+?)\[\d+\]\((?P<facts>[^)]*)\)", re.MULTILINE)
_SESSION: Final = re.compile(r"^0x(?P<session>[0-9a-f]+):$")
_PARSE_ERRORS: Final = (AttributeError, KeyError, TypeError, ValueError)
"""Exceptions of parsing an answer that is not the AdminServer's."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session, as far as the servers report it."""

    connection: tuple[str, float] | None = None
    """Address of the client, and session timeout in seconds; None if it is not connected."""
    paths: tuple[str, ...] = ()
    """Its ephemeral znodes."""


@dataclass(frozen=True, slots=True)
class SessionTable:
    """All sessions by their IDs; empty if no server permits to read them."""

    sessions: Mapping[int, SessionInfo]
    is_permitted: bool

    def get(self, session_id: int) -> SessionInfo:
        """Return a session by its ID as a znode has it."""
        return self.sessions.get(session_id & (2**64 - 1), SessionInfo())


async def describe_sessions(settings: ZooKeeperSettings) -> SessionTable:
    """Return the sessions of all servers: each server knows those of its own clients."""
    words = FourLetterWords(settings)
    connections: dict[int, tuple[str, float]] = {}
    paths: dict[int, tuple[str, ...]] = {}
    is_permitted = False
    for answer in (await words.send("cons")).values():
        if isinstance(answer, str):
            is_permitted = True
            connections |= _parse_connections(answer)
    for answer in (await words.send("dump")).values():
        if isinstance(answer, str):
            paths |= _parse_paths(answer)
    if not is_permitted:
        for body in await words.get_admin("connections"):
            with suppress(*_PARSE_ERRORS):
                connections |= _parse_admin_connections(body)
                is_permitted = True
        for body in await words.get_admin("dump"):
            with suppress(*_PARSE_ERRORS):
                paths |= _parse_admin_paths(body)
    return SessionTable(
        {
            number: SessionInfo(connections.get(number), paths.get(number, ()))
            for number in connections.keys() | paths.keys()
        },
        is_permitted,
    )


def _parse_connections(text: str) -> dict[int, tuple[str, float]]:
    connections: dict[int, tuple[str, float]] = {}
    for line in _CONNECTION.finditer(text):
        facts = dict(fact.split("=", 1) for fact in line["facts"].split(",") if "=" in fact)
        with suppress(KeyError, ValueError):
            connections[int(facts["sid"], 16)] = (line["address"], int(facts["to"]) / 1000)
    return connections


def _parse_paths(text: str) -> dict[int, tuple[str, ...]]:
    paths: dict[int, list[str]] = defaultdict(list)
    session: int | None = None
    for line in text.splitlines():
        if header := _SESSION.match(line):
            session = int(header["session"], 16)
        elif session is not None and line.startswith("\t/"):
            paths[session].append(line[1:])
        else:
            session = None
    return {number: tuple(own) for number, own in paths.items()}


def _parse_admin_connections(body: str) -> dict[int, tuple[str, float]]:
    connections: dict[int, tuple[str, float]] = {}
    answer = cast("Mapping[str, list[Mapping[str, object]]]", json.loads(body))
    for connection in (*(answer.get("connections") or ()), *(answer.get("secure_connections") or ())):
        session, address = connection.get("session_id"), connection.get("remote_socket_address")
        if isinstance(session, int):
            seconds = cast("int", connection.get("session_timeout") or 0) / 1000
            connections[session & (2**64 - 1)] = (str(address).rpartition("/")[2], seconds)
    return connections


def _parse_admin_paths(body: str) -> dict[int, tuple[str, ...]]:
    answer = cast("Mapping[str, Mapping[str, list[str]]]", json.loads(body))
    paths = answer.get("session_id_to_ephemeral_paths") or {}
    return {int(number, 0) & (2**64 - 1): tuple(own) for number, own in paths.items()}
