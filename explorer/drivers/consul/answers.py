"""Strict reading of Consul's answers. What is not Consul's own raises ValueError, with the reason."""

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from explorer.drivers.common import json_fields
from explorer.drivers.common.http import Answer
from explorer.drivers.common.json_fields import Fields, number, object_of, objects_of, text, texts_of

Read = TypeVar("Read")

Reader: TypeAlias = Callable[[Answer], Read]

OK: Final = 200
NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_INDEX: Final = "X-Consul-Index"
RELEASE: Final = "release"
_NANOSECONDS: Final = 1e9
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as Consul keeps it."""

    key: str
    value: bytes
    flags: int
    session: str | None
    created: int
    modified: int
    locked: int
    """How often a lock was taken on it; a plain write by anybody sets it back to 0."""

    @classmethod
    def of(cls, fields: Fields) -> "Stored":
        """Read one; an empty value comes as null."""
        return cls(
            key=text(fields, "Key"),
            value=_bytes(text(fields, "Value", "")),
            flags=number(fields, "Flags"),
            session=text(fields, "Session", "") or None,
            created=number(fields, "CreateIndex"),
            modified=number(fields, "ModifyIndex"),
            locked=number(fields, "LockIndex"),
        )


@dataclass(frozen=True, slots=True)
class Session:
    """A session as Consul describes it."""

    id: str
    name: str
    node: str
    behavior: str
    """What happens to its keys when it ends: `release` or `delete`."""
    ttl: float | None
    """Seconds; None when only its node's health ends it."""
    lock_delay: float
    """Seconds in which nobody gets a lock that it lost."""
    created: int

    @classmethod
    def of(cls, fields: Fields) -> "Session":
        """Read one."""
        return cls(
            id=text(fields, "ID"),
            name=text(fields, "Name", ""),
            node=text(fields, "Node", ""),
            behavior=text(fields, "Behavior", RELEASE),
            ttl=duration(text(fields, "TTL", "")),
            lock_delay=number(fields, "LockDelay", 0) / _NANOSECONDS,
            created=number(fields, "CreateIndex", 0),
        )


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as it describes itself."""

    version: str
    datacenter: str
    node: str
    role: str
    """`leader`, `server` or `client`."""

    @classmethod
    def of(cls, fields: Fields) -> "Agent":
        """Read one."""
        config = object_of(fields.get("Config"))
        servers = object_of(object_of(fields.get("Stats") or {}).get("consul") or {})
        role = "leader" if servers.get("leader") == "true" else "server" if config.get("Server") else "client"
        return cls(text(config, "Version", ""), text(config, "Datacenter", ""), text(config, "NodeName", ""), role)


class TxnResult:
    """What became of a transaction: all of its operations, or none and why."""

    __slots__ = ("refusals", "results")

    def __init__(self, results: list[Stored], refusals: dict[int, str]) -> None:
        self.results = results
        self.refusals = refusals
        """Operation, counted from 0, to what Consul says against it."""

    @property
    def won(self) -> bool:
        """Whether it was done."""
        return not self.refusals


def duration(written: str) -> float | None:
    """Return the seconds of a duration as Go writes it (`1m30s`); None for none.

    >>> duration("1m30.5s")
    90.5
    """
    seconds, rest = 0.0, written
    while rest:
        digits = next((place for place, letter in enumerate(rest) if letter not in "0123456789."), len(rest))
        letters = next((place for place in range(digits, len(rest)) if rest[place] in "0123456789."), len(rest))
        seconds += float(rest[:digits] or 0) * _UNITS.get(rest[digits:letters], 0.0)
        rest = rest[letters:]
    return seconds or None


# What an answer has to be


def names(answer: Answer, prefix: str) -> tuple[int, list[str]]:
    """Return the keys that an answer lists, all with this prefix, and its index."""
    newest = index(answer)
    found = texts_of(_body(answer) if answer.status == OK else None)
    if not all(name.startswith(prefix) for name in found):
        message = "it lists keys that were not asked for"
        raise ValueError(message)
    return newest, found


def entries(answer: Answer, prefix: str) -> tuple[int, list[Stored]]:
    """Return the entries that an answer holds, all with this prefix, and its index."""
    newest = index(answer)
    found = list(map(Stored.of, objects_of(_body(answer) if answer.status == OK else None)))
    if not all(one.key.startswith(prefix) for one in found):
        message = "it gives entries that were not asked for"
        raise ValueError(message)
    return newest, found


def entry(answer: Answer, key: str) -> tuple[int, Stored | None]:
    """Return the one entry that an answer holds, if it does, and its index."""
    newest, found = entries(answer, key)
    if len(found) > 1 or any(one.key != key for one in found):
        message = "it gives an entry that was not asked for"
        raise ValueError(message)
    return newest, found[0] if found else None


def txn_result(answer: Answer) -> TxnResult:
    """Return what became of a transaction."""
    fields = object_of(_body(answer, OK, _CONFLICT))
    refusals = {number(error, "OpIndex"): text(error, "What") for error in objects_of(fields.get("Errors"))}
    if ("Results" not in fields and not refusals) or (answer.status == _CONFLICT) != bool(refusals):
        message = "it does not say what became of the transaction"
        raise ValueError(message)
    return TxnResult([Stored.of(object_of(one.get("KV"))) for one in objects_of(fields.get("Results"))], refusals)


def flag(answer: Answer) -> bool:
    """Return whether what was asked was done."""
    done = _body(answer)
    if not isinstance(done, bool):
        message = "its answer is neither true nor false"
        raise ValueError(message)  # noqa: TRY004 - what came from outside has no wrong type, but a wrong value
    return done


def new_session(answer: Answer) -> str:
    """Return the id of a session that was made."""
    return text(object_of(_body(answer)), "ID")


def renewed_session(answer: Answer, session_id: str) -> Session | None:
    """Return a session that was renewed; None if it has ended."""
    if answer.status == NOT_FOUND and session_id.encode() in answer.body:
        return None
    return _session(answer, session_id)


def session(answer: Answer, session_id: str) -> Session | None:
    """Return what is known of a session; None if it has ended."""
    index(answer)
    return _session(answer, session_id) if objects_of(_body(answer)) else None


def sessions(answer: Answer) -> list[Session]:
    """Return every session."""
    index(answer)
    return list(map(Session.of, objects_of(_body(answer))))


def leader(answer: Answer) -> str:
    """Return who leads."""
    return json_fields.text_of(_body(answer))


def agent(answer: Answer) -> Agent:
    """Return what an agent says of itself."""
    return Agent.of(object_of(_body(answer)))


def _session(answer: Answer, session_id: str) -> Session:
    found = Session.of(next(iter(objects_of(_body(answer))), {}))
    if found.id != session_id:
        message = "it gives a session that was not asked for"
        raise ValueError(message)
    return found


def index(answer: Answer) -> int:
    """Return the index of an answer."""
    if answer.status not in (OK, NOT_FOUND):
        message = f"HTTP status {answer.status}"
        raise ValueError(message)
    if _INDEX not in answer.headers:
        message = f"it answers without {_INDEX} (HTTP status {answer.status})"
        raise ValueError(message)
    return json_fields.digits(answer.headers[_INDEX], _INDEX)


def _body(answer: Answer, *statuses: int) -> object:
    if answer.status not in (statuses or (OK,)):
        message = f"HTTP status {answer.status}"
        raise ValueError(message)
    return json_fields.parse(answer.body)


def _bytes(encoded: str) -> bytes:
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError as error:
        message = "a value in its answer is not base64"
        raise ValueError(message) from error
