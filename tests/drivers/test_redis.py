"""The driver contract on Redis, and what depends on the server of it on Valkey."""

import asyncio
import uuid
from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.redis import RedisStore
from explorer.model.address import Access, parse
from explorer.model.entries import Entry, Revision
from tests.contract.atomic import AtomicContract
from tests.contract.common import SingleKeyContract
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract
from tests.contract.transactions import TransactionContract
from tests.contract.watches import WatchContract
from tests.servers.redis import RedisServer


class RedisFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = RedisStore
    has_leases: ClassVar[bool] = False

    @pytest.fixture(autouse=True)
    def _server(self, shared_redis: RedisServer) -> None:
        self.server = shared_redis
        self.root = f"test-{uuid.uuid4().hex[:12]}"

    def connection(self, path: str = "") -> Store:
        return RedisStore(parse(f"redis://{self.server.address}/0/{self.root}/{quote(path)}?separator=/"), Access())

    def stale_revision(self, entry: Entry) -> Revision:
        return f"{entry.revision}0"

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class TestRedis(DriverContract, RedisFixtures):
    pass


class TestValkey(SingleKeyContract, AtomicContract, TransactionContract, WatchContract, RedisFixtures):
    @pytest.fixture(autouse=True)
    def _server(self, shared_valkey: RedisServer) -> None:
        self.server = shared_valkey
        self.root = f"test-{uuid.uuid4().hex[:12]}"
