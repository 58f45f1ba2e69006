"""The contract on a minimal driver, for which the base class refuses everything that it lacks."""

from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import PAGE_SIZE, Store
from explorer.drivers.memory import Database, ManualClock, MemoryStore
from explorer.model.address import Address, parse
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import CallNotSupported, InvalidKey
from explorer.model.keys import encode
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract


class PlainStore(Store):
    """A fake store with as few capabilities as possible, over a memory store."""

    capabilities = Capability.BINARY_VALUES | Capability.DISTINCT_REVISIONS | Capability.NESTING
    unsupported_reasons = {Capability.WATCH: "this store reports no changes"}  # noqa: RUF012 - shared and not changed

    def __init__(self, address: Address, keyspace: Database) -> None:
        super().__init__(address)
        self._memory = MemoryStore(address, database=keyspace)

    async def connect(self) -> None:
        await self._memory.connect()

    async def close(self) -> None:
        await self._memory.close()

    async def status(self) -> Status:
        return await self._memory.status()

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        return _plain(await self._memory.get(key, consistent=consistent))

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        page = await self._memory.children(prefix, after=_key(after), limit=limit)
        return Page(page.items, page.next and Cursor(page.next.key), None)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        page = await self._memory.list(prefix, after=_key(after), limit=limit, values=values)
        return Page(tuple(map(_plain, page.items)), page.next and Cursor(page.next.key), None)

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        if keep_alive:
            self._refuse(Capability.KEEP_ALIVE, key)
        if ttl is not None:
            self._refuse(Capability.TTL, key)
        if encode(key) != key.encode("utf-8", "replace"):
            raise InvalidKey("a key is text here", hint="choose another", address=self.address.redacted, key=key)
        return _plain(await self._memory.put(key, value, is_dir=is_dir))

    async def delete(self, key: str) -> None:
        await self._memory.delete(key)

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        if guard is not None:
            self._refuse(Capability.GUARDED_DELETE, prefix)
        return await self._memory.delete_tree(prefix)


def _plain(entry: Entry) -> Entry:
    return Entry(entry.key, entry.value, entry.revision)


def _key(after: Cursor | str | None) -> str | None:
    return after.key if isinstance(after, Cursor) else after


class PlainFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = PlainStore

    def setup_method(self) -> None:
        self.keyspace = Database(ManualClock())

    def connection(self, path: str = "") -> Store:
        return PlainStore(parse(f"memory:test/{quote(path)}"), self.keyspace)


class TestPlain(DriverContract, PlainFixtures):
    async def test_refusal_has_the_reason_and_a_hint(self, store: Store) -> None:
        """The error has the reason, the key and a hint."""
        with pytest.raises(CallNotSupported, match="this store reports no changes") as raised:
            store.watch("key")
        assert raised.value.key == "key"
        assert raised.value.hint
