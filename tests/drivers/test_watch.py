"""What all drivers' watches share, over a source of events that does as it is told."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

import pytest

from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.watch import Feed, Watch, watch_with_reconnect
from explorer.model.errors import Forbidden, NotReachable
from explorer.model.events import Deleted, Event, Lost, Restored, Resync, Started
from tests.contract.fixtures import take

Script = list[list[Event] | Exception]


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


_GONE = NotReachable("the cable is out")


async def test_a_connection_that_came_back_is_restored_once() -> None:
    source = Source([[Started(1)], _GONE], [_GONE], [_GONE], [[Started(1)], [Deleted("key", 2)]])
    async with source.watch() as events:
        assert await take(events, 4) == [Started(1), Lost("the cable is out"), Restored(1), Deleted("key", 2)]


async def test_a_resync_stands_for_a_restoration_and_starts_the_pauses_again() -> None:
    source = Source([[Started(1)], _GONE], [_GONE], [[Resync("compacted", 1, 5)]])
    async with source.watch() as events:
        assert await take(events, 3) == [Started(1), Lost("the cable is out"), Resync("compacted", 1, 5)]
        assert source.backoff.tries == 0


async def test_the_first_failure_is_the_callers() -> None:
    with pytest.raises(NotReachable, match="the cable is out"):
        async with Source([_GONE]).watch():
            pass


async def test_what_trying_again_would_not_mend_ends_the_watch_again_and_again() -> None:
    source = Source([[Started(1)], [Deleted("key", 2)], Forbidden("no")])
    async with source.watch() as events:
        assert await take(events, 2) == [Started(1), Deleted("key", 2)]
        for _ in range(2):
            with pytest.raises(Forbidden):
                await take(events, 1)
    assert len(source.tasks) == 0


async def test_a_watch_that_is_not_entered_cannot_be_read() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await anext(Source([[Started(1)]]).watch())


async def test_a_task_that_ended_by_itself_is_owned_no_longer() -> None:
    tasks = Tasks()
    await asyncio.wait([tasks.start(asyncio.sleep(0), name="short")])
    await asyncio.sleep(0)
    assert len(tasks) == 0
