"""Foreign answers in place of a store's: each call of the contract raises an error of the error tree."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final, TypeAlias

import pytest

from explorer.cli.exit_codes import ExitCode, error_line, exit_code
from explorer.drivers.base import Store
from explorer.drivers.common import write_attempt
from explorer.drivers.consul import ConsulStore
from explorer.drivers.etcd2 import Etcd2Store
from explorer.model import errors
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import ExplorerError, NotReachable, OutcomeUnknown, TooLarge
from explorer.model.events import Lost, Put, Started
from explorer.model.sanitize import sanitize
from tests.drivers.error_cases import ANSWER_TIMEOUT, CANARY
from tests.drivers.foreign_answers import FOREIGN_ANSWERS, JSON_SHAPES, ODD_ANSWERS, TOO_LARGE_ANSWERS, AnsweringProxy
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.waiting import eventually

pytestmark = pytest.mark.servers

TIMEOUT: Final = 0.7
"""Seconds that one call may take."""

Server: TypeAlias = ConsulServer | EtcdServer


@pytest.fixture(params=["consul", "etcd2"])
def server(request: pytest.FixtureRequest) -> Server:
    found = request.getfixturevalue(f"shared_{request.param}")
    assert isinstance(found, ConsulServer | EtcdServer)
    return found


@pytest.fixture(autouse=True)
def _short_resolve_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time to resolve the outcome of a write: no foreign answer helps with that."""
    monkeypatch.setattr(write_attempt, "_RESOLVE_TIMEOUT", TIMEOUT)


def store_at(server: Server, address: str, path: str, timeout: float = TIMEOUT) -> Store:
    if isinstance(server, ConsulServer):
        return ConsulStore(parse(f"consul://{address}/{path}?timeout={timeout}"), Access(password=Secret(CANARY)))
    return Etcd2Store(parse(f"etcd2://u:{CANARY}@{address}/{path}?timeout={timeout}"), Access())


async def open_store(server: Server, address: str, path: str) -> Store:
    """Return a connected store with a short request timeout; connect until it works, as the machine may be busy."""
    async with asyncio.timeout(ANSWER_TIMEOUT):
        while True:
            store = store_at(server, address, path)
            try:
                await store.connect()
            except NotReachable:
                await store.close()
            else:
                return store


async def put_entries(server: Server, path: str) -> None:
    """Put the entries that the calls use."""
    if isinstance(server, ConsulServer):
        store: Store = ConsulStore(parse(f"consul://{server.address}/{path}"), Access())
    else:
        store = Etcd2Store(parse(f"etcd2://{server.address}/{path}"), Access())
    async with store:
        for key in ("a", "b/c", "b/d", "e"):
            await store.put(key, b"value")


async def _walk(store: Store) -> None:
    async with aclosing(store.walk("")) as entries:
        async for _ in entries:
            pass


async def _watch(store: Store) -> None:
    async with store.watch("a") as events:
        await anext(events)


async def _watch_tree(store: Store) -> None:
    async with store.watch_tree("") as events:
        await anext(events)


async def _lock(store: Store) -> None:
    lock = store.lock("l", ttl=10, value=b"v", delete_on_unlock=True)
    try:
        await lock.acquire(ANSWER_TIMEOUT)  # the answer ends it, long before
    finally:
        await lock.release()


CALLS: Final[Mapping[str, Callable[[Store], Awaitable[object]]]] = {
    "get": lambda store: store.get("a"),
    "stale get": lambda store: store.get("a", consistent=False),
    "exists": lambda store: store.exists("a"),
    "children": lambda store: store.children("b"),
    "list": lambda store: store.list("b"),
    "walk": _walk,
    "put": lambda store: store.put("a", b"x"),
    "put with a TTL": lambda store: store.put("t", b"x", ttl=20, keep_alive=True),
    "put of a large value": lambda store: store.put("large", b"x" * 400_000),
    "put of a directory": lambda store: store.put("directory", b"", is_dir=True),
    "atomic put": lambda store: store.atomic_put("new", b"x", None),
    "atomic put on a revision": lambda store: store.atomic_put("a", b"x", 7),
    "delete": lambda store: store.delete("e"),
    "atomic delete": lambda store: store.atomic_delete("e", 7),
    "delete tree": lambda store: store.delete_tree("b"),
    "watch": _watch,
    "watch tree": _watch_tree,
    "lock": _lock,
    "locks": lambda store: store.locks(""),
    "status": lambda store: store.status(),
    "ping": lambda store: store.ping(),
}


async def outcome(call: Awaitable[object]) -> ExplorerError | None:
    """Return the error of the error tree that a call raised; pass on any other."""
    try:
        await call
    except ExplorerError as error:
        return error
    return None


def problems_of_error(error: ExplorerError | None, *, is_foreign: bool) -> list[str]:
    """Return the problems of an error, or of its absence."""
    if error is None:
        return ["no error"] if is_foreign else []
    line = error_line(error)
    found = [] if getattr(errors, type(error).__name__, None) is type(error) else [f"{type(error)} is internal"]
    if CANARY in f"{line}{error!r}":
        found.append("it has a secret")
    if "\n" in line or sanitize(line) != line:
        found.append("it is more than one line")
    if is_foreign and not isinstance(error, NotReachable | OutcomeUnknown):
        found.append(f"it is {error!r}")
    if isinstance(error, NotReachable) and (exit_code(error) is not ExitCode.UNREACHABLE or not error.hint):
        found.append(f"it has no hint: {line}")
    return found


async def problem_of_call(call: Callable[[Store], Awaitable[object]], store: Store, *, is_foreign: bool) -> str:
    """Return the problems of how a call ends, or an empty text."""
    try:
        error = await outcome(call(store))
    except Exception as failure:  # noqa: BLE001 - any exception that leaves a driver is a problem
        return repr(failure)
    return "; ".join(problems_of_error(error, is_foreign=is_foreign))


async def failures_of_calls(server: Server, path: str, replacement: bytes, *, is_foreign: bool) -> dict[str, str]:
    """Make every call while a proxy sends this answer to all requests, and return the problems by call."""
    async with AnsweringProxy(server.address) as proxy:
        store = await open_store(server, proxy.address, path)
        proxy.answer(replacement)
        names = list(CALLS)
        found = await asyncio.gather(*(problem_of_call(CALLS[name], store, is_foreign=is_foreign) for name in names))
        await store.close()
        return {name: problem for name, problem in zip(names, found, strict=True) if problem}


async def failures_in_the_middle(server: Server, path: str, replacement: bytes, *, after: int) -> dict[str, str]:
    """Make every call while a proxy sends this answer after `after` requests of it, and return the problems by call."""
    found: dict[str, str] = {}
    for name, call in CALLS.items():
        async with AnsweringProxy(server.address) as proxy:
            store = await open_store(server, proxy.address, path)
            proxy.answer(replacement, after=after)
            if problem := await problem_of_call(call, store, is_foreign=False):
                found[name] = problem
            await store.close()
    return found


async def failures_of_first_contact(server: Server, replacement: bytes, *, is_foreign: bool) -> list[str]:
    async with AnsweringProxy(server.address) as proxy:
        proxy.answer(replacement)
        store = store_at(server, proxy.address, "x")
        error = await outcome(store.connect())
        await store.close()
        return problems_of_error(error, is_foreign=is_foreign)


@pytest.mark.parametrize(
    ("answers", "is_foreign"), [(FOREIGN_ANSWERS, True), (JSON_SHAPES | ODD_ANSWERS, False)], ids=["foreign", "shapes"]
)
async def test_foreign_answer_is_an_error_of_the_tree(
    server: Server, answers: Mapping[str, bytes], *, is_foreign: bool
) -> None:
    """Every call, and the first contact, ends in an error of `model.errors` of one line."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    await put_entries(server, path)
    found: dict[str, object] = {}
    limit = asyncio.Semaphore(8)

    async def check(name: str, replacement: bytes) -> None:
        async with limit:
            if problem := await failures_of_calls(server, path, replacement, is_foreign=is_foreign):
                found[name] = problem
            if problems := await failures_of_first_contact(server, replacement, is_foreign=is_foreign):
                found[f"first contact: {name}"] = problems

    await asyncio.gather(*(check(name, replacement) for name, replacement in answers.items()))
    assert not found


async def test_foreign_answer_in_the_middle_of_a_call(server: Server) -> None:
    """A call whose later requests get foreign answers raises only errors of the tree, too."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    await put_entries(server, path)
    found: dict[str, object] = {}

    async def check(name: str, after: int) -> None:
        if problem := await failures_in_the_middle(server, path, FOREIGN_ANSWERS[name], after=after):
            found[f"{name} after {after}"] = problem

    kinds = ("404 text", "302 elsewhere", "body breaks off", "not JSON")
    await asyncio.gather(*(check(name, after) for name in kinds for after in (1, 2, 3)))
    assert not found


async def test_error_names_the_key_of_the_caller(shared_consul: ConsulServer) -> None:
    """The error names the key of the call, not a session or contender that the driver made for it."""
    async with AnsweringProxy(shared_consul.address) as proxy:
        store = await open_store(shared_consul, proxy.address, f"test-{uuid.uuid4().hex[:12]}")
        proxy.answer(FOREIGN_ANSWERS["502 text"])
        found = {
            "t": await outcome(store.put("t", b"x", ttl=20)),
            "l": await outcome(store.lock("l").acquire(TIMEOUT)),
        }
        await store.close()
    assert {key: error and error.key for key, error in found.items()} == {key: key for key in found}


@pytest.mark.parametrize("answer", TOO_LARGE_ANSWERS)
async def test_refused_size_is_too_large_for_writes_only(server: Server, answer: str) -> None:
    """A refused size is TooLarge for a write; for a read it is a foreign answer."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    await put_entries(server, path)
    async with AnsweringProxy(server.address) as proxy:
        store = await open_store(server, proxy.address, path)
        proxy.answer(TOO_LARGE_ANSWERS[answer], after=0 if isinstance(server, ConsulServer) else 1)  # etcd2 reads first
        found = {"put": await outcome(CALLS["put"](store))}
        proxy.answer(TOO_LARGE_ANSWERS[answer])
        for name in ("children", "ping", "status"):  # without a body; Consul reads keys in transactions
            found[name] = await outcome(CALLS[name](store))
        await store.close()
    assert isinstance(found.pop("put"), TooLarge)
    assert [name for name, error in found.items() if not isinstance(error, NotReachable)] == []


async def test_watch_goes_on_after_foreign_answers(server: Server) -> None:
    """A watch of a key, and one of a tree, reports Lost, reconnects, and reports the next change."""

    async def survive(name: str, replacement: bytes, *, is_lost: bool = True) -> None:
        path = f"test-{uuid.uuid4().hex[:12]}"
        await put_entries(server, path)
        async with (
            AnsweringProxy(server.address) as proxy,
            store_at(server, proxy.address, path, 5.0) as store,
            store.watch("a") as one,
            store.watch_tree("") as tree,
        ):
            for events in (one, tree):
                assert isinstance(await anext(events), Started)
            proxy.answer(replacement)
            for events in (one, tree) if is_lost else ():
                assert isinstance(await anext(events), Lost), name
            if not is_lost:
                asked = len(proxy.heads)
                await eventually(lambda: len(proxy.heads) > asked + 1, "the answer was given", ANSWER_TIMEOUT)
            proxy.heal()
            await store.put("a", b"new")
            for events in (one, tree):
                async for event in events:
                    if isinstance(event, Put) and event.entry.value == b"new":
                        break

    kinds = ("404 text", "200 page", "403 text", "302 elsewhere", "index is a word", "body breaks off", "not JSON")
    async with asyncio.timeout(ANSWER_TIMEOUT), asyncio.TaskGroup() as group:
        for name in kinds:
            group.create_task(survive(name, FOREIGN_ANSWERS[name]))
        for name, replacement in TOO_LARGE_ANSWERS.items():
            group.create_task(survive(name, replacement))
        for name, replacement in ODD_ANSWERS.items():
            if name.startswith("index"):
                group.create_task(survive(name, replacement, is_lost=False))
