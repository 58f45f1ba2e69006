"""Whatever answers in the place of a store: each call of the contract reports it by an error of the error tree."""

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
from tests.drivers.error_cases import CANARY, SOON
from tests.drivers.foreign_answers import NEVER_OWN, ODDITIES, SHAPES, TOO_LARGE, AnsweringProxy
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
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spend little time on finding out what became of a write: nothing here can say."""
    monkeypatch.setattr(write_attempt, "_RESOLVE_TIMEOUT", TIMEOUT)


def store_at(server: Server, address: str, path: str, timeout: float = TIMEOUT) -> Store:
    if isinstance(server, ConsulServer):
        return ConsulStore(parse(f"consul://{address}/{path}?timeout={timeout}"), Access(password=Secret(CANARY)))
    return Etcd2Store(parse(f"etcd2://u:{CANARY}@{address}/{path}?timeout={timeout}"), Access())


async def opened(server: Server, address: str, path: str) -> Store:
    """Open a store whose calls may take little time, however busy the machine is."""
    async with asyncio.timeout(SOON):
        while True:
            store = store_at(server, address, path)
            try:
                await store.connect()
            except NotReachable:
                await store.close()
            else:
                return store


async def fill(server: Server, path: str) -> None:
    """Write what the calls are about."""
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
        await lock.acquire(2 * TIMEOUT)
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
    "prove": lambda store: store.ping(),
}


async def outcome(call: Awaitable[object]) -> ExplorerError | None:
    """Return what a call failed with; what is not of the error tree is raised."""
    try:
        await call
    except ExplorerError as error:
        return error
    return None


def complaints(error: ExplorerError | None, *, never_own: bool) -> list[str]:
    """Return what is wrong with an error."""
    if error is None:
        return ["no error"] if never_own else []
    line = error_line(error)
    found = [] if getattr(errors, type(error).__name__, None) is type(error) else [f"{type(error)} is internal"]
    if CANARY in f"{line}{error!r}":
        found.append("it holds a secret")
    if "\n" in line or sanitize(line) != line:
        found.append("it is more than one line")
    if never_own and not isinstance(error, NotReachable | OutcomeUnknown):
        found.append(f"it is {error!r}")
    if isinstance(error, NotReachable) and (exit_code(error) is not ExitCode.UNREACHABLE or not error.hint):
        found.append(f"it has no hint: {line}")
    return found


async def complaint_of(call: Callable[[Store], Awaitable[object]], store: Store, *, never_own: bool) -> str:
    """Return what is wrong with how a call ends, or nothing."""
    try:
        error = await outcome(call(store))
    except Exception as failure:  # noqa: BLE001 - whatever leaves a driver is what is looked for
        return repr(failure)
    return "; ".join(complaints(error, never_own=never_own))


async def failures_of_calls(server: Server, path: str, own: bytes, *, never_own: bool) -> dict[str, str]:
    """Make every call where a proxy gives this answer to all requests, and return what is wrong."""
    async with AnsweringProxy(server.address) as proxy:
        store = await opened(server, proxy.address, path)
        proxy.answer(own)
        names = list(CALLS)
        found = await asyncio.gather(*(complaint_of(CALLS[name], store, never_own=never_own) for name in names))
        await store.close()
        return {name: wrong for name, wrong in zip(names, found, strict=True) if wrong}


async def failures_in_the_middle(server: Server, path: str, own: bytes, *, after: int) -> dict[str, str]:
    """Make every call where a proxy gives this answer after so many requests of the call, likewise."""
    found: dict[str, str] = {}
    for name, call in CALLS.items():
        async with AnsweringProxy(server.address) as proxy:
            store = await opened(server, proxy.address, path)
            proxy.answer(own, after=after)
            if wrong := await complaint_of(call, store, never_own=False):
                found[name] = wrong
            await store.close()
    return found


async def failures_of_first_contact(server: Server, own: bytes, *, never_own: bool) -> list[str]:
    async with AnsweringProxy(server.address) as proxy:
        proxy.answer(own)
        store = store_at(server, proxy.address, "x")
        error = await outcome(store.connect())
        await store.close()
        return complaints(error, never_own=never_own)


@pytest.mark.parametrize(
    ("answers", "never_own"), [(NEVER_OWN, True), (SHAPES | ODDITIES, False)], ids=["foreign", "shapes"]
)
async def test_foreign_answer_is_an_error_of_the_tree(
    server: Server, answers: Mapping[str, bytes], *, never_own: bool
) -> None:
    """Every call, and the first contact, ends in an error of `model.errors` that says so in one line."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    await fill(server, path)
    found: dict[str, object] = {}
    few = asyncio.Semaphore(8)

    async def check(name: str, own: bytes) -> None:
        async with few:
            if wrong := await failures_of_calls(server, path, own, never_own=never_own):
                found[name] = wrong
            if complaint := await failures_of_first_contact(server, own, never_own=never_own):
                found[f"first contact: {name}"] = complaint

    await asyncio.gather(*(check(name, own) for name, own in answers.items()))
    assert not found


async def test_foreign_answer_in_the_middle_of_a_call(server: Server) -> None:
    """A call whose later requests are answered by something else ends in no other exception either."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    await fill(server, path)
    found: dict[str, object] = {}

    async def check(name: str, after: int) -> None:
        if wrong := await failures_in_the_middle(server, path, NEVER_OWN[name], after=after):
            found[f"{name} after {after}"] = wrong

    kinds = ("404 text", "302 elsewhere", "body breaks off", "not JSON")
    await asyncio.gather(*(check(name, after) for name in kinds for after in (1, 2, 3)))
    assert not found


async def test_error_names_the_key_of_the_caller(shared_consul: ConsulServer) -> None:
    """What a driver makes for a key, such as a session, is not named in its place."""
    async with AnsweringProxy(shared_consul.address) as proxy:
        store = await opened(shared_consul, proxy.address, f"test-{uuid.uuid4().hex[:12]}")
        proxy.answer(NEVER_OWN["502 text"])
        found = {
            "t": await outcome(store.put("t", b"x", ttl=20)),
            "l": await outcome(store.lock("l").acquire(TIMEOUT)),
        }
        await store.close()
    assert {key: error and error.key for key, error in found.items()} == {key: key for key in found}


@pytest.mark.parametrize("answer", TOO_LARGE)
async def test_refused_size_is_too_large_for_writes_only(server: Server, answer: str) -> None:
    """A size is refused where something was sent; in the answer to a read it is not the store's own."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    await fill(server, path)
    async with AnsweringProxy(server.address) as proxy:
        store = await opened(server, proxy.address, path)
        proxy.answer(TOO_LARGE[answer], after=0 if isinstance(server, ConsulServer) else 1)  # etcd2 reads first
        found = {"put": await outcome(CALLS["put"](store))}
        proxy.answer(TOO_LARGE[answer])
        for name in ("children", "prove", "status"):  # without a body; Consul reads keys in transactions
            found[name] = await outcome(CALLS[name](store))
        await store.close()
    assert isinstance(found.pop("put"), TooLarge)
    assert [name for name, error in found.items() if not isinstance(error, NotReachable)] == []


async def test_watch_goes_on_after_foreign_answers(server: Server) -> None:
    """A running watch of a key and of a tree says that it was lost, tries again, and tells what happens then."""

    async def survive(name: str, own: bytes, *, says_so: bool = True) -> None:
        path = f"test-{uuid.uuid4().hex[:12]}"
        await fill(server, path)
        async with (
            AnsweringProxy(server.address) as proxy,
            store_at(server, proxy.address, path, 5.0) as store,
            store.watch("a") as one,
            store.watch_tree("") as tree,
        ):
            for events in (one, tree):
                assert isinstance(await anext(events), Started)
            proxy.answer(own)
            for events in (one, tree) if says_so else ():
                assert isinstance(await anext(events), Lost), name
            if not says_so:
                asked = len(proxy.heads)
                await eventually(lambda: len(proxy.heads) > asked + 1, "the answer was given", SOON)
            proxy.heal()
            await store.put("a", b"new")
            for events in (one, tree):
                async for event in events:
                    if isinstance(event, Put) and event.entry.value == b"new":
                        break

    kinds = ("404 text", "200 page", "403 text", "302 elsewhere", "index is a word", "body breaks off", "not JSON")
    async with asyncio.timeout(SOON), asyncio.TaskGroup() as group:
        for name in kinds:
            group.create_task(survive(name, NEVER_OWN[name]))
        for name, own in TOO_LARGE.items():
            group.create_task(survive(name, own))
        for name, own in ODDITIES.items():
            if name.startswith("index"):
                group.create_task(survive(name, own, says_so=False))
