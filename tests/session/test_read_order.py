"""Order in which a session reads."""

import asyncio

from explorer.codecs.codecs import Codecs
from explorer.drivers.base import PAGE_SIZE
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.entries import Child, Cursor, Page
from explorer.model.locks import LockInfo
from explorer.session.session import Session
from explorer.session.states import Empty, Loading
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE


class OrderedReads(MemoryStore):
    """A store that notes in which order its levels and locks are read, levels when `released` is set."""

    def __init__(self) -> None:
        super().__init__(parse("memory:"))
        self.reads: list[str] = []
        self.released = asyncio.Event()

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        self.reads.append("level")
        await self.released.wait()
        return await super().children(prefix, after=after, limit=limit)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        self.reads.append("locks")
        return await super().locks(prefix)


async def test_locks_are_read_after_what_is_shown() -> None:
    """A walk through all keys of a large store would delay the first rows."""
    store = OrderedReads()
    async with Session(lambda: store, Codecs(), writable=True) as session:
        await eventually(lambda: bool(store.reads), "the first level is asked for", PATIENCE)
        await eventually(lambda: isinstance(session.locks.state, Loading), "locks are shown as loading", PATIENCE)
        store.released.set()
        await eventually(lambda: isinstance(session.locks.state, Empty), "locks are read", PATIENCE)
    assert store.reads.index("locks") == len(store.reads) - 1 > 0
