"""Watches: a producing task and its reader, reconnection, and inferred events after a gap."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Final, Self

from explorer.drivers.common.error_context import error_context
from explorer.drivers.common.feed import Feed, value_bytes
from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.tasks import Tasks
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)

MAX_PART_EVENTS: Final = 512
"""Events of one response that are converted at once: a store that sends what was missed sends very many in one."""
MAX_PART_BYTES: Final = 4 << 20
"""Bytes of values from which on a part ends, too."""


def _parts(batch: Iterable[Event]) -> Iterator[list[Event]]:
    """Yield events in parts of a bounded size."""
    part: list[Event] = []
    size = 0
    for event in batch:
        part.append(event)
        size += value_bytes(event)
        if len(part) >= MAX_PART_EVENTS or size >= MAX_PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


class Watch(AsyncIterator[Event]):
    """A watch: an async context manager that establishes it, and an async iterator of its events.

    It ends only by an error, which every further read raises again. A read that is cancelled, for example by a
    timeout, loses no event.

    Args:
        tasks: Owner of the producing task.
        produce: Puts events into the feed until it is cancelled.
        name: Name of the task and of the watch in the log.
        address: The address for errors.
        key: The key or prefix for errors.
    """

    def __init__(
        self,
        tasks: Tasks,
        produce: Callable[[Feed], Awaitable[None]],
        *,
        name: str,
        address: str = "",
        key: str | None = None,
    ) -> None:
        self._tasks = tasks
        self._produce = produce
        self._name = name
        self._address = address
        self._key = key
        self._feed = Feed(name=name)
        self._producer: asyncio.Task[None] | None = None
        self._first: Event | None = None

    async def __aenter__(self) -> Self:
        self._producer = self._tasks.start(self._run(), name=self._name)
        self._producer.add_done_callback(self._feed.wake)
        try:
            self._first = await self._next(self._producer)
        except BaseException:
            await self._tasks.cancel(self._producer)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._producer is not None:
            await self._tasks.cancel(self._producer)
            _LOG.debug("%s: ended", sanitize(self._name))

    async def __anext__(self) -> Event:
        if self._producer is None:
            message = "a watch is read inside its `async with` block"
            raise RuntimeError(message)
        if self._first is not None:
            event, self._first = self._first, None
            return event
        return self._feed.get_now() or await self._next(self._producer)

    async def _next(self, producer: asyncio.Task[None]) -> Event:
        with error_context(self._address, self._key):
            return await self._feed.get(producer)

    async def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            await self._produce(self._feed)
            return
        # A new one, without the traceback: a task keeps it, and with it every connection that its frames know.
        raise asyncio.CancelledError


Attempt = Callable[[], AsyncGenerator[Iterable[Event], None]]
"""One connection of a watch.

It yields batches of events, `Started` first as soon as the watch is established, and fails when the connection does.
The next attempt resumes where the last one was.
"""


async def watch_with_reconnect(feed: Feed, attempt: Attempt, *, backoff: Backoff | None = None) -> None:
    """Keep a watch running over any number of connections, with events that say what happened in between.

    A retryable failure is reported once as `Lost`, and the attempt is repeated. When it succeeds, that is reported as
    `Restored`, unless the attempt reported a `Resync` itself. A failure of the first attempt is raised.

    Raises:
        ExplorerError: An attempt failed in a way that retrying does not mend.
    """
    pauses = backoff or Backoff()
    started = lost = False

    def reported(batch: Iterable[Event]) -> Iterator[Event]:
        nonlocal started, lost
        for event in batch:
            match event:
                case Started() if not started:
                    started = True
                    pauses.reset()
                    yield event
                case Started(revision=revision):
                    pauses.reset()
                    if lost:
                        yield Restored(revision)
                    lost = False
                case Resync():
                    pauses.reset()
                    lost = False
                    yield event
                case _:
                    yield event

    while True:
        try:
            async with aclosing(attempt()) as batches:
                async for batch in batches:
                    for part in _parts(reported(batch)):
                        await feed.put(part)
                        await asyncio.sleep(0)  # the reader takes them before the next are made
            reason = "the store ended the watch"
        except ExplorerError as error:
            if not (started and error.retryable):
                raise
            reason = error.message  # the watcher knows address and key
        if not lost:
            lost = True
            await feed.put([Lost(reason)])
        pause = pauses.next_pause()
        _LOG.debug("watch: %s; next try in %.2f s", sanitize(reason), pause)
        await asyncio.sleep(pause)


class ReconnectingWatch(ABC):
    """A driver's watch over any number of connections; `run` is what a `Watch` produces its events by."""

    _backoff: Backoff | None = None
    """Pauses between two connections; None for the usual ones."""
    _feed: Feed
    """The feed that the events go to; for `caught_up`. Set by `run`."""

    async def run(self, feed: Feed) -> None:
        """Put events into the feed until cancelled, or until the store refuses the watch."""
        self._feed = feed
        await watch_with_reconnect(feed, self._attempt, backoff=self._backoff)

    @abstractmethod
    def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        """Watch over one connection, see `Attempt`."""


class FixedWatch(ReconnectingWatch):
    """A watch of what does not change: an earlier revision.

    Args:
        revision: The revision.
        read: Returns the watched entry; None for a watch of a directory.
    """

    def __init__(self, revision: Revision, read: Callable[[], Awaitable[Entry | None]] | None = None) -> None:
        self._revision = revision
        self._read = read

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        yield [Started(self._revision, None if self._read is None else await self._read())]
        await asyncio.Event().wait()


class Differences:
    """Inferred events: what a watcher knows compared with the state that is read again, page by page.

    Args:
        known: Keys and revisions that the watcher knows; its live table may be given, and is read at each call.
        is_changed: Returns whether an entry has to be reported; None compares its revision with the known one.
    """

    def __init__(self, known: Mapping[str, Revision], is_changed: Callable[[Entry], bool] | None = None) -> None:
        self._known = known
        self._is_changed = is_changed or self._has_other_revision
        self.present: set[str] = set()
        """Keys of all pages so far."""

    def puts(self, page: Iterable[Entry]) -> list[Put]:
        """Return an inferred event for each changed entry of a page, and note all its keys as present."""
        events = []
        for entry in page:
            self.present.add(entry.key)
            if self._is_changed(entry):
                events.append(Put(entry, inferred=True))
        return events

    def deletions(self, *, revision: Revision | None, present: Collection[str] | None = None) -> list[Deleted]:
        """Return an inferred event for each known key that is gone.

        Args:
            revision: The revision of the state that was read.
            present: Keys that exist; None for those of the pages.
        """
        exists = self.present if present is None else present
        return [Deleted(key, revision, inferred=True) for key in self._known if key not in exists]

    def _has_other_revision(self, entry: Entry) -> bool:
        return self._known.get(entry.key) != entry.revision
