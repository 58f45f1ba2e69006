from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

import pytest

from explorer.drivers.base import PAGE_SIZE
from explorer.drivers.common.feed import Feed
from explorer.drivers.common.watch import Watch
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.entries import Child, Cursor, Entry, Page, Revision
from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound, NotReachable
from explorer.model.events import Event, Started


class FailingStore(MemoryStore):
    """A store whose calls raise errors without address and key."""

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        del key, consistent
        raise KeyNotFound("no such key")

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        del prefix, after, limit
        raise NotReachable("cannot connect", key="a key of its own")

    async def walk(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Entry, None]:
        yield Entry(prefix, b"" if values else None, 1)
        raise KeyNotFound("no such key")

    async def ping(self) -> Revision | None:
        raise NotReachable("cannot connect")

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        del since, known

        async def produce(feed: Feed) -> None:
            await feed.put([Started(1)])
            raise NotReachable("cannot connect")

        return Watch(self.tasks, produce, name="watch", address=self.redacted, key=prefix)


async def read_all(items: AsyncGenerator[Entry, None]) -> list[Entry]:
    return [item async for item in items]


async def read_events(watch: Watch) -> list[Event]:
    async with watch as events:
        return [event async for event in events]


Call = Callable[[FailingStore], Awaitable[object]]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda store: store.get("a/b"), id="call"),
        pytest.param(lambda store: store.get(key="a/b"), id="keyword argument"),
        pytest.param(lambda store: read_all(store.walk("a/b")), id="generator"),
        pytest.param(lambda store: read_events(store.watch_tree("a/b")), id="watch"),
    ],
)
async def test_error_of_a_store_gets_address_and_key(call: Call) -> None:
    """A driver raises an error that has neither."""
    store = FailingStore(parse("memory:top"))
    with pytest.raises(ExplorerError) as raised:
        await call(store)
    assert (raised.value.address, raised.value.key) == (store.redacted, "a/b")
    await store.close()


async def test_error_that_names_its_key_keeps_it() -> None:
    with pytest.raises(NotReachable) as raised:
        await FailingStore(parse("memory:")).children("a")
    assert (raised.value.address, raised.value.key) == ("memory:", "a key of its own")


async def test_error_of_a_call_without_key_has_none() -> None:
    with pytest.raises(NotReachable) as raised:
        await FailingStore(parse("memory:")).ping()
    assert (raised.value.address, raised.value.key) == ("memory:", None)


def test_error_of_a_plain_call_gets_address_and_key() -> None:
    """An error of a plain method, such as `watch`, gets both, too."""
    store = FailingStore(parse("memory:"))
    with pytest.raises(InvalidKey) as raised:
        store.watch("")
    assert (raised.value.address, raised.value.key) == (store.redacted, "")
