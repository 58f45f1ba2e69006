from typing import ClassVar
from urllib.parse import quote

from explorer.drivers.base import Store
from explorer.drivers.memory import Database, ManualClock, MemoryStore
from explorer.model.address import parse
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract


class MemoryFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = MemoryStore

    def setup_method(self) -> None:
        self.clock = ManualClock()
        self.keyspace = Database(self.clock)

    def connection(self, path: str = "") -> Store:
        return MemoryStore(parse(f"memory:test/{quote(path)}"), database=self.keyspace)

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def compact(self, store: Store) -> None:
        assert store.address.scheme == "memory"
        self.keyspace.compact()


class TestMemory(DriverContract, MemoryFixtures):
    pass
