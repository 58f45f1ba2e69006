"""The panes of locks and changes, as a page has them."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from explorer.blocking.portal import portal
from explorer.drivers.lock import Lock
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.events import Resync
from explorer.session.event_batch import EventBatch
from tests.servers.waiting import eventually
from tests.widgets.conftest import SharedMemory
from tests.widgets.fake_page import FakePage
from tests.widgets.test_flows import Reader, reader
from widgets import ChangeLog, Explorer, LockInspector

__all__ = ["reader"]

Make = Callable[..., Any]


class Holders:
    """Clients that take locks and queue for them."""

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        self._stack = AsyncExitStack()
        self._waiting: list[asyncio.Task[Lock]] = []

    def hold(self, name: str, ttl: float = 30.0) -> None:
        """Take a lock."""
        portal().run(self._hold(name, ttl))

    async def _hold(self, name: str, ttl: float) -> None:
        store = await self._stack.enter_async_context(MemoryStore(parse("memory:"), database=self._memory.database))
        await self._stack.enter_async_context(store.lock(name, ttl=ttl))

    def queue(self, name: str) -> None:
        """Queue for a lock that is held."""
        portal().run(self._queue(name))

    async def _queue(self, name: str) -> None:
        store = await self._stack.enter_async_context(MemoryStore(parse("memory:"), database=self._memory.database))
        before = len((await store.locks())[0].waiters)
        self._waiting.append(asyncio.create_task(store.lock(name).__aenter__()))

        async def is_queued() -> bool:
            return len((await store.locks())[0].waiters) > before

        await eventually(is_queued, "the client is in the queue")

    def close(self) -> None:
        """Release all locks, and leave all queues."""
        portal().run(self._close())

    async def _close(self) -> None:
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await self._stack.aclose()


@pytest.fixture
def holders(memory: SharedMemory) -> Generator[Holders]:
    """Return clients that take locks of the shared database."""
    made = Holders(memory)
    yield made
    made.close()


def test_locks_pane_has_holder_and_waiters_in_order(make: Make, holders: Holders) -> None:
    """The holder comes with a fence and the moment at which its session ends, which the page counts down to."""
    holders.hold("jobs/nightly")
    for _ in range(2):
        holders.queue("jobs/nightly")
    page = FakePage(make(LockInspector, "memory:"))
    locks = page.open("locks")
    page.wait(lambda: len(locks.rows) == 4, "a lock with holder and two waiters")
    lock, holder, first, second = locks.rows
    assert (lock["name"], lock["state"]) == ("jobs/nightly", "2 waiting")
    assert [row["sign"] for row in (lock, holder, first, second)] == ["", "●", "1.", "2."]
    assert 0 < holder["expires"] <= 30
    assert holder["expired"] == "expires now unless renewed"
    assert holder["fence"].startswith("fence ")
    assert locks.head["title"] == "1 held, 2 waiting"


def test_locks_cursor_stays_on_its_contender(make: Make, holders: Holders) -> None:
    """A lock that comes first moves the cursor's row; its facts are those of the same waiter."""
    holders.hold("m")
    holders.queue("m")
    page = FakePage(make(LockInspector, "memory:"))
    locks = page.open("locks")
    page.wait(lambda: len(locks.rows) == 3, "the lock")
    page.perform("bottom", "locks")
    page.wait(lambda: locks.cursor == 2, "the waiter is the current row")
    facts = locks.head["facts"]
    assert any(line.startswith("waiter 1: m/") for line in facts)
    holders.hold("a")
    page.wait(lambda: locks.cursor == 4, "the waiter's row moves")
    assert locks.head["facts"] == facts


def test_show_on_a_lock_goes_to_its_key(make: Make, holders: Holders) -> None:
    """The view that asked focuses its tree; the tree has the contender's key selected."""
    holders.hold("jobs/nightly")
    page = FakePage(make(Explorer, "memory:"))
    tree, locks = page.open("tree"), page.open("locks")
    page.wait(lambda: len(locks.rows) == 2, "the lock")
    page.perform("down", "locks")
    page.perform("show", "locks")
    page.wait_message("focus", pane="tree")
    page.wait(lambda: tree.head["selected"].startswith("jobs/nightly/"), "the key is selected")


def test_locks_pane_says_why_there_are_none(make: Make, memory: SharedMemory) -> None:
    memory.put("a")
    page = FakePage(make(LockInspector, "memory:"))
    locks = page.open("locks")
    page.wait(lambda: locks.head["notice"] == "nobody holds a lock or waits for one", "a notice")


def test_changes_are_newest_first(make: Make, memory: SharedMemory) -> None:
    page = FakePage(make(ChangeLog, "memory:"))
    changes = page.open("changes")
    assert changes.head["notice"] == "no changes since this was opened"
    page.wait_message("status", status="LIVE")
    memory.put("a", b"one")
    page.wait(lambda: len(changes.rows) == 1, "the first change")
    memory.delete("a")
    page.wait(lambda: len(changes.rows) == 2, "the second change")
    assert [(row["sign"], row["key"]) for row in changes.rows] == [("-", "a"), ("+", "a")]
    assert "one" in changes.rows[1]["details"]
    assert (changes.head["title"], changes.head["notice"]) == ("2", "")


def test_changes_keep_their_place_below_newer_ones(make: Make, memory: SharedMemory) -> None:
    """A window further down moves with its rows; the cursor stays on its entry, or at the top on the newest."""
    page = FakePage(make(ChangeLog, "memory:"))
    page.wait_message("status", status="LIVE")
    changes = page.open("changes", rows=10)

    def write(start: int, stop: int) -> None:
        for number in range(start, stop):
            memory.put(f"k{number:02}")

    write(0, 30)
    page.wait(lambda: changes.total == 30, "the changes")
    assert changes.cursor == 0
    page.open("changes", start=15, rows=10)
    page.perform("down", "changes", times=17)
    page.wait(lambda: changes.cursor == 17, "the cursor moves")
    keys = [row["key"] for row in changes.rows]
    write(30, 35)
    page.wait(lambda: changes.total == 35, "newer changes")
    assert (changes.start, changes.cursor) == (20, 22)
    assert [row["key"] for row in changes.rows] == keys
    page.perform("top", "changes")
    page.wait(lambda: changes.cursor == 0, "the cursor is on the newest")
    write(35, 36)
    page.wait(lambda: changes.total == 36, "a newer change")
    assert changes.cursor == 0


def test_changes_count_what_was_coalesced_and_dropped(
    make: Make, memory: SharedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.session.view_model.ChangeLog", _short_log)
    page = FakePage(make(ChangeLog, "memory:"))
    page.wait_message("status", status="LIVE")
    changes = page.open("changes")

    async def write(store: MemoryStore) -> None:
        for _ in range(3):
            await store.put("hot", b"1")

    memory.run(write)
    page.wait(lambda: any(row["counts"] == "3x" for row in changes.rows), "the changes of one frame in one row")
    for number in range(6):
        memory.put(f"k{number}")
    page.wait(lambda: changes.head["title"] == "5, 2 older ones dropped", "the title")
    page.perform("bottom", "changes")
    page.wait(lambda: changes.cursor == 4, "the cursor is on the oldest")
    memory.put("one more")
    page.wait(lambda: changes.head["title"] == "5, 3 older ones dropped", "the oldest is dropped")
    assert changes.cursor == 4


def _short_log() -> object:
    from explorer.session.change_log import ChangeLog as Log  # noqa: PLC0415 - the widget has the name here

    return Log(capacity=5)


def test_gap_is_a_row_of_its_own(make: Make, memory: SharedMemory) -> None:
    memory.put("a")
    widget = make(ChangeLog, "memory:")
    page = FakePage(widget)
    page.wait_message("status", status="LIVE")
    changes = page.open("changes")
    session = widget._live.session  # noqa: SLF001 - a store without gaps has none to report
    gap = Resync("history was compacted", None, None)

    async def report() -> None:
        session._view_model.apply(EventBatch([gap]), [])  # noqa: SLF001 - see above

    portal().run(report())
    page.wait(lambda: bool(changes.rows), "the gap")
    assert changes.rows[0]["sign"] == "≠"
    assert changes.rows[0]["text"] == "gap: history was compacted"
    page.perform("show", "changes")
    page.perform("up", "changes")
    page.wait(lambda: changes.reveals >= 2, "nothing to go to")
    assert not [one for one in page.messages if one["type"] == "focus"]


def test_deleted_key_comes_back_from_the_change_log(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    """The editor has the value of a key that the tree no longer has."""
    page = reader("a", "b")
    changes = page.open("changes")
    page.open("edit")
    page.wait_message("status", status="LIVE")
    memory.delete("b")
    page.wait(lambda: len(changes.rows) == 1, "the deletion")
    page.perform("restore-change", "changes")
    (option,) = page.question("Bring back which value?")["options"]
    page.choose("Bring back which value?", option["title"])
    page.wait(lambda: page.list("edit").head.get("edit", 0) > 0, "the editor is open")
    assert page.list("edit").head["heading"].startswith("b  (new")
