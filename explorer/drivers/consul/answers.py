"""Strict parsing of Consul's HTTP answers; an answer that is not Consul's raises ValueError with the reason."""

import binascii
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common import json_fields
from explorer.drivers.common.http import Response
from explorer.drivers.common.json_fields import Fields, number, object_of, objects_of, text, texts_of

OK: Final = 200
NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_INDEX: Final = "X-Consul-Index"
RELEASE: Final = "release"
_NANOSECONDS: Final = 1e9
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class KVPair:
    """A key with its value, flags, session and indexes, as Consul stores it."""

    key: str
    value: bytes
    flags: int
    session: str | None
    create_index: int
    modify_index: int
    lock_index: int
    """Number of times that the key was locked; a plain write by any client resets it to 0."""

    @classmethod
    def of(cls, fields: Fields) -> "KVPair":
        """Return the pair in a JSON object; Consul sends an empty value as null."""
        return cls(
            key=text(fields, "Key"),
            value=_decode_base64(text(fields, "Value", "")),
            flags=number(fields, "Flags"),
            session=text(fields, "Session", "") or None,
            create_index=number(fields, "CreateIndex"),
            modify_index=number(fields, "ModifyIndex"),
            lock_index=number(fields, "LockIndex"),
        )


@dataclass(frozen=True, slots=True)
class ConsulSession:
    """A session, as Consul describes it."""

    id: str
    name: str
    node: str
    behavior: str
    """Effect of its end on its keys: `release` or `delete`."""
    ttl: float | None
    """Seconds; None if only a failed health check of its node ends it."""
    lock_delay: float
    """Seconds for which a lock that it lost cannot be acquired."""
    create_index: int

    @classmethod
    def of(cls, fields: Fields) -> "ConsulSession":
        """Return the session in a JSON object."""
        return cls(
            id=text(fields, "ID"),
            name=text(fields, "Name", ""),
            node=text(fields, "Node", ""),
            behavior=text(fields, "Behavior", RELEASE),
            ttl=parse_duration(text(fields, "TTL", "")),
            lock_delay=number(fields, "LockDelay", 0) / _NANOSECONDS,
            create_index=number(fields, "CreateIndex", 0),
        )


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent's version, datacenter, node and role."""

    version: str
    datacenter: str
    node: str
    role: str
    """`leader`, `server` or `client`."""

    @classmethod
    def of(cls, fields: Fields) -> "Agent":
        """Return the agent in a JSON object."""
        config = object_of(fields.get("Config"))
        servers = object_of(object_of(fields.get("Stats") or {}).get("consul") or {})
        role = "leader" if servers.get("leader") == "true" else "server" if config.get("Server") else "client"
        return cls(text(config, "Version", ""), text(config, "Datacenter", ""), text(config, "NodeName", ""), role)


class TxnResult:
    """Result of a transaction: the pairs of all operations, or the errors for which none was applied."""

    __slots__ = ("errors", "results")

    def __init__(self, results: list[KVPair], errors: dict[int, str]) -> None:
        self.results = results
        self.errors = errors
        """Index of an operation, counted from 0, to Consul's error message."""

    @property
    def succeeded(self) -> bool:
        """True if the transaction was applied."""
        return not self.errors


def parse_duration(text: str) -> float | None:
    """Return the seconds of a duration in Go's notation (`1m30s`); None for zero or no text.

    >>> parse_duration("1m30.5s")
    90.5
    """
    seconds, rest = 0.0, text
    while rest:
        digits = next((index for index, letter in enumerate(rest) if letter not in "0123456789."), len(rest))
        letters = next((index for index in range(digits, len(rest)) if rest[index] in "0123456789."), len(rest))
        seconds += float(rest[:digits] or 0) * _UNITS.get(rest[digits:letters], 0.0)
        rest = rest[letters:]
    return seconds or None


# Parsers of answers


def read_keys(answer: Response, prefix: str) -> tuple[int, list[str]]:
    """Return the index of an answer and the keys that it lists, all with this prefix."""
    index = read_index(answer)
    keys = texts_of(_json_body(answer) if answer.status == OK else None)
    if not all(key.startswith(prefix) for key in keys):
        message = "the answer lists keys without the requested prefix"
        raise ValueError(message)
    return index, keys


def read_pairs(answer: Response, prefix: str) -> tuple[int, list[KVPair]]:
    """Return the index of an answer and its pairs, whose keys all have this prefix."""
    index = read_index(answer)
    pairs = list(map(KVPair.of, objects_of(_json_body(answer) if answer.status == OK else None)))
    if not all(pair.key.startswith(prefix) for pair in pairs):
        message = "the answer has keys without the requested prefix"
        raise ValueError(message)
    return index, pairs


def read_pair(answer: Response, key: str) -> tuple[int, KVPair | None]:
    """Return the index of an answer and its pair; None if there is no such key."""
    index, pairs = read_pairs(answer, key)
    if len(pairs) > 1 or any(pair.key != key for pair in pairs):
        message = "the answer has another key than the requested one"
        raise ValueError(message)
    return index, pairs[0] if pairs else None


def read_txn_result(answer: Response) -> TxnResult:
    """Return the result of a transaction."""
    fields = object_of(_json_body(answer, OK, _CONFLICT))
    errors = {number(error, "OpIndex"): text(error, "What") for error in objects_of(fields.get("Errors"))}
    if ("Results" not in fields and not errors) or (answer.status == _CONFLICT) != bool(errors):
        message = "the answer does not have the result of the transaction"
        raise ValueError(message)
    return TxnResult([KVPair.of(object_of(one.get("KV"))) for one in objects_of(fields.get("Results"))], errors)


def read_bool(answer: Response) -> bool:
    """Return the answer's true or false."""
    value = _json_body(answer)
    if not isinstance(value, bool):
        message = "the answer is neither true nor false"
        raise ValueError(message)  # noqa: TRY004 - it is the server's value that is wrong, not an argument's type
    return value


def read_session_id(answer: Response) -> str:
    """Return the ID of a session that was created."""
    return text(object_of(_json_body(answer)), "ID")


def read_renewed_session(answer: Response, session_id: str) -> ConsulSession | None:
    """Return a session that was renewed; None if it has ended."""
    if answer.status == NOT_FOUND and session_id.encode() in answer.body:
        return None
    return _read_session(answer, session_id)


def read_session(answer: Response, session_id: str) -> ConsulSession | None:
    """Return a session; None if it has ended."""
    read_index(answer)
    return _read_session(answer, session_id) if objects_of(_json_body(answer)) else None


def read_sessions(answer: Response) -> list[ConsulSession]:
    """Return all sessions."""
    read_index(answer)
    return list(map(ConsulSession.of, objects_of(_json_body(answer))))


def read_leader(answer: Response) -> str:
    """Return the leader's address."""
    return json_fields.text_of(_json_body(answer))


def read_agent(answer: Response) -> Agent:
    """Return an agent."""
    return Agent.of(object_of(_json_body(answer)))


def _read_session(answer: Response, session_id: str) -> ConsulSession:
    session = ConsulSession.of(next(iter(objects_of(_json_body(answer))), {}))
    if session.id != session_id:
        message = "the answer has another session than the requested one"
        raise ValueError(message)
    return session


def read_index(answer: Response) -> int:
    """Return the index of an answer (X-Consul-Index)."""
    if answer.status not in (OK, NOT_FOUND):
        message = f"HTTP status {answer.status}"
        raise ValueError(message)
    if _INDEX not in answer.headers:
        message = f"the answer has no header {_INDEX} (HTTP status {answer.status})"
        raise ValueError(message)
    return json_fields.digits(answer.headers[_INDEX], _INDEX)


def _json_body(answer: Response, *statuses: int) -> object:
    if answer.status not in (statuses or (OK,)):
        message = f"HTTP status {answer.status}"
        raise ValueError(message)
    return json_fields.parse(answer.body)


def _decode_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        message = "a value in the answer is not base64"
        raise ValueError(message) from error
