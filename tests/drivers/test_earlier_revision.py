"""A store at an earlier revision: everything is read as it was, nothing changes, and nothing can be written."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.drivers.memory.store import MemoryStore
from explorer.model.address import split_revision
from explorer.model.errors import CallNotSupported, Compacted, ExplorerError, InvalidAddress, KeyNotFound
from explorer.model.events import Started
from explorer.opener import StoreOpener, opener
from tests.servers.etcd import VERSIONS, EtcdServer
from tests.servers.fixtures import prefix, shared_etcd

__all__ = ["prefix", "shared_etcd"]


@pytest.fixture
def etcd_version() -> str:
    """Return the newest version; the others have the same request."""
    return VERSIONS[-1]


@pytest.fixture(params=[pytest.param("etcd", marks=pytest.mark.servers), "memory"])
def connect(request: pytest.FixtureRequest) -> StoreOpener:
    if request.param == "memory":
        return opener("memory:")
    server: EtcdServer = request.getfixturevalue("shared_etcd")
    return opener(f"etcd://{server.address}/{request.getfixturevalue('prefix')}")


@pytest.fixture
async def now(connect: StoreOpener) -> AsyncIterator[Store]:
    async with connect() as store:
        yield store


@pytest.fixture
async def then(connect: StoreOpener, now: Store) -> AsyncIterator[Store]:
    """Return the same store after four writes, shown after the first two."""
    await now.put("a/one", b"0")
    first = await now.put("a/one", b"1")
    await now.put("a/one", b"2")
    await now.put("b", b"new")
    async with connect(first.revision) as store:
        yield store


async def test_reads_show_the_revision(now: Store, then: Store) -> None:
    """Values, levels, listings and history end at the revision."""
    assert (await then.get("a/one")).value == b"1"
    assert [child.name for child in (await then.children("")).items] == ["a"]
    assert [entry.value for entry in (await then.list("")).items] == [b"1"]
    assert [entry.value async for entry in then.walk("")] == [b"1"]
    assert [entry.value async for entry in then.history("a/one")] == [b"0"]
    assert not await then.exists("b")
    with pytest.raises(KeyNotFound):
        await then.get("b")
    assert (await now.get("a/one")).value == b"2"


async def test_watches_start_and_stay_silent(now: Store, then: Store) -> None:
    """A view that follows it shows the past as what it is."""
    async with then.watch("a/one") as one, then.watch_tree("") as tree:
        started, below = await anext(one), await anext(tree)
        assert isinstance(started, Started)
        assert started.entry is not None
        assert (started.entry.value, isinstance(below, Started)) == (b"1", True)
        await now.put("a/one", b"3")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(tree)


async def test_writes_are_refused_with_the_reason(then: Store) -> None:
    with pytest.raises(CallNotSupported, match="shown at an earlier revision"):
        await then.put("a/one", b"x")
    with pytest.raises(CallNotSupported, match="shown at an earlier revision"):
        await then.delete_tree("a")


async def test_status_says_that_it_is_not_the_present(then: Store) -> None:
    status = await then.status()
    assert status.complaints[0] == f"shows {then.snapshot}, not the present"


async def test_locks_are_those_of_the_present_only(then: Store) -> None:
    with pytest.raises(CallNotSupported, match="for the present only"):
        await then.locks()


async def test_compacted_revision_is_refused(
    request: pytest.FixtureRequest, connect: StoreOpener, now: Store, then: Store
) -> None:
    """At once, not when the first level is read."""
    if isinstance(now, MemoryStore):
        now.database.compact()
    else:
        server: EtcdServer = request.getfixturevalue("shared_etcd")
        await asyncio.to_thread(server.ctl, "compaction", str(await now.ping()))
    with pytest.raises(Compacted):
        async with connect(int(then.snapshot.removeprefix("revision "))):
            pass


async def test_revision_in_the_future_is_refused(connect: StoreOpener, now: Store) -> None:
    newest = await now.ping()
    assert isinstance(newest, int)
    with pytest.raises(ExplorerError, match="in the future"):
        async with connect(newest + 1000) as store:
            await store.list("")


@pytest.mark.parametrize("revision", ["0", "x", "-1", "1.5", ""])
def test_text_that_is_no_revision_is_refused(revision: str) -> None:
    with pytest.raises(InvalidAddress, match="is no revision"):
        explorer.open(f"etcd://127.0.0.1/?revision={revision}")


def test_store_without_history_says_so() -> None:
    with pytest.raises(CallNotSupported, match="consul cannot show an earlier revision"):
        explorer.open("consul://127.0.0.1/?revision=5")


@pytest.mark.parametrize(
    ("side", "parts"),
    [
        ("etcd://h/a/@57", ("etcd://h/a/", 57)),
        ("etcd://h/@57", ("etcd://h/", 57)),
        ("etcd://user:p@ss@h/@57", ("etcd://user:p@ss@h/", 57)),
        ("etcd://user:pw@57", ("etcd://user:pw@57", None)),
        ("etcd://h@57", ("etcd://h", 57)),
        ("etcd://h:2379,[::1]:2379@57", ("etcd://h:2379,[::1]:2379", 57)),
        ("etcd://u:p@h:2379@57", ("etcd://u:p@h:2379@57", None)),
        ("etcd://u:p@h/a", ("etcd://u:p@h/a", None)),
        ("@prod@57", ("@prod", 57)),
        ("@prod", ("@prod", None)),
        ("etcd://h/a@x", ("etcd://h/a@x", None)),
    ],
)
def test_side_is_split_into_url_and_revision(side: str, parts: tuple[str, int | None]) -> None:
    assert split_revision(side) == parts
