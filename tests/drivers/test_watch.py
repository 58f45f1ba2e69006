"""Watches over a fake source of events."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

import pytest

from explorer.drivers.common.feed import MAX_PENDING_BYTES, MAX_PENDING_EVENTS, Feed
from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.watch import (
    MAX_PART_BYTES,
    MAX_PART_EVENTS,
    Differences,
    Watch,
    watch_with_reconnect,
)
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Forbidden, NotReachable
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from tests.contract.fixtures import take_events

Script = list[Iterable[Event] | Exception]


class Source:
    """A fake: each attempt plays the next script, and then stays connected in silence."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.backoff = Backoff(initial=0.001, maximum=0.001)
        self.tasks = Tasks()

    def watch(self) -> Watch:
        return Watch(self.tasks, self._produce, name="test")

    async def _produce(self, feed: Feed) -> None:
        await watch_with_reconnect(feed, self._attempt, backoff=self.backoff)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        for step in self.scripts.pop(0):
            if isinstance(step, Exception):
                raise step
            yield step
        await asyncio.Event().wait()


_CONNECTION_LOST = NotReachable("the cable is out")


async def test_watch_after_lost_connections_is_restored_once() -> None:
    """A connection that came back is restored once."""
    source = Source(
        [[Started(1)], _CONNECTION_LOST], [_CONNECTION_LOST], [_CONNECTION_LOST], [[Started(1)], [Deleted("key", 2)]]
    )
    async with source.watch() as events:
        assert await take_events(events, 4) == [Started(1), Lost("the cable is out"), Restored(1), Deleted("key", 2)]


async def test_resync_replaces_restored_and_resets_the_backoff() -> None:
    """A Resync takes the place of Restored, and the backoff starts from the beginning."""
    source = Source([[Started(1)], _CONNECTION_LOST], [_CONNECTION_LOST], [[Resync("compacted", 1, 5)]])
    async with source.watch() as events:
        assert await take_events(events, 3) == [Started(1), Lost("the cable is out"), Resync("compacted", 1, 5)]
        assert source.backoff.tries == 0


async def test_first_failure_is_raised_to_the_caller() -> None:
    """A failure before the watch is established is not retried."""
    with pytest.raises(NotReachable, match="the cable is out"):
        async with Source([_CONNECTION_LOST]).watch():
            pass


async def test_watch_ended_by_a_final_error_raises_it_at_each_read() -> None:
    """An error that a retry cannot solve ends the watch, and each later read raises it, too."""
    source = Source([[Started(1)], [Deleted("key", 2)], Forbidden("no")])
    async with source.watch() as events:
        assert await take_events(events, 2) == [Started(1), Deleted("key", 2)]
        for _ in range(2):
            with pytest.raises(Forbidden):
                await take_events(events, 1)
    assert len(source.tasks) == 0


class LargeResponse:
    """A fake: a response with more events than a reader may lag behind; each is made when it is taken."""

    def __init__(self, count: int, value: bytes = b"") -> None:
        self.count = count
        self.made = 0
        self._value = value

    def __iter__(self) -> Iterator[Event]:
        for revision in range(1, self.count + 1):
            self.made = revision
            yield Put(Entry("key", self._value, revision))


@pytest.mark.parametrize(
    ("value", "most"),
    [(b"", MAX_PENDING_EVENTS + MAX_PART_EVENTS), (b"x" * (1 << 20), (MAX_PENDING_BYTES + MAX_PART_BYTES) >> 20)],
    ids=["events", "bytes"],
)
async def test_large_response_is_converted_as_it_is_read(value: bytes, most: int) -> None:
    """However many events a store sends at once, few exist before the reader takes them, and none is lost."""
    response = LargeResponse(3 * most, value)
    async with Source([[Started(0)], response]).watch() as events:
        await asyncio.wait_for(_until_same(lambda: response.made), 10)
        assert 0 < response.made <= most
        for revision in range(response.count + 1):
            event = await anext(events)
            assert isinstance(event, Started | Put)
            assert event.revision == revision
            assert response.made <= revision + most


async def _until_same(read: Callable[[], int]) -> None:
    """Wait until a number stays the same while others run."""
    before, same = read(), 0
    while same < 10:
        await asyncio.sleep(0)
        same = same + 1 if read() == before else 0
        before = read()


async def test_watch_that_is_not_entered_cannot_be_read() -> None:
    """A watch that is not entered cannot be read."""
    with pytest.raises(RuntimeError, match="async with"):
        await anext(Source([[Started(1)]]).watch())


async def test_task_that_ended_is_forgotten() -> None:
    """A task that ended is removed from its owner."""
    tasks = Tasks()
    await asyncio.wait([tasks.start(asyncio.sleep(0), name="short")])
    await asyncio.sleep(0)
    assert len(tasks) == 0


def test_differences_are_new_changed_and_deleted_entries() -> None:
    """Entries known at the same revision are left out; deletions use the table as it is when they are read."""
    known: dict[str, Revision] = {"same": 1, "changed": 2, "gone": 3}
    same, changed, new = Entry("same", b"", 1), Entry("changed", b"", 4), Entry("new", b"", 5)
    differences = Differences(known)
    assert differences.puts([same, changed]) == [Put(changed, inferred=True)]
    assert differences.puts([new]) == [Put(new, inferred=True)]
    known["late"] = 4
    assert differences.deletions(revision=6) == [Deleted(key, 6, inferred=True) for key in ("gone", "late")]


def test_differences_by_another_rule_report_what_it_finds() -> None:
    """After a restore, revisions cannot be compared."""
    same = Entry("same", b"", 1)
    differences = Differences({"same": 1, "gone": 1}, lambda _: True)
    assert differences.puts([same]) == [Put(same, inferred=True)]
    assert differences.deletions(revision=None, present={"gone"}) == [Deleted("same", None, inferred=True)]
