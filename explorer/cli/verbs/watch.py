"""The verb that watches, and what is shown of a store when no verb is given."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.output import event_line, event_record, spelling
from explorer.cli.verbs.read import ls
from explorer.drivers.base import Store
from explorer.drivers.common.watch import Watch
from explorer.model.entries import Revision
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started

_AHEAD: Final = 1000
"""Events read ahead of the output, so that a burst is written in one go."""


async def overview(store: Store, console: Console) -> None:
    """Print the top of a store, then what happens in it."""
    await ls(store, arguments.Ls(prefix="", recursive=False, values=False, limit=None), console)
    await watch(store, arguments.Watch(prefix="", since=None, count=None, duration=None), console)


async def watch(store: Store, wanted: arguments.Watch, console: Console) -> None:
    """Print what happens to a key and to everything below it, until enough was seen or enough time has passed.

    Where it begins is said on standard error, once the watch is established.
    """
    async with AsyncExitStack() as watches:
        opened = [await watches.enter_async_context(found) for found in _watches(store, wanted)]
        limit = asyncio.timeout(wanted.duration)
        try:
            async with limit:
                await _tell(opened, wanted, console)
        except TimeoutError:
            if not limit.expired():
                raise


def _watches(store: Store, wanted: arguments.Watch) -> list[Watch]:
    """Watch below the prefix, and the key of that name too unless only a directory can be meant."""
    tree = store.watch_tree(wanted.prefix, since=wanted.since)
    if not wanted.prefix or wanted.prefix.endswith(store.separator):
        return [tree]
    return [store.watch(wanted.prefix, since=wanted.since), tree]


async def _tell(watches: list[Watch], wanted: arguments.Watch, console: Console) -> None:
    queue: asyncio.Queue[tuple[int, Event]] = asyncio.Queue(_AHEAD)
    merge = _Merge(len(watches))
    seen = 0
    async with asyncio.TaskGroup() as group:
        pumps = [group.create_task(_pump(source, events, queue)) for source, events in enumerate(watches)]
        while wanted.count is None or seen < wanted.count:
            source, event = await queue.get()
            if isinstance(event, Started):
                if merge.started(source, event):
                    console.note(event_line(Started(merge.revision)))
                continue
            if merge.is_news(source, event):
                _print(event, wanted, console)
                seen += isinstance(event, Put | Deleted)
            if queue.empty():
                console.flush()
        for pump in pumps:
            pump.cancel()


async def _pump(source: int, events: Watch, queue: asyncio.Queue[tuple[int, Event]]) -> None:
    async for event in events:
        await queue.put((source, event))


def _print(event: Event, wanted: arguments.Watch, console: Console) -> None:
    if console.json:
        console.record(event_record(event))
    else:
        console.line(event_line(event, spelling(escaped=wanted.escaped)))


@dataclass(slots=True)
class _Merge:
    """Several watches of one store told as one: they cover different keys and share the store's fate."""

    sources: int
    revision: Revision | None = None
    """Where the first of them began."""
    begun: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    gap: Resync | None = None

    def started(self, source: int, event: Started) -> bool:
        """Take note of a beginning, and tell whether all have begun."""
        before, now = self.revision, event.revision
        earlier = isinstance(before, int) and isinstance(now, int) and now < before
        if not self.begun or earlier:
            self.revision = now
        self.begun.add(source)
        return len(self.begun) == self.sources

    def is_news(self, source: int, event: Event) -> bool:
        """Tell whether an event says what none of the other watches has said."""
        match event:
            case Lost():
                first = not self.lost
                self.lost.add(source)
                return first
            case Restored():
                self.lost.discard(source)
                return not self.lost
            case Resync():
                self.lost.discard(source)
                told = self.gap is not None and _covers(self.gap, event)
                self.gap = self.gap if told else event
                return not told
            case _:
                return True


def _covers(gap: Resync, other: Resync) -> bool:
    if (gap.since, gap.revision) == (other.since, other.revision):
        return True
    match gap.since, other.since, other.revision, gap.revision:
        case int() as begin, int() as other_begin, int() as other_end, int() as end:
            return begin <= other_begin and other_end <= end
        case _:
            return False
