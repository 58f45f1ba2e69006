"""The driver contract on a BoltDB file."""

from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.bolt import BoltStore, FlatBoltStore
from explorer.drivers.bolt.file import create
from explorer.drivers.registry import make
from explorer.model.entries import Entry, Revision
from tests.contract.atomic import AtomicContract
from tests.contract.common import SingleKeyContract
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract
from tests.contract.transactions import TransactionContract


class BoltFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = BoltStore
    has_dot_names: ClassVar[bool] = True

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.file = tmp_path / "contract.db"
        create(self.file)

    def connection(self, path: str = "") -> Store:
        return make(f"bolt://{quote(str(self.file))}/top/{quote(path)}")

    def stale_revision(self, entry: Entry) -> Revision:
        return f"{entry.revision}0"


class TestBolt(DriverContract, BoltFixtures):
    pass


class FlatFixtures(BoltFixtures):
    driver: ClassVar[type[Store]] = FlatBoltStore
    layout: ClassVar[str] = "cn-infra"

    def connection(self, path: str = "") -> Store:
        url = f"bolt://{quote(str(self.file))}/top/{quote(path)}?layout={self.layout}&bucket=root"
        return make(url)


class TestFlatBolt(DriverContract, FlatFixtures):
    pass


class LibkvFixtures(FlatFixtures):
    layout: ClassVar[str] = "libkv"


class TestLibkvBolt(SingleKeyContract, AtomicContract, TransactionContract, LibkvFixtures):
    pass
