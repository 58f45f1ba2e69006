"""The verb `watch`, and the output of the command without a verb and a terminal."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.output import event_line, event_record, key_formatter
from explorer.cli.verbs.read import ls
from explorer.drivers.base import Store
from explorer.drivers.common.watch import Watch
from explorer.model.entries import Revision
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started

_MAX_QUEUED_EVENTS: Final = 1000
"""Events read ahead of the output, so that a burst is written at once."""


async def overview(store: Store, console: Console) -> None:
    """Print the top level of a store, then its events."""
    await ls(store, arguments.LsArguments(prefix="", recursive=False, values=False, limit=None), console)
    await watch(store, arguments.WatchArguments(prefix="", since=None, count=None, duration=None), console)


async def watch(store: Store, options: arguments.WatchArguments, console: Console) -> None:
    """Print the events of a key and of everything below it, until the count or the duration is reached.

    A note on standard error has the revision that the watch starts at.
    """
    async with AsyncExitStack() as stack:
        watches = [await stack.enter_async_context(one) for one in _watches(store, options)]
        time_limit = asyncio.timeout(options.duration)
        try:
            async with time_limit:
                await _print_events(watches, options, console)
        except TimeoutError:
            if not time_limit.expired():
                raise


def _watches(store: Store, options: arguments.WatchArguments) -> list[Watch]:
    """Return the watch below the prefix, and that of the key of the same name unless the prefix is a directory."""
    tree = store.watch_tree(options.prefix, since=options.since)
    if not options.prefix or options.prefix.endswith(store.separator):
        return [tree]
    return [store.watch(options.prefix, since=options.since), tree]


async def _print_events(watches: list[Watch], options: arguments.WatchArguments, console: Console) -> None:
    queue: asyncio.Queue[tuple[int, Event]] = asyncio.Queue(_MAX_QUEUED_EVENTS)
    merger = _WatchMerger(len(watches))
    count = 0
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(_read_events(source, events, queue)) for source, events in enumerate(watches)]
        while options.count is None or count < options.count:
            source, event = await queue.get()
            if isinstance(event, Started):
                if merger.add_start(source, event):
                    console.print_note(event_line(Started(merger.revision)))
                continue
            if merger.is_new(source, event):
                _print_event(event, options, console)
                count += isinstance(event, Put | Deleted)
            if queue.empty():
                console.flush()
        for reader in readers:
            reader.cancel()


async def _read_events(source: int, events: Watch, queue: asyncio.Queue[tuple[int, Event]]) -> None:
    async for event in events:
        await queue.put((source, event))


def _print_event(event: Event, options: arguments.WatchArguments, console: Console) -> None:
    if console.json:
        console.print_record(event_record(event))
    else:
        console.print_line(event_line(event, key_formatter(escaped=options.escaped)))


@dataclass(slots=True)
class _WatchMerger:
    """Merges watches of one store: they have different keys, but lose and restore the same connection."""

    sources: int
    revision: Revision | None = None
    """The earliest start."""
    started: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    last_resync: Resync | None = None

    def add_start(self, source: int, event: Started) -> bool:
        """Add the start of a watch, and return True if all have started."""
        before, now = self.revision, event.revision
        is_earlier = isinstance(before, int) and isinstance(now, int) and now < before
        if not self.started or is_earlier:
            self.revision = now
        self.started.add(source)
        return len(self.started) == self.sources

    def is_new(self, source: int, event: Event) -> bool:
        """Return False for an event that another watch has already brought."""
        match event:
            case Lost():
                is_first = not self.lost
                self.lost.add(source)
                return is_first
            case Restored():
                self.lost.discard(source)
                return not self.lost
            case Resync():
                self.lost.discard(source)
                if self.last_resync is not None and _covers(self.last_resync, event):
                    return False
                self.last_resync = event
                return True
            case _:
                return True


def _covers(resync: Resync, other: Resync) -> bool:
    if (resync.since, resync.revision) == (other.since, other.revision):
        return True
    match resync.since, other.since, other.revision, resync.revision:
        case int() as start, int() as other_start, int() as other_end, int() as end:
            return start <= other_start and other_end <= end
        case _:
            return False
