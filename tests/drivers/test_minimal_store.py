"""The least that a driver can be passes the suite too: what it does not declare is refused by the base."""

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
    """A fake: a store that can do hardly anything, over a memory store; no real one is as poor."""

    capabilities = Capability.BINARY_VALUES | Capability.NESTING
    unsupported_reasons = {Capability.WATCH: "it tells nobody anything"}  # noqa: RUF012 - shared and not changed

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
        """A refusal tells the reason and where to look."""
        with pytest.raises(CallNotSupported, match="it tells nobody anything") as raised:
            store.watch("key")
        assert raised.value.key == "key"
        assert raised.value.hint
