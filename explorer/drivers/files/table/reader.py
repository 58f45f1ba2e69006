"""Reader of the files of a table. All functions here block, and run in the thread of the connection.

A file that cannot be parsed keeps the keys that it had when it could: somebody is just writing it, or made a mistake.
Its entries say so, and so does the status; a watch is lost until it can be parsed again.
"""

import os
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from explorer.drivers.files.atomic_file import FileTag, read_file
from explorer.drivers.files.errors import UnreadableFileError, display_path, translate
from explorer.drivers.files.layout_detection import FILEDB_SYNTAXES
from explorer.drivers.files.settings import FilesSettings
from explorer.drivers.files.table.layout import Layout
from explorer.drivers.files.table.table_file import TableFile
from explorer.model.entries import NO_META, Child, Entry
from explorer.model.errors import ExplorerError, InvalidText, KeyNotFound
from explorer.model.keys import decode, encode, range_end
from explorer.syntax import syntax_of

_RECENT: Final = 2_000_000_000
"""Nanoseconds after a write within which another one may have the same time."""
_TRIES: Final = 6
_PAUSE: Final = 0.02
"""Seconds until a file that was just written and cannot be parsed is read again."""


@dataclass(frozen=True, slots=True)
class Table:
    """All keys of the store at one moment, relative to its prefix."""

    files: tuple[TableFile, ...]
    prefix: str
    by_key: Mapping[str, TableFile]
    """The file of each key; with several, the last one by name."""
    also_in: Mapping[str, str]
    """Another file that has the key, too."""
    keys: list[bytes] = field(default_factory=list)
    """All keys, in order."""

    def entry(self, key: str, *, values: bool = True) -> Entry | None:
        """Return the entry of a key; None if there is none."""
        if (file := self.by_key.get(key)) is None:
            return None
        full = self.prefix + key
        meta: dict[str, str | int | bool] = {}
        value = file.value(full)
        if value is None:
            meta["directory"] = True
            meta["type"] = file.revision(full)
        if len(self.files) > 1:
            meta["file"] = file.name
        if other := self.also_in.get(key):
            meta["also in"] = other
        if count := file.places.repeated.get(full):
            meta["repeated"] = f"{count} times in the file; this is the last"
        if file.places.by_key[full].node.is_shared:
            meta["shared"] = "a YAML alias: it belongs to several keys"
        if file.problem:
            meta["stale"] = file.problem
        return Entry(key, value if values else None, file.revision(full), meta=meta or NO_META)

    def after(self, base: str, key: str | None) -> Iterator[str]:
        """Yield the keys that begin with a directory, after a key, in order."""
        start = encode(base)
        at = bisect_left(self.keys, start)
        if key is not None:
            at = max(at, bisect_right(self.keys, encode(key)))
        while at < len(self.keys) and self.keys[at].startswith(start):
            yield decode(self.keys[at])
            at += 1

    def children(self, base: str, separator: str) -> list[Child]:
        """Return the level below a directory, in the order of the first keys."""
        kinds: dict[str, list[bool]] = {}
        start, divider = encode(base), encode(separator)
        at = bisect_left(self.keys, start)
        while at < len(self.keys) and self.keys[at].startswith(start):
            name, found, _ = self.keys[at][len(start) :].partition(divider)
            kinds.setdefault(decode(name), [False, False])[bool(found)] = True
            at = bisect_left(self.keys, range_end(start + name + divider), at + 1) if found else at + 1
        return [Child(name, base + name, *kind) for name, kind in kinds.items()]

    def neighbour(self, key: str) -> str | None:
        """Return the key right before another one, or the first one; None if there are none."""
        at = bisect_left(self.keys, encode(key))
        return decode(self.keys[max(0, at - 1)]) if self.keys else None

    @property
    def problems(self) -> list[str]:
        """Why files cannot be parsed, one line each."""
        return [file.problem for file in self.files if file.problem]


class TableReader:
    """Reads the files of a store, and parses those that have changed.

    Args:
        settings: Settings of the store.
        layout: The layout.
    """

    def __init__(self, settings: FilesSettings, layout: Layout) -> None:
        self._settings = settings
        self._layout = layout
        self._files: dict[bytes, TableFile] = {}
        self._table: Table | None = None

    def read(self, *, trust_times: bool = True) -> Table:
        """Return all keys as they are now.

        Args:
            trust_times: False to read each file again, although its time and size are the same.

        Raises:
            NotReachable: The file or folder is gone, or could never be parsed.
        """
        files = {}
        for path in self._paths():
            if (file := self._read(path, trust_times=trust_times)) is not None:
                files[path] = file
        if not self._settings.is_folder:
            self._require_readable(files.get(self._settings.root))
        if self._table is None or files.keys() != self._files.keys() or files != self._files:
            self._table = self._merge(tuple(files.values()))
        self._files = files
        return self._table

    def replaced(self, before: TableFile, after: TableFile) -> None:
        """Note the content that a file was written with, so that it is not parsed again."""
        for path, file in self._files.items():
            if file is before:
                self._files[path] = after
                self._table = None

    def _require_readable(self, file: TableFile | None) -> None:
        if file is None:
            raise UnreadableFileError(f"the file is gone: {display_path(self._settings.root)}", sent=False)
        if file.root is None:
            raise UnreadableFileError(file.problem or "the file cannot be parsed", sent=False, hint="mend the file")

    def _paths(self) -> list[bytes]:
        """Return the paths of all files, in order."""
        root = self._settings.root
        if not self._settings.is_folder:
            return [root]
        if not os.path.isdir(root):
            raise UnreadableFileError(f"the folder is gone: {display_path(root)}", sent=False)
        found = []
        for folder, folders, names in os.walk(root, followlinks=self._settings.follow):
            folders.sort()
            found += [os.path.join(folder, name) for name in names if name.endswith(FILEDB_SYNTAXES)]
        return sorted(found)

    def _read(self, path: bytes, *, trust_times: bool) -> TableFile | None:
        """Return a file, parsed again if it has changed; None if it is gone or must not be followed."""
        known = self._files.get(path)
        real = os.path.realpath(path)
        if self._settings.is_folder and not self._settings.follow and not self._is_inside(real):
            return None
        name = decode(path[len(self._settings.folder.rstrip(b"/")) + 1 :])
        blank = TableFile(real, name, syntax_of(path), self._layout)
        recent = False
        for tries in range(_TRIES):
            try:
                if known and trust_times and not known.problem and known.tag == FileTag.of(os.stat(real)):
                    return known
                content = read_file(real, self._settings.max_value)
                recent = abs(time.time_ns() - content.tag.modified) < _RECENT
                if known and known.data == content.data and not known.problem:
                    known.tag = None if recent else content.tag
                    return known
                return blank.parsed(content.data, None if recent else content.tag)
            except OSError as error:
                found = translate(error, real)
                if isinstance(found, KeyNotFound):
                    return None
                return _unreadable(known or blank, found.message)
            except InvalidText as error:
                if not recent or tries == _TRIES - 1:
                    return _unreadable(known or blank, f"{name}: {error.message}")
                time.sleep(_PAUSE)
            except ExplorerError as error:
                return _unreadable(known or blank, f"{name}: {error.message}")
        return known

    def _is_inside(self, path: bytes) -> bool:
        return path.startswith(self._settings.root.rstrip(b"/") + b"/")

    def _merge(self, files: tuple[TableFile, ...]) -> Table:
        by_key: dict[str, TableFile] = {}
        also_in: dict[str, str] = {}
        prefix = self._settings.prefix
        for file in files:
            for full in file.places.by_key:
                if not full.startswith(prefix) or full == prefix:
                    continue
                key = full[len(prefix) :]
                if key in by_key:
                    also_in[key] = by_key[key].name
                by_key[key] = file
        return Table(files, prefix, by_key, also_in, sorted(map(encode, by_key)))


def _unreadable(file: TableFile, problem: str) -> TableFile:
    """Return a file that keeps its keys, with the reason why it cannot be parsed now."""
    if file.problem == problem:
        return file
    return TableFile(
        file.path, file.name, file.syntax, file.layout, file.data, None, file.text, file.root, file.places, problem
    )
