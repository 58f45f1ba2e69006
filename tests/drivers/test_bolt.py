"""The driver contract on a BoltDB file."""

from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.bolt import BoltStore
from explorer.drivers.bolt.file import create
from explorer.model.address import Access, parse
from explorer.model.entries import Entry, Revision
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract


class BoltFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = BoltStore
    has_dot_names: ClassVar[bool] = True

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.file = tmp_path / "contract.db"
        create(self.file)

    def connection(self, path: str = "") -> Store:
        return BoltStore(parse(f"bolt://{quote(str(self.file))}/top/{quote(path)}"), Access())

    def stale_revision(self, entry: Entry) -> Revision:
        return f"{entry.revision}0"


class TestBolt(DriverContract, BoltFixtures):
    pass
