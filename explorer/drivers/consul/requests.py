"""The requests of Consul's HTTP API that the driver uses, each with the parser of its answer.

py-consul builds them where it can. Two things it cannot do are done here: fractions of a second in a session's TTL and
lock-delay (py-consul takes whole seconds, and none below 10), and the consistency mode of a transaction.
"""

import json
from collections.abc import Iterable
from functools import partial
from typing import Final, cast

from explorer.drivers.common.json_fields import Fields
from explorer.drivers.consul import answers
from explorer.drivers.consul.answers import Agent, ConsulSession, KVPair, TxnResult
from explorer.drivers.consul.request_builder import API, ApiRequest, RequestDraft

_NO_SESSION: Final = "00000000-0000-0000-0000-000000000000"


def list_keys(
    prefix: str, separator: str | None, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> ApiRequest[tuple[int, list[str]]]:
    """Return the request for the keys below a prefix.

    Args:
        prefix: The prefix in the store.
        separator: Keys with a further separator are cut off after it and listed once; None for whole keys.
        index: Makes it a blocking query: the answer comes when there is a newer index.
        wait: Seconds for which a blocking query waits at most.
        consistent: The leader checks that it is the leader before it answers.
    """
    draft = API.kv.get(
        prefix,
        keys=True,
        separator=separator,
        index=index,
        wait=_to_duration(wait),
        consistency="consistent" if consistent else None,
    )
    return cast("RequestDraft", draft).with_reader(partial(answers.read_keys, prefix=prefix))


def list_pairs(
    prefix: str, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> ApiRequest[tuple[int, list[KVPair]]]:
    """Return the request for all pairs below a prefix; for the other arguments see `list_keys`."""
    draft = API.kv.get(
        prefix, recurse=True, index=index, wait=_to_duration(wait), consistency="consistent" if consistent else None
    )
    return cast("RequestDraft", draft).with_reader(partial(answers.read_pairs, prefix=prefix))


def get_pair(
    key: str, *, index: int | None = None, wait: float | None = None, consistent: bool = False
) -> ApiRequest[tuple[int, KVPair | None]]:
    """Return the request for one pair; for the other arguments see `list_keys`."""
    draft = API.kv.get(key, index=index, wait=_to_duration(wait), consistency="consistent" if consistent else None)
    return cast("RequestDraft", draft).with_reader(partial(answers.read_pair, key=key))


def get_operation(key: str) -> Fields:
    """Return the operation of a transaction that reads a pair."""
    return {"Verb": "get", "Key": key}


def get_tree_operation(prefix: str) -> Fields:
    """Return the operation of a transaction that reads all pairs below a prefix."""
    return {"Verb": "get-tree", "Key": prefix}


def txn(operations: Iterable[Fields], consistency: str | None = None) -> ApiRequest[TxnResult]:
    """Return the request for a transaction; its errors are part of the result."""
    draft = cast("RequestDraft", API.txn.put([{"KV": operation} for operation in operations]))
    parameters = ((consistency, "1"),) if consistency else ()
    return ApiRequest(draft.method, draft.path, parameters, draft.body, answers.read_txn_result)


def cas_put(key: str, value: bytes, *, index: int, flags: int) -> ApiRequest[bool]:
    """Return the request for a compare-and-swap outside of a transaction, which may have a larger value."""
    return cast("RequestDraft", API.kv.put(key, value, cas=index, flags=flags)).with_reader(answers.read_bool)


def delete_all() -> ApiRequest[bool]:
    """Return the request that deletes every key, which a transaction cannot."""
    return cast("RequestDraft", API.kv.delete("", recurse=True)).with_reader(answers.read_bool)


def create_session(name: str, *, ttl: float, behavior: str, lock_delay: float) -> ApiRequest[str]:
    """Return the request for a new session on the agent's own node; the seconds may be fractions."""
    body = {"Name": name, "TTL": f"{ttl:g}s", "Behavior": behavior, "LockDelay": f"{lock_delay:g}s"}
    return ApiRequest("PUT", "/v1/session/create", (), json.dumps(body).encode(), answers.read_session_id)


def renew_session(session_id: str) -> ApiRequest[ConsulSession | None]:
    """Return the request that renews a session; the answer is None if it has ended."""
    return cast("RequestDraft", API.session.renew(session_id)).with_reader(
        partial(answers.read_renewed_session, session_id=session_id)
    )


def destroy_session(session_id: str) -> ApiRequest[bool]:
    """Return the request that ends a session."""
    return cast("RequestDraft", API.session.destroy(session_id)).with_reader(answers.read_bool)


def read_session(session_id: str) -> ApiRequest[ConsulSession | None]:
    """Return the request for a session; the answer is None if it has ended."""
    return cast("RequestDraft", API.session.info(session_id)).with_reader(
        partial(answers.read_session, session_id=session_id)
    )


def list_sessions() -> ApiRequest[list[ConsulSession]]:
    """Return the request for all sessions."""
    return cast("RequestDraft", API.session.list()).with_reader(answers.read_sessions)


def sessions_index(index: int | None, wait: float) -> ApiRequest[int]:
    """Return the request for the newest index of all sessions, by reading one that never exists.

    With an index it is a blocking query, which waits for a newer one.
    """
    draft = API.session.info(_NO_SESSION, index=index, wait=_to_duration(wait) if index else None)
    return cast("RequestDraft", draft).with_reader(answers.read_index)


def get_leader() -> ApiRequest[str]:
    """Return the request for the leader's address."""
    return cast("RequestDraft", API.status.leader()).with_reader(answers.read_leader)


def get_agent() -> ApiRequest[Agent]:
    """Return the request for an agent's own description."""
    return cast("RequestDraft", API.agent.self()).with_reader(answers.read_agent)


def _to_duration(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds * 1000:.0f}ms"
