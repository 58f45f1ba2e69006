"""A store whose saves and readings wait or fail as a test says."""

import asyncio

from explorer.drivers.base import Store
from explorer.model.entries import NO_META, Entry, Meta, Revision
from tests.session.fixtures import CuttableStore, Place


class FailingStore(CuttableStore):
    """A store whose next save ends as a test says: what a real one does only when its answer is lost on the way."""

    failure: Exception | None = None
    commits = False
    hold: asyncio.Event | None = None
    unread: asyncio.Event | None = None
    """Event that readings wait for."""
    readers = 0
    """Number of readings that wait, or waited, for that event."""

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        if self.unread is not None:
            self.readers += 1
            await self.unread.wait()
        return await super().get(key, consistent=consistent)

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        if self.hold is not None:
            await self.hold.wait()
        failure, self.failure = self.failure, None
        if failure is not None and not self.commits:
            raise failure
        entry = await super().atomic_put(key, value, previous, ttl=ttl, meta=meta)
        if failure is not None:
            raise failure
        return entry


class FailingPlace(Place):
    def connect(self) -> Store:
        store = FailingStore(self)
        self.stores.append(store)
        return store

    @property
    def main(self) -> FailingStore:
        store = self.stores[0]
        assert isinstance(store, FailingStore)
        return store
