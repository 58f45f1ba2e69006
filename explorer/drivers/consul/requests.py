"""What is asked of Consul: the requests of its API that the driver needs, each with the reading of its answer.

py-consul writes them where it can. What it cannot write is written here: a session's TTL and lock-delay in fractions of
a second (it takes whole ones, and none below 10), and a transaction's consistency.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

from consul.callback import CB

from explorer.drivers.consul.scribe import API, Question, Reading, Response

Fields: TypeAlias = Mapping[str, object]
"""A JSON object as Consul sends it."""


def _number(read: Reading) -> Reading:
    """Read the index as the number it is."""

    def reading(response: Response) -> tuple[int, Any]:
        index, found = read(response)
        return int(index), found

    return reading


def _indexed(question: Question[Any]) -> Question[Any]:
    return Question(question.method, question.path, question.parameters, question.body, _number(question.read))


def names(
    prefix: str, separator: str | None, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> Question[tuple[int, list[str] | None]]:
    """Ask for the keys below a prefix, those behind a further separator folded into one; None where there are none.

    With an index the answer waits, so many seconds at most, until there is a newer one.
    """
    return _indexed(
        API.kv.get(
            prefix,
            keys=True,
            separator=separator,
            index=index,
            wait=_seconds(wait),
            consistency="consistent" if consistent else None,
        )
    )


def tree(
    prefix: str, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> Question[tuple[int, list[Fields] | None]]:
    """Ask for all entries below a prefix, likewise."""
    return _indexed(
        API.kv.get(
            prefix,
            recurse=True,
            index=index,
            wait=_seconds(wait),
            consistency="consistent" if consistent else None,
        )
    )


def entry(
    key: str, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> Question[tuple[int, Fields | None]]:
    """Ask for one entry, likewise."""
    return _indexed(API.kv.get(key, index=index, wait=_seconds(wait), consistency="consistent" if consistent else None))


def read(key: str) -> Fields:
    """Make the operation of a transaction that reads an entry."""
    return {"Verb": "get", "Key": key}


def read_tree(prefix: str) -> Fields:
    """Make the one that reads all entries below a prefix."""
    return {"Verb": "get-tree", "Key": prefix}


def transaction(operations: Iterable[Fields], consistency: str | None = None) -> Question[Fields]:
    """Ask for several operations in one step; what was refused is an answer, too."""
    made = cast("Question[Fields]", API.txn.put([{"KV": operation} for operation in operations]))
    parameters = ((consistency, "1"),) if consistency else ()
    return Question(made.method, made.path, parameters, made.body, lambda response: json.loads(response.body))


def replacement(key: str, value: bytes, *, index: int, flags: int) -> Question[bool]:
    """Ask for a compare-and-swap outside of a transaction, which takes values that no transaction would."""
    return cast("Question[bool]", API.kv.put(key, value, cas=index, flags=flags))


def removal_of_everything() -> Question[bool]:
    """Ask for every key to be deleted, which no transaction can."""
    return cast("Question[bool]", API.kv.delete("", recurse=True))


def session_creation(name: str, *, ttl: float, behavior: str, lock_delay: float) -> Question[str]:
    """Ask for a session of the agent's own node; seconds may be fractions."""
    body = {"Name": name, "TTL": f"{ttl:g}s", "Behavior": behavior, "LockDelay": f"{lock_delay:g}s"}
    return Question("PUT", "/v1/session/create", (), json.dumps(body).encode(), CB.json(is_id=True))


def session_renewal(session: str) -> Question[Fields]:
    """Ask for a session to be renewed."""
    return cast("Question[Fields]", API.session.renew(session))


def session_end(session: str) -> Question[bool]:
    """Ask for a session to be ended."""
    return cast("Question[bool]", API.session.destroy(session))


def session(session_id: str) -> Question[tuple[int, Fields | None]]:
    """Ask what is known of a session; None if it has ended."""
    return _indexed(API.session.info(session_id))


def sessions() -> Question[tuple[int, list[Fields] | None]]:
    """Ask for every session."""
    return _indexed(API.session.list())


def leader() -> Question[str]:
    """Ask who leads."""
    return cast("Question[str]", API.status.leader())


def agent() -> Question[Fields]:
    """Ask the agent what it is."""
    return cast("Question[Fields]", API.agent.self())


def _seconds(wait: float | None) -> str | None:
    return None if wait is None else f"{wait * 1000:.0f}ms"
