"""What is asked of Consul: the requests of its API that the driver needs, each with the reading of its answer.

py-consul writes them where it can. What it cannot write is written here: a session's TTL and lock-delay in fractions of
a second (it takes whole ones, and none below 10), and a transaction's consistency.
"""

import json
from collections.abc import Iterable
from functools import partial
from typing import cast

from explorer.drivers.common.json_fields import Fields
from explorer.drivers.consul import answers
from explorer.drivers.consul.answers import Agent, Session, Stored, TxnResult
from explorer.drivers.consul.request_builder import API, ApiRequest, RequestDraft

_NO_SESSION = "00000000-0000-0000-0000-000000000000"


def names(
    prefix: str, separator: str | None, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> ApiRequest[tuple[int, list[str]]]:
    """Ask for the keys below a prefix, those behind a further separator folded into one.

    With an index the answer waits, so many seconds at most, until there is a newer one.
    """
    asked = API.kv.get(
        prefix,
        keys=True,
        separator=separator,
        index=index,
        wait=_seconds(wait),
        consistency="consistent" if consistent else None,
    )
    return cast("RequestDraft", asked).question(partial(answers.names, prefix=prefix))


def tree(
    prefix: str, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> ApiRequest[tuple[int, list[Stored]]]:
    """Ask for all entries below a prefix, likewise."""
    asked = API.kv.get(
        prefix, recurse=True, index=index, wait=_seconds(wait), consistency="consistent" if consistent else None
    )
    return cast("RequestDraft", asked).question(partial(answers.entries, prefix=prefix))


def entry(
    key: str, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> ApiRequest[tuple[int, Stored | None]]:
    """Ask for one entry, likewise."""
    asked = API.kv.get(key, index=index, wait=_seconds(wait), consistency="consistent" if consistent else None)
    return cast("RequestDraft", asked).question(partial(answers.entry, key=key))


def read(key: str) -> Fields:
    """Make the operation of a transaction that reads an entry."""
    return {"Verb": "get", "Key": key}


def read_tree(prefix: str) -> Fields:
    """Make the one that reads all entries below a prefix."""
    return {"Verb": "get-tree", "Key": prefix}


def transaction(operations: Iterable[Fields], consistency: str | None = None) -> ApiRequest[TxnResult]:
    """Ask for several operations in one step; what was refused is an answer, too."""
    made = cast("RequestDraft", API.txn.put([{"KV": operation} for operation in operations]))
    parameters = ((consistency, "1"),) if consistency else ()
    return ApiRequest(made.method, made.path, parameters, made.body, answers.txn_result)


def replacement(key: str, value: bytes, *, index: int, flags: int) -> ApiRequest[bool]:
    """Ask for a compare-and-swap outside of a transaction, which takes values that no transaction would."""
    return cast("RequestDraft", API.kv.put(key, value, cas=index, flags=flags)).question(answers.flag)


def removal_of_everything() -> ApiRequest[bool]:
    """Ask for every key to be deleted, which no transaction can."""
    return cast("RequestDraft", API.kv.delete("", recurse=True)).question(answers.flag)


def session_creation(name: str, *, ttl: float, behavior: str, lock_delay: float) -> ApiRequest[str]:
    """Ask for a session of the agent's own node; seconds may be fractions."""
    body = {"Name": name, "TTL": f"{ttl:g}s", "Behavior": behavior, "LockDelay": f"{lock_delay:g}s"}
    return ApiRequest("PUT", "/v1/session/create", (), json.dumps(body).encode(), answers.new_session)


def session_renewal(session_id: str) -> ApiRequest[Session | None]:
    """Ask for a session to be renewed; None if it has ended."""
    return cast("RequestDraft", API.session.renew(session_id)).question(
        partial(answers.renewed_session, session_id=session_id)
    )


def session_end(session_id: str) -> ApiRequest[bool]:
    """Ask for a session to be ended."""
    return cast("RequestDraft", API.session.destroy(session_id)).question(answers.flag)


def session(session_id: str) -> ApiRequest[Session | None]:
    """Ask what is known of a session; None if it has ended."""
    return cast("RequestDraft", API.session.info(session_id)).question(partial(answers.session, session_id=session_id))


def sessions() -> ApiRequest[list[Session]]:
    """Ask for every session."""
    return cast("RequestDraft", API.session.list()).question(answers.sessions)


def sessions_index(index: int | None, wait: float) -> ApiRequest[int]:
    """Ask for the newest index of the sessions, by one that never is; with an index, wait for a newer one."""
    asked = API.session.info(_NO_SESSION, index=index, wait=_seconds(wait) if index else None)
    return cast("RequestDraft", asked).question(answers.index)


def leader() -> ApiRequest[str]:
    """Ask who leads."""
    return cast("RequestDraft", API.status.leader()).question(answers.leader)


def agent() -> ApiRequest[Agent]:
    """Ask the agent what it is."""
    return cast("RequestDraft", API.agent.self()).question(answers.agent)


def _seconds(wait: float | None) -> str | None:
    return None if wait is None else f"{wait * 1000:.0f}ms"
