"""A session connects in the background, tells what changed once per frame, loses nothing and leaves nothing behind."""

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.drivers.base import Store
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.errors import (
    CallNotSupported,
    ExplorerError,
    Forbidden,
    InvalidAddress,
    NotReachable,
    Timeout,
    TlsFailed,
    Unauthenticated,
)
from explorer.session.change_log import ChangeKind
from explorer.session.commands import ACTIONS
from explorer.session.notifier import FRAME_INTERVAL
from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Part, newest
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, Place, SteppedClock, live, opened


def names(session: Session) -> list[str]:
    return [session.tree.rows.key(line.row) for line in session.tree.rows.window(0, len(session.tree.rows))]


def _more(stores: Sequence[Store], before: int) -> bool:
    return len(stores) > before


class Wall(MemoryStore):
    """A store that never answers at opening: the packets go nowhere."""

    async def connect(self) -> None:
        await asyncio.Event().wait()


async def test_enter_does_not_wait_for_the_store() -> None:
    async with Session(lambda: Wall(parse("memory:far/away/")), Codecs(), writable=True) as session:
        await asyncio.sleep(0)
        assert session.liveness.status is LivenessStatus.DISCONNECTED
        assert session.liveness.reason == "connecting"
        assert session.disabled_reason("new") == "not connected: not connected yet"
        await eventually(lambda: session.address == "memory:///far/away/", "the address is shown", PATIENCE)


def test_newest_ignores_a_revision_of_one_entry() -> None:
    assert [newest(None, 3), newest(3, 5), newest(5, 3), newest(5, None)] == [3, 5, 5, 5]
    assert newest(None, "0x1:0") is None
    assert newest(5, "0x1:0") == 5


async def test_session_uses_one_connection() -> None:
    place = Place()
    async with opened(place) as session:
        await session.run("reload")
        await live(session)
        assert len(place.stores) == 1


@pytest.mark.parametrize("error", [NotReachable("connection refused"), Timeout("no answer in time")])
async def test_unreachable_store_is_retried_with_backoff(error: ExplorerError) -> None:
    clock = SteppedClock()
    place = Place(clock)
    place.refusal = error
    async with Session(place.connect, Codecs(), clock=clock) as session:
        pauses = []
        for _ in range(6):
            tries = len(place.stores)
            await eventually(lambda: session.liveness.next_try is not None, "the next try is planned", PATIENCE)
            liveness = session.liveness
            assert (liveness.status, liveness.reason) == (LivenessStatus.DISCONNECTED, error.message)
            assert session.connection.error is error
            pause = liveness.retry_in(clock.now())
            assert pause is not None
            pauses.append(pause)
            await clock.advance(pause)
            await eventually(partial(_more, place.stores, tries), "it is tried again", PATIENCE)
        assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
        place.refusal = None
        await clock.advance(10.0)
        await live(session)
        assert session.connection.error is None


@pytest.mark.parametrize(
    "error",
    [Unauthenticated("no"), Forbidden("no"), TlsFailed("no"), InvalidAddress("no")],
    ids=lambda e: type(e).__name__,
)
async def test_permanent_error_waits_for_reload(error: ExplorerError) -> None:
    clock = SteppedClock()
    place = Place(clock)
    place.refusal = error
    async with Session(place.connect, Codecs(), clock=clock) as session:
        await session.idle()
        assert session.liveness.next_try is None
        await clock.advance(3600)
        assert len(place.stores) == 1
        place.refusal = None
        await session.run("reload")
        await live(session)


async def test_failing_store_factory_waits_for_reload() -> None:
    def fails() -> Store:
        raise InvalidAddress("no such file: ca.pem")

    async with Session(fails, Codecs()) as session:
        await session.idle()
        assert session.liveness.reason == "no such file: ca.pem"
        assert session.address == ""


async def test_tree_shows_and_follows_the_store() -> None:
    place = Place()
    async with place.other() as other:
        await other.put("a/b", b"1")
        async with opened(place) as session:
            assert names(session) == ["a"]
            await other.put("c", b"2")
            await eventually(lambda: names(session) == ["a", "c"], "the new key is shown", PATIENCE)
            await other.delete("a/b")
            await eventually(lambda: session.tree.node("a") is None, "the folder is gone", PATIENCE)


async def test_separator_is_that_of_the_store() -> None:
    def connect() -> Store:
        return MemoryStore(parse("memory:?separator=:"), database=place.keyspace)

    place = Place()
    async with place.other() as other:
        await other.put("a:b", b"1")
        async with Session(connect, Codecs()) as session:
            await live(session)
            assert names(session) == ["a"]


def counted(session: Session) -> int:
    """Return the number of changes that the change log counts."""
    return sum(change.count for change in session.changes.last(10_000))


async def test_views_are_notified_once_per_frame() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        notified = list[tuple[float, Part]]()
        clock = asyncio.get_running_loop().time
        begun = clock()
        session.subscribe(lambda part: notified.append((clock(), part)))
        for number in range(5000):
            await other.put(f"key-{number % 50}", str(number).encode())
            if number % 100 == 0:
                await asyncio.sleep(0)
        await eventually(lambda: counted(session) == 5000, "everything was heard", PATIENCE)
        await session.idle()
        frames = (clock() - begun) / FRAME_INTERVAL + 2
        assert len(notified) <= frames
        assert counted(session) == 5000
        assert len(session.tree.rows) == 50
        assert session.connection.event_rate > 0


@pytest.mark.heavy
async def test_slow_subscriber_loses_nothing() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:

        def slow(_: Part) -> None:
            threading.Event().wait(0.05)

        session.subscribe(slow)
        for number in range(60_000):
            place.keyspace.put(f"key-{number % 500}".encode(), b"value")
            if number % 5000 == 0:
                await asyncio.sleep(0)
        last = await other.put("last", b"")
        await eventually(lambda: session.tree.node("last") is not None, "the last is shown", PATIENCE)
        await eventually(lambda: session.connection.revision == last.revision, "its event came", PATIENCE)
        await eventually(lambda: counted(session) == 60_001 or bool(session.changes.dropped), "each counts", PATIENCE)


async def test_unsubscribe_ends_notifications() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        notified = list[Part]()
        end = session.subscribe(notified.append)
        end()
        end()
        await other.put("a", b"")
        await eventually(lambda: session.tree.node("a") is not None, "it is shown", PATIENCE)
        assert not notified


async def test_freeze_holds_the_display_and_loses_nothing() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await session.run("freeze")
        assert session.liveness.reason == "frozen: f resumes"
        for number in range(1000):
            await other.put(f"key-{number}", b"")
        await asyncio.sleep(3 * FRAME_INTERVAL)
        assert len(session.tree.rows) == 0
        await session.run("freeze")
        await eventually(lambda: len(session.tree.rows) == 1000, "all is shown", PATIENCE)
        await live(session)
        assert session.changes.total >= 1000


async def test_compacted_history_is_a_gap_and_is_resynced() -> None:
    """The session is not live before everything was read again."""
    place = Place()
    async with place.other() as other:
        await other.put("kept", b"")
        await other.put("gone", b"")
        async with opened(place) as session:
            place.stores[0].cut("away")
            await eventually(lambda: session.liveness.status is LivenessStatus.STALE, "the loss is told", PATIENCE)
            await other.delete("gone")
            await other.put("new", b"")
            place.keyspace.compact()
            seen = list[tuple[LivenessStatus, list[str]]]()
            session.subscribe(lambda _: seen.append((session.liveness.status, names(session))))
            place.stores[0].mend()
            await live(session)
            assert {session.tree.node(name) is not None for name in ("kept", "new")} == {True}
            assert session.tree.node("gone") is None
            kinds = [change.kind for change in session.changes.last(3)]
            assert kinds[:2] == [ChangeKind.LOST, ChangeKind.GAP]
            assert all("new" in shown for standing, shown in seen if standing is LivenessStatus.LIVE)


async def test_inferred_events_are_not_in_the_rate() -> None:
    """A store that was restored seemed to change two thousand times a second."""
    place = Place()
    async with place.other() as other, opened(place) as session:
        place.stores[0].cut("away")
        await eventually(lambda: session.liveness.status is LivenessStatus.STALE, "the loss is told", PATIENCE)
        for number in range(200):
            await other.put(f"key-{number}", b"")
        place.keyspace.compact()
        place.stores[0].mend()
        await live(session)
        assert session.changes.total >= 200
        assert session.connection.event_rate < 10


class Mute(MemoryStore):
    """A store that tells no changes, as none does yet."""

    capabilities = MemoryStore.capabilities & ~MemoryStore.capabilities.WATCH
    unsupported_reasons = {MemoryStore.capabilities.WATCH: "files tell nobody"}  # noqa: RUF012 - as the contract has it


@pytest.mark.heavy
async def test_store_without_watch_is_polled() -> None:
    place = Place()
    async with (
        place.other() as other,
        Session(lambda: Mute(parse("memory:"), database=place.keyspace), Codecs()) as session,
    ):
        await live(session)
        assert session.liveness.reason == "read again every 3 s: files tell nobody"
        await other.put("new", b"")
        await eventually(lambda: session.tree.node("new") is not None, "it is found", PATIENCE)


class Reserved(MemoryStore):
    """A store whose user may not watch everything."""

    def watch_tree(self, prefix: str, **_: object) -> object:  # type: ignore[override]  # it only raises
        raise Forbidden("the user may not do this", key=prefix)


async def test_forbidden_watch_is_shown_and_polled() -> None:
    place = Place()
    async with (
        place.other() as other,
        Session(lambda: Reserved(parse("memory:"), database=place.keyspace), Codecs()) as session,
    ):
        await other.put("key", b"")
        await live(session)
        assert isinstance(session.liveness.refusal, Forbidden)
        assert session.tree.node("key") is not None


async def test_exit_leaves_no_task(tmp_path: Path) -> None:
    tasks, threads = asyncio.all_tasks(), threading.active_count()
    place = Place()
    async with place.other() as other:
        await other.put("large", b"x" * 200_000)
        before = len(asyncio.all_tasks())
        for _ in range(5):
            async with opened(place, drafts=tmp_path) as session:
                session.select("large")
                await session.idle()
                session.edit().set_text("y")
            assert len(asyncio.all_tasks()) == before
    assert asyncio.all_tasks() == tasks
    await eventually(lambda: threading.active_count() <= threads, "threads have ended", PATIENCE)
    assert all(store.connection.down_reason == "the store is closed" for store in place.stores)


async def test_exit_while_connecting() -> None:
    tasks = asyncio.all_tasks()
    async with Session(lambda: Wall(parse("memory:")), Codecs()):
        pass
    assert asyncio.all_tasks() == tasks


async def test_exception_of_the_block_is_raised_unchanged() -> None:
    with pytest.raises(KeyError):
        async with opened(Place()):
            raise KeyError


async def test_disabled_action_raises_its_reason() -> None:
    async with opened(Place(), writable=False) as session:
        with pytest.raises(CallNotSupported, match="no key is selected"):
            session.edit()
        session.select("a")
        with pytest.raises(CallNotSupported, match="read-only: w unlocks writing"):
            session.edit()
        with pytest.raises(CallNotSupported, match="read-only: w unlocks writing"):
            await session.create("b")
        with pytest.raises(CallNotSupported, match="read-only"):
            await session.preview_deletion("a", subtree=False)
        await session.run("writing")
        assert (await session.create("b")).key == "b"


async def test_toggle_writable_of_a_read_only_session_is_refused() -> None:
    """A profile can say that nothing is written."""
    place = Place()
    async with Session(place.connect, Codecs(), read_only="its profile says so", clock=place.clock) as session:
        with pytest.raises(CallNotSupported, match="its profile says so"):
            await session.run("writing")
        assert not session.writable


async def test_reload_connects_to_a_moved_store() -> None:
    """The watch itself raised what only a person can mend."""
    place = Place()
    async with opened(place) as session:
        place.refusal = Unauthenticated("the store refuses user and password")
        await place.stores[0].close()
        refused = "not connected: the store refuses user and password"
        await eventually(lambda: session.disabled_reason("new") == refused, "the refusal is told", PATIENCE)
        assert session.liveness.next_try is None
        place.refusal = None
        await session.run("reload")
        await live(session)


async def test_disabled_reason_names_the_remapped_key() -> None:
    """Where another key unlocks writing, it is the one that is named."""
    for keys, words in (("f9",), "f9 unlocks writing"), ((), "the command Writing unlocks writing"):
        async with Session(Place().connect, Codecs(), actions=ACTIONS.with_keys({"writing": keys})) as session:
            await session.idle()
            session.select("key")
            assert session.disabled_reason("delete") == f"read-only: {words}"


async def test_lookup_with_another_separator_finds_the_key() -> None:
    """The tree is replaced once the store's separator is known; a typed key is looked up in the new one."""
    place = Place()

    def connect() -> Store:
        return MemoryStore(parse("memory:?separator=:"), database=place.keyspace)

    async with place.other() as other, Session(connect, Codecs()) as session:
        await other.put("a:b:key", b"value")
        await live(session)
        node = await asyncio.wait_for(session.lookup.reveal("a:b:key"), PATIENCE)
        assert node is not None
        assert session.tree.rows.key(node) == "a:b:key"
        assert session.tree.rows.row_of(node) == 2
