"""Driver for files: a plain folder, cn-infra's FileDB, or one JSON, YAML or TOML file as a tree."""

from explorer.drivers.base import Store
from explorer.drivers.files.folder.store import FolderStore
from explorer.drivers.files.settings import LayoutName, load
from explorer.drivers.files.store import FileLayoutStore
from explorer.drivers.files.table.store import DocumentStore, FileDbFolderStore, FileDbStore
from explorer.model.address import Access, Address

__all__ = ["FilesStore"]


class FilesStore(FileLayoutStore):
    """A store in files, whose layout the URL names or the files show."""

    @classmethod
    def class_for(cls, address: Address) -> type[Store]:
        settings = load(address, Access())
        match settings.layout:
            case LayoutName.FOLDER:
                return FolderStore
            case LayoutName.DOCUMENT:
                return DocumentStore
            case LayoutName.FILEDB:
                return FileDbFolderStore if settings.is_folder else FileDbStore
