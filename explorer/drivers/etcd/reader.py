"""Reader of key ranges that makes neither side do more work than what is shown.

etcd counts the whole requested range for every page (etcd issues 11057 and 16510), and sorts by fetching everything. So
no sort order is ever requested (none is ascending already), and the key space is read in disjoint windows that are kept
about as wide as a page.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import RANGE
from explorer.drivers.etcd.keyspace import NO_END
from explorer.model.errors import NotReachable
from explorer.model.keys import range_end

_FIRST_PAGE_SIZE = 1000
_MAX_PAGE_SIZE = 50_000
_PAGE_BYTES = 850_000
"""Bytes of a page when everything is read."""
_MAX_SAMPLES = 100
"""Entries that are measured to estimate the bytes of a page."""
_MAX_WINDOW_PAGES = 16
"""A window with more pages than this costs the server more in counting than another request would."""


def is_before(key: bytes, end: bytes) -> bool:
    """Return whether a key lies before the end of a range."""
    return end == NO_END or key < end


def nearer_end(one: bytes, other: bytes) -> bytes:
    """Return the nearer of two ends."""
    return one if is_before(one, other) and one != NO_END else other


def common_prefix_length(one: bytes, other: bytes) -> int:
    """Return the number of bytes that two keys begin with alike."""
    length = min(len(one), len(other))
    return next((i for i in range(length) if one[i] != other[i]), length)


@dataclass(slots=True)
class Windows:
    """Position in a range that is read in windows of an adaptive width.

    A window reaches from the position to the end of the keys that share its first `depth` bytes; a crowded one makes
    the next deeper (narrower), a sparse one shallower (wider). At `floor`, the directory's length, the window is all
    that is left.
    """

    position: bytes
    end: bytes
    floor: int
    depth: int = 0

    @property
    def done(self) -> bool:
        """True if nothing is left."""
        return not is_before(self.position, self.end)

    def next_end(self) -> bytes:
        """Return the end of the window that starts at the position."""
        if self.depth <= self.floor:
            return self.end
        return nearer_end(range_end(self.position[: self.depth]), self.end)

    def narrow(self, first: bytes, last: bytes) -> None:
        """Make the window as narrow as the keys that share one byte more than these two."""
        self.depth = max(self.depth, self.floor, common_prefix_length(first, last)) + 1

    def continue_after(self, key: bytes) -> None:
        """Continue with the first key after this one."""
        self.position = key + b"\0"

    def jump(self, position: bytes, depth: int | None = None) -> None:
        """Continue at a later position, with the narrowest window unless a depth is given."""
        self.position = position
        self.depth = len(position) if depth is None else min(depth, len(position))

    def finish(self, end: bytes, *, sparse: bool) -> None:
        """Continue at the end of the window, with a wider one if it was sparse."""
        if end == NO_END:
            self.position = self.end = b"\xff"  # nothing is left, and no key is beyond
            return
        self.position = end
        self.depth = max(min(self.depth, len(end)) - sparse, self.floor)


@dataclass(slots=True)
class EtcdReader:
    """Reads a range of keys at one revision, page by page."""

    connection: EtcdConnection
    windows: Windows
    revision: int = 0
    """The revision to read at; 0 until the first response sets it."""
    values: bool = True
    newer_than: int = 0
    """Read only what was written after this revision."""
    cluster_id: int = 0
    """The cluster of the first response: no other may continue a listing."""

    async def read(self, limit: int) -> messages.RangeResponse:
        """Read at most `limit` keys of the next window; the caller then moves `windows`."""
        response = await self.connection.call(
            RANGE,
            messages.RangeRequest(
                key=self.windows.position or NO_END,
                range_end=self.windows.next_end(),
                limit=limit,
                revision=self.revision,
                # A past revision never changes: only the first response needs the leader.
                serializable=self.revision > 0,
                keys_only=not self.values,
                min_mod_revision=self.newer_than,
            ),
        )
        self.revision = self.revision or response.header.revision
        self.cluster_id = self.cluster_id or response.header.cluster_id
        if response.header.cluster_id != self.cluster_id:
            raise NotReachable("another cluster answered in between", hint="read it again")
        return response

    async def _read_window(self, limit: int) -> Sequence[messages.KeyValue]:
        """Read at most `limit` keys of the next window, and move on."""
        end = self.windows.next_end()
        response = await self.read(limit)
        if response.more:
            last = response.kvs[-1].key
            if response.count > _MAX_WINDOW_PAGES * limit:
                self.windows.narrow(response.kvs[0].key, last)
            self.windows.continue_after(last)
        else:
            self.windows.finish(end, sparse=response.count * 2 < limit)
        return response.kvs

    async def page(self, limit: int) -> list[messages.KeyValue]:
        """Read at most `limit` keys, from one window or several; fewer only at the end of the range."""
        found: list[messages.KeyValue] = []
        while not self.windows.done and len(found) < limit:
            found.extend(await self._read_window(limit - len(found)))
        return found

    async def pages(self) -> AsyncGenerator[Sequence[messages.KeyValue], None]:
        """Yield everything in pages of about `_PAGE_BYTES`, since values may be of any size.

        The pages are the repeated fields of the responses: a list would hold an object for each entry at once.
        """
        limit = _FIRST_PAGE_SIZE
        while not self.windows.done:
            page = await self._read_window(limit)
            yield page
            if page:
                step = len(page) // _MAX_SAMPLES + 1
                size = sum(kv.ByteSize() for kv in page[::step]) * step
                fitting = limit * _PAGE_BYTES // max(size * limit // len(page), 1)
                limit = min(limit * 4, max(1, fitting), _MAX_PAGE_SIZE)


async def read_ahead(
    tasks: Tasks, pages: AsyncGenerator[Sequence[messages.KeyValue], None]
) -> AsyncGenerator[Sequence[messages.KeyValue], None]:
    """Yield pages and fetch the next one meanwhile."""
    fetched: asyncio.Queue[Sequence[messages.KeyValue] | None] = asyncio.Queue(1)

    async def fetch() -> None:
        try:
            async with aclosing(pages):
                async for page in pages:
                    await fetched.put(page)
        finally:
            await fetched.put(None)

    task = tasks.start(fetch(), name="read ahead")
    try:
        while (page := await fetched.get()) is not None:
            await asyncio.sleep(0)  # lets the request for the next page be sent before this one is used
            yield page
        await task
    finally:
        await tasks.cancel(task)
