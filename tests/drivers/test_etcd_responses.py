"""Foreign answers instead of etcd's: each call of the contract raises an error of the error tree."""

import asyncio
import logging
import uuid
from contextlib import aclosing
from pprint import pformat
from typing import Final

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from explorer.drivers.base import Store
from explorer.drivers.common import write_attempt
from explorer.drivers.etcd import EtcdStore
from explorer.drivers.etcd.endpoint import Endpoint
from explorer.model.address import Access, parse
from explorer.model.events import Lost, Put, Started
from tests.drivers.error_cases import ANSWER_TIMEOUT
from tests.drivers.http2_answers import FOREIGN_ANSWERS, Answer, Http2Proxy
from tests.drivers.test_foreign_answers import CALLS, outcome, problem_of_call, problems_of_error
from tests.servers.etcd import EtcdServer

TIMEOUT: Final = 0.4
"""Seconds that one call may take."""
KEYS: Final = ("a", "b/c", "b/d", "e")


async def _history(store: Store) -> None:
    async with aclosing(store.history("a")) as entries:
        async for _ in entries:
            pass


ALL_CALLS: Final = {**CALLS, "history": _history, "guarded deletion": lambda store: store.delete_tree("b", guard=7)}


@pytest.fixture
def etcd_version() -> str:
    """One version suffices: the answers are not etcd's."""
    return "3.5"


@pytest.fixture(autouse=True)
def _short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit the time to find out outcomes: no answer here can show them."""
    monkeypatch.setattr(write_attempt, "_RESOLVE_TIMEOUT", TIMEOUT)


def store_at(address: str, path: str, timeout: float = TIMEOUT) -> EtcdStore:
    return EtcdStore(parse(f"etcd://{address}/{path}?timeout={timeout}"), Access())


async def put_entries(server: EtcdServer, path: str) -> None:
    """Write the keys that the calls use."""
    async with store_at(server.address, path, ANSWER_TIMEOUT) as store:
        for key in KEYS:
            await store.put(key, b"value")


async def failures_of_calls(server: EtcdServer, path: str, own: Answer | bytes) -> dict[str, str]:
    """Return what is wrong with the errors of every call, and of the handshake, with this answer of a proxy."""
    async with Http2Proxy(server.address) as proxy:
        store = store_at(proxy.address, path, ANSWER_TIMEOUT)
        await store.connect()
        store.connection.timeout = TIMEOUT
        proxy.answer(own)
        found = await asyncio.gather(*(problem_of_call(call, store, is_foreign=True) for call in ALL_CALLS.values()))
        await store.close()
        first = store_at(proxy.address, path)
        handshake = "; ".join(problems_of_error(await outcome(first.connect()), is_foreign=True))
        await first.close()
        return {
            name: wrong for name, wrong in zip((*ALL_CALLS, "handshake"), (*found, handshake), strict=True) if wrong
        }


async def test_foreign_answer_is_an_error_of_the_tree(
    shared_etcd: EtcdServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is one line, with exit code 5 (7 for a write that may have happened), and gRPC prints nothing."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    await put_entries(shared_etcd, path)
    found: dict[str, object] = {}
    limit = asyncio.Semaphore(12)

    async def check(name: str, own: Answer | bytes) -> None:
        async with limit:
            if wrong := await failures_of_calls(shared_etcd, path, own):
                found[name] = wrong

    await asyncio.gather(*(check(name, own) for name, own in FOREIGN_ANSWERS.items()))
    assert not found, pformat(found)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


RAISED: Final = (
    *(AioRpcError(code, Metadata(), Metadata(), details="details") for code in grpc.StatusCode if code.value[0]),
    grpc.RpcError("details"),
    grpc.aio.UsageError("Channel is closed."),
    grpc.aio.BaseError("details"),
    grpc.aio.InternalError("details"),
    asyncio.InvalidStateError("RPC already finished"),
    ValueError("metadata was invalid"),
    OSError("details"),
    EOFError(),
)


async def test_exception_of_grpc_never_leaves_the_driver(
    shared_etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each exception of gRPC, raised by a stub in every call, becomes an error of the tree."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    await put_entries(shared_etcd, path)
    found: dict[str, object] = {}
    for failure in RAISED:

        def fail(*_: object, failure: Exception = failure) -> object:
            async def failing(*_: object, **__: object) -> object:
                raise failure

            return failing

        async with store_at(shared_etcd.address, path, ANSWER_TIMEOUT) as store:
            store.connection.timeout = 0.1
            with monkeypatch.context() as broken:
                broken.setattr(write_attempt, "_RESOLVE_TIMEOUT", 0.1)
                broken.setattr(Endpoint, "unary_unary", fail)
                for stream in ("stream_stream", "unary_stream"):
                    broken.setattr(Endpoint, stream, fail())
                wrong = await asyncio.gather(
                    *(problem_of_call(call, store, is_foreign=False) for call in ALL_CALLS.values())
                )
        if any(wrong):
            found[repr(failure)] = {name: text for name, text in zip(ALL_CALLS, wrong, strict=True) if text}
    assert not found, pformat(found)


async def test_watch_goes_on_after_foreign_answers(shared_etcd: EtcdServer) -> None:
    """A watch of a key and of a tree yields Lost, reconnects, and yields later changes."""

    async def check_watches(name: str) -> None:
        path = f"test-{uuid.uuid4().hex[:12]}"
        await put_entries(shared_etcd, path)
        async with (
            Http2Proxy(shared_etcd.address) as proxy,
            store_at(proxy.address, path, ANSWER_TIMEOUT) as store,
            store.watch("a") as one,
            store.watch_tree("") as tree,
        ):
            for events in (one, tree):
                assert isinstance(await anext(events), Started)
            proxy.answer(FOREIGN_ANSWERS[name])
            for events in (one, tree):
                assert isinstance(await anext(events), Lost), name
            proxy.heal()
            await store.put("a", b"new")
            for events in (one, tree):
                async for event in events:
                    if isinstance(event, Put) and event.entry.value == b"new":
                        break

    kinds = ("HTTP/1", "page 404", "status 403", "unknown service", "code 7", "code 9", "no protobuf", "empty message")
    async with asyncio.timeout(2 * ANSWER_TIMEOUT), asyncio.TaskGroup() as group:
        for name in kinds:
            group.create_task(check_watches(name))
