"""Reading ranges of keys so that neither side does more work than what is shown.

etcd counts the whole requested range for every page it answers (etcd issues 11057 and 16510), and sorts by fetching
everything. So no sort order is ever asked for (none already is ascending), and the key space is walked in disjoint
windows that are kept about as wide as a page.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.methods import RANGE
from explorer.model.errors import NotReachable
from explorer.model.keys import range_end

NO_END = b"\0"
"""etcd's word for no upper bound."""

_FIRST_PAGE = 1000
_LARGEST_PAGE = 50_000
_PAGE_BYTES = 850_000
"""What a page may weigh when everything is read."""
_SAMPLES = 100
"""Entries that are weighed to guess the weight of a page."""
_CROWDED = 16
"""A window that holds more pages than this costs the server more in counting than another request would."""


def before(key: bytes, end: bytes) -> bool:
    """Tell whether a key lies before the end of a range."""
    return end == NO_END or key < end


def nearest(one: bytes, other: bytes) -> bytes:
    """Give the nearer of two ends."""
    return one if before(one, other) and one != NO_END else other


def shared(one: bytes, other: bytes) -> int:
    """Count the bytes that two keys begin with alike."""
    length = min(len(one), len(other))
    return next((i for i in range(length) if one[i] != other[i]), length)


@dataclass(slots=True)
class Windows:
    """The way through a range in windows of a fitting width.

    A window reaches from the position to the end of what shares its first `depth` bytes; a crowded one makes the next
    deeper (narrower), a sparse one shallower (wider). At `floor`, the directory's length, it is all that is left.
    """

    position: bytes
    end: bytes
    floor: int
    depth: int = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return not before(self.position, self.end)

    def next_end(self) -> bytes:
        """Give the end of the window that starts at the position."""
        if self.depth <= self.floor:
            return self.end
        return nearest(range_end(self.position[: self.depth]), self.end)

    def narrow(self, first: bytes, last: bytes) -> None:
        """Look at less at once: what shares one byte more than these two keys do."""
        self.depth = max(self.depth, self.floor, shared(first, last)) + 1

    def go_on_behind(self, key: bytes) -> None:
        """Continue with the first key after this one."""
        self.position = key + b"\0"

    def jump(self, position: bytes, depth: int | None = None) -> None:
        """Continue at a later place, with a window as narrow as can be unless said otherwise."""
        self.position = position
        self.depth = len(position) if depth is None else min(depth, len(position))

    def leave(self, end: bytes, *, sparse: bool) -> None:
        """Continue where the window ended, with a wider one if it was sparse."""
        if end == NO_END:
            self.position = self.end = b"\xff"  # nothing is left, and no key lies behind
            return
        self.position = end
        self.depth = max(min(self.depth, len(end)) - sparse, self.floor)


@dataclass(slots=True)
class EtcdReader:
    """Reads a range of keys at one revision, page by page."""

    cluster: EtcdConnection
    windows: Windows
    revision: int = 0
    """0 until the first answer fixes it."""
    values: bool = True
    newer_than: int = 0
    """Give only what was written after this revision."""
    subject: str | None = None
    store: int = 0
    """The identity of the cluster that answered first: no other may go on with what it began."""

    async def read(self, limit: int) -> messages.RangeResponse:
        """Read the next window, at most `limit` keys of it; what comes next is for the caller to tell `windows`."""
        answer = await self.cluster.call(
            RANGE,
            messages.RangeRequest(
                key=self.windows.position or NO_END,
                range_end=self.windows.next_end(),
                limit=limit,
                revision=self.revision,
                # What was at a revision never changes: only the first answer needs the leader.
                serializable=self.revision > 0,
                keys_only=not self.values,
                min_mod_revision=self.newer_than,
            ),
            key=self.subject,
        )
        self.revision = self.revision or answer.header.revision
        self.store = self.store or answer.header.cluster_id
        if answer.header.cluster_id != self.store:
            raise NotReachable(
                "another cluster answered in between",
                hint="read it again",
                address=self.cluster.redacted,
                key=self.subject,
            )
        return answer

    async def _window(self, limit: int) -> Sequence[messages.KeyValue]:
        """Read at most `limit` keys of the next window, and go on behind them."""
        end = self.windows.next_end()
        answer = await self.read(limit)
        if answer.more:
            last = answer.kvs[-1].key
            if answer.count > _CROWDED * limit:
                self.windows.narrow(answer.kvs[0].key, last)
            self.windows.go_on_behind(last)
        else:
            self.windows.leave(end, sparse=answer.count * 2 < limit)
        return answer.kvs

    async def page(self, limit: int) -> list[messages.KeyValue]:
        """Read at most `limit` keys, from one window or several; fewer only at the end of the range."""
        found: list[messages.KeyValue] = []
        while not self.windows.done and len(found) < limit:
            found.extend(await self._window(limit - len(found)))
        return found

    async def pages(self) -> AsyncGenerator[Sequence[messages.KeyValue], None]:
        """Read everything, in pages of a fitting number of bytes: values may be of any size.

        What the server sent is passed on as it is: a list of it would hold an object for each entry at once.
        """
        limit = _FIRST_PAGE
        while not self.windows.done:
            page = await self._window(limit)
            yield page
            if page:
                every = len(page) // _SAMPLES + 1
                size = sum(entry.ByteSize() for entry in page[::every]) * every
                fitting = limit * _PAGE_BYTES // max(size * limit // len(page), 1)
                limit = min(limit * 4, max(1, fitting), _LARGEST_PAGE)


async def ahead(
    tasks: Tasks, pages: AsyncGenerator[Sequence[messages.KeyValue], None]
) -> AsyncGenerator[Sequence[messages.KeyValue], None]:
    """Read a page ahead, so that the server works on the next while this one is used."""
    ready: asyncio.Queue[Sequence[messages.KeyValue] | None] = asyncio.Queue(1)

    async def fetch() -> None:
        try:
            async with aclosing(pages):
                async for page in pages:
                    await ready.put(page)
        finally:
            await ready.put(None)

    fetching = tasks.start(fetch(), name="reading ahead")
    try:
        while (page := await ready.get()) is not None:
            await asyncio.sleep(0)  # the request for the next page leaves before this one is worked on
            yield page
        await fetching
    finally:
        await tasks.cancel(fetching)
