"""The driver contract on each layout of files."""

from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.files.folder.store import FolderStore
from explorer.drivers.files.table.store import DocumentStore, FileDbStore
from explorer.drivers.registry import make
from explorer.model.address import Access, parse
from explorer.model.entries import Entry, Revision
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract
from tests.drivers.json_text_store import JsonTextStore


class FolderFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = FolderStore
    counts_changes: ClassVar[bool] = False

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.root = tmp_path / "root"
        self.root.mkdir()

    def connection(self, path: str = "") -> Store:
        (self.root / path).mkdir(parents=True, exist_ok=True)
        return make(f"file://{quote(str(self.root))}/{quote(path)}?layout=folder")

    def stale_revision(self, entry: Entry) -> Revision:
        return f"{entry.revision}0"

    def storable_keys(self, *keys: str) -> list[str]:
        """Leave out names that no file can have."""
        named = [
            key for key in keys if all(name not in ("", ".", "..") and "\0" not in name for name in key.split("/"))
        ]
        return super().storable_keys(*named)


class TestFolder(DriverContract, FolderFixtures):
    pass


class FileDbTextStore(JsonTextStore, FileDbStore):
    pass


class DocumentTextStore(JsonTextStore, DocumentStore):
    pass


class FileDbFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = FileDbTextStore
    counts_changes: ClassVar[bool] = False
    name: ClassVar[str] = "store.json"
    empty: ClassVar[str] = '{"data": []}'
    layout: ClassVar[str] = "filedb"

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.file = tmp_path / self.name
        self.file.write_text(self.empty)

    def connection(self, path: str = "") -> Store:
        url = f"file://{quote(str(self.file))}/{quote(path)}?layout={self.layout}"
        return self.driver(parse(url), Access())  # type: ignore[call-arg] # of every driver, not of every store

    def stale_revision(self, entry: Entry) -> Revision:
        return f"{entry.revision}0"


class DocumentFixtures(FileDbFixtures):
    driver: ClassVar[type[Store]] = DocumentTextStore
    empty: ClassVar[str] = "{}"
    layout: ClassVar[str] = "document"


class TestFileDbJson(DriverContract, FileDbFixtures):
    pass


class TestDocumentJson(DriverContract, DocumentFixtures):
    pass


class TestFileDbYaml(DriverContract, FileDbFixtures):
    name: ClassVar[str] = "store.yaml"
    empty: ClassVar[str] = "# config\ndata: []  # none\n"


class TestDocumentYaml(DriverContract, DocumentFixtures):
    name: ClassVar[str] = "store.yaml"
    empty: ClassVar[str] = "{}\n"


class TestDocumentToml(DriverContract, DocumentFixtures):
    name: ClassVar[str] = "store.toml"
    empty: ClassVar[str] = "# config\n"
