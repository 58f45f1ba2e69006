"""Feed: a bounded queue of events from the task that produces a watch to its reader."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final

from explorer.model.errors import NotReachable
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)

MAX_PENDING_EVENTS: Final = 4096
"""Events that a reader may lag behind before the driver stops reading from the store, which then keeps them."""
MAX_PENDING_BYTES: Final = 32 << 20
"""Bytes of values in them from which on it stops, too."""


class Feed:
    """The producer's end of a watch.

    Args:
        capacity: Pending events from which on the producer waits for the reader.
        name: Name of the watch in the log.
    """

    def __init__(self, capacity: int = MAX_PENDING_EVENTS, *, name: str = "watch") -> None:
        self._name = name
        self._capacity = capacity
        self._events: deque[Event] = deque()
        self._bytes = 0
        """Bytes of the values in the pending events."""
        self._not_empty = asyncio.Event()
        self._progress = asyncio.Event()
        self._reader_waits = False

    async def put(self, events: Iterable[Event]) -> None:
        """Append events, and wait while the reader is too far behind."""
        count = len(self._events)
        for event in events:
            self._events.append(event)
            self._bytes += value_bytes(event)
        if len(self._events) > count:
            _log_events(self._name, islice(self._events, count, None))
        if self._events:
            self._not_empty.set()
        while len(self._events) >= self._capacity or self._bytes >= MAX_PENDING_BYTES:
            await self._next_progress()

    async def caught_up(self) -> None:
        """Wait until the reader has processed every event: it has taken them all and waits for the next one."""
        while self._events or not self._reader_waits:
            await self._next_progress()

    async def _next_progress(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    async def get(self, producer: asyncio.Task[None]) -> Event:
        """Return the next event, or raise the error that ended the producer."""
        while (event := self.get_now()) is None:
            if producer.done():
                raise _failure(producer)
            self._not_empty.clear()
            self._reader_waits = True
            self._progress.set()
            try:
                await self._not_empty.wait()
            finally:
                self._reader_waits = False
        return event

    def get_now(self) -> Event | None:
        """Return the next event; None if there is none yet."""
        if not self._events:
            return None
        event = self._events.popleft()
        self._bytes -= value_bytes(event)
        self._progress.set()
        return event

    def wake(self, _producer: asyncio.Task[None]) -> None:
        """Wake the reader, because the producer has ended."""
        self._not_empty.set()


def value_bytes(event: Event) -> int:
    """Return the bytes of the values in an event."""
    if isinstance(event, Put):
        value, previous = event.entry.value, event.previous
    elif isinstance(event, Deleted):
        value, previous = None, event.previous
    else:
        return 0
    return len(value or b"") + len((previous and previous.value) or b"")


def _log_events(name: str, events: Iterable[Event]) -> None:
    """Log the state changes of a watch and the number of its other events."""
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


def _failure(producer: asyncio.Task[None]) -> BaseException:
    error = None if producer.cancelled() else producer.exception()
    return error or NotReachable("the store was closed while it was watched")
