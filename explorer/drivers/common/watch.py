"""How all drivers tell events: a bounded feed from one producing task to one reader, and going on after a loss."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, suppress
from itertools import islice
from types import TracebackType
from typing import Final, Self

from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.tasks import Tasks
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)

CAPACITY = 4096
"""Events a reader may lag behind before the driver stops reading from the store (which then keeps them for it)."""


class Feed:
    """The producer's end of a watch.

    Args:
        capacity: Events that wait for the reader before the producer waits, too.
        name: What is watched, for the log.
    """

    def __init__(self, capacity: int = CAPACITY, *, name: str = "watch") -> None:
        self._name = name
        self._capacity = capacity
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()
        self._progress = asyncio.Event()
        self._reader_waits = False

    async def tell(self, events: Iterable[Event]) -> None:
        """Hand over events, in order; waits while the reader is too far behind."""
        begun = len(self._events)
        self._events.extend(events)
        if len(self._events) > begun:
            _log_events(self._name, islice(self._events, begun, None))
        if self._events:
            self._news.set()
        while len(self._events) >= self._capacity:
            await self._next_progress()

    async def caught_up(self) -> None:
        """Wait until the reader has taken every event and come back for more: what it folded is then up to date."""
        while self._events or not self._reader_waits:
            await self._next_progress()

    async def _next_progress(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    async def take(self, producer: asyncio.Task[None]) -> Event:
        """Take the next event, or raise what the producer ended with."""
        while not self._events:
            if producer.done():
                raise _end_of(producer)
            self._news.clear()
            self._reader_waits = True
            self._progress.set()
            try:
                await self._news.wait()
            finally:
                self._reader_waits = False
        event = self._events.popleft()
        self._progress.set()
        return event

    def wake(self, _producer: asyncio.Task[None]) -> None:
        """Let the reader look again: the producer has ended."""
        self._news.set()


def _log_events(name: str, events: Iterable[Event]) -> None:
    """Log what happened to a watch, and how many changes it brought."""
    if not _LOG.isEnabledFor(logging.INFO):
        return
    name, changes = sanitize(name), 0
    for event in events:
        match event:
            case Started(revision=revision):
                _LOG.info("%s: started at revision %s", name, sanitize(str(revision)))
            case Lost(reason=reason):
                _LOG.info("%s: lost: %s", name, sanitize(reason))
            case Restored(revision=revision):
                _LOG.info("%s: restored at revision %s", name, sanitize(str(revision)))
            case Resync(reason=reason, revision=revision):
                _LOG.info("%s: resync at revision %s: %s", name, sanitize(str(revision)), sanitize(reason))
            case _:
                changes += 1
    if changes:
        _LOG.debug("%s: %d changes", name, changes)


def _end_of(producer: asyncio.Task[None]) -> BaseException:
    error = None if producer.cancelled() else producer.exception()
    return error or NotReachable("the store was closed while it was watched")


class Watch(AsyncIterator[Event]):
    """A watch: entered, it is established; read, it tells events; left, nothing of it remains.

    It ends only by an error, which it raises to its reader (again at each further read). A read that is cancelled, by
    a time limit say, loses no event.
    """

    def __init__(self, tasks: Tasks, produce: Callable[[Feed], Awaitable[None]], *, name: str) -> None:
        self._tasks = tasks
        self._produce = produce
        self._name = name
        self._feed = Feed(name=name)
        self._producer: asyncio.Task[None] | None = None
        self._first: Event | None = None

    async def __aenter__(self) -> Self:
        self._producer = self._tasks.start(self._run(), name=self._name)
        self._producer.add_done_callback(self._feed.wake)
        try:
            self._first = await self._feed.take(self._producer)
        except BaseException:
            await self._tasks.end(self._producer)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._producer is not None:
            await self._tasks.end(self._producer)
            _LOG.debug("%s: ended", sanitize(self._name))

    async def __anext__(self) -> Event:
        if self._producer is None:
            message = "a watch is read inside its `async with` block"
            raise RuntimeError(message)
        if self._first is not None:
            event, self._first = self._first, None
            return event
        return await self._feed.take(self._producer)

    async def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            await self._produce(self._feed)
            return
        # A new one, without the traceback: a task keeps it, and with it every connection that its frames know.
        raise asyncio.CancelledError


Attempt = Callable[[], AsyncGenerator[Iterable[Event], None]]
"""One connection of a watch.

It remembers how far it told, tells `Started` as soon as it is established, and fails when the connection does.
"""


async def watch_with_reconnect(feed: Feed, attempt: Attempt, *, backoff: Backoff | None = None) -> None:
    """Keep a watch going over any number of connections, and say what happened in between.

    An attempt that fails in a way that may pass is told once as `Lost` and made again; established again it is told as
    `Restored`, unless it told a `Resync` itself. The first attempt's failure is the caller's.

    Raises:
        ExplorerError: What an attempt failed with and trying again would not mend.
    """
    pauses = backoff or Backoff()
    started = lost = False
    while True:
        try:
            async with aclosing(attempt()) as batches:
                async for batch in batches:
                    events: list[Event] = []
                    for event in batch:
                        match event:
                            case Started() if not started:
                                started = True
                                pauses.reset()
                                events.append(event)
                            case Started(revision=revision):
                                pauses.reset()
                                if lost:
                                    events.append(Restored(revision))
                                lost = False
                            case Resync():
                                pauses.reset()
                                lost = False
                                events.append(event)
                            case _:
                                events.append(event)
                    await feed.tell(events)
            trouble = "the store ended the watch"
        except ExplorerError as caught:
            if not (started and caught.retryable):
                raise
            trouble = caught.message  # whoever watches knows what and where
        if not lost:
            lost = True
            await feed.tell([Lost(trouble)])
        pause = pauses.next_pause()
        _LOG.debug("watch: %s; next try in %.2f s", sanitize(trouble), pause)
        await asyncio.sleep(pause)


def differences(
    known: Mapping[str, Revision], found: Iterable[Entry], *, revision: Revision | None
) -> Iterable[Put | Deleted]:
    """Compare what a watcher knows with what was found when the state was read again; tell inferred events."""
    present = set()
    for entry in found:
        present.add(entry.key)
        if known.get(entry.key) != entry.revision:
            yield Put(entry, inferred=True)
    yield from vanished(known, present, revision=revision)


def vanished(known: Mapping[str, Revision], present: set[str], *, revision: Revision | None) -> Iterable[Deleted]:
    """Tell, as inferred events, which known keys are not among the present ones."""
    for key in known:
        if key not in present:
            yield Deleted(key, revision, inferred=True)
