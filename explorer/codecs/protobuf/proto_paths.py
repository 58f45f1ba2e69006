"""Names of `.proto` files for protoc, as other files import them, and the folders that they are relative to."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from explorer.codecs.protobuf.descriptor_pools import BUILTIN_FILES
from explorer.model.errors import SchemaFailed

MAX_FOLDER_ENTRIES: Final = 200_000
"""Entries below one folder up to which it is searched."""
_COMMENT: Final = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)
_IMPORT: Final = re.compile(r"""\bimport\s+(?:\w+\s+)?["']([^"'\n]+)["']""")


def absolute(path: Path) -> Path:
    """Return an absolute path without `..`; symbolic links are not resolved."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve follows links


def schema_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, those in linked folders last and each folder once.

    Hidden entries are skipped: in a mounted Kubernetes ConfigMap each file is a link into a hidden folder.

    Raises:
        SchemaFailed: The folder has too many entries.
    """
    seen: set[tuple[int, int]] = set()
    pending, links = [folder], list[Path]()
    count = 0
    while pending or links:
        here = pending.pop() if pending else links.pop()
        try:
            status = here.stat()
            entries = sorted(os.scandir(here), key=lambda entry: entry.name, reverse=True)
        except OSError:
            continue  # permission denied or deleted
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        count += len(entries)
        if count > MAX_FOLDER_ENTRIES:
            raise SchemaFailed(
                f"{folder} has more than {MAX_FOLDER_ENTRIES:,} files", hint="name the folder of the schemas"
            )
        for entry in entries:
            path = here / entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
            elif path.is_dir():  # unlike DirEntry.is_dir, False for a link to itself
                links.append(path)
            elif path.is_file():
                yield path


@dataclass(frozen=True)
class ProtoLayout:
    """Names, imports and import folders of `.proto` files.

    Args:
        files: The files to compile.
        folders: Import folders in search order. For an import that is in none of them, a folder is found among the
            files and above the importing file.
    """

    files: Sequence[Path]
    folders: Sequence[Path]
    _contents: dict[Path, bytes] = field(default_factory=dict)

    @cached_property
    def roots(self) -> Sequence[Path]:
        """Import folders, given and found."""
        return self._search[0]

    @cached_property
    def imports(self) -> Mapping[str, Mapping[str, int]]:
        """Imports of all files by name, each with its line number."""
        found = {name: self._imports(path) for name, path in self._search[1].items()}
        return {**found, **{name: self._imports(path) for name, path in self.names.items()}}

    @cached_property
    def names(self) -> Mapping[str, Path]:
        """Files to compile by name, without identical copies and files that the library includes."""
        imported = {path: name for name, path in reversed(list(self._search[1].items()))}
        names: dict[str, Path] = {}
        contents: set[tuple[str, bytes]] = set()
        real_paths: set[str] = set()
        for path in sorted(self.files, key=lambda path: path not in imported):
            name = imported.get(path) or self._name(path)
            same = (path.name, hashlib.sha256(self._content(path)).digest())
            target = os.path.realpath(path)
            if name is None or name in names or same in contents or target in real_paths or _is_builtin(path):
                continue
            contents.add(same)
            real_paths.add(target)
            names[name] = path
        return {name: names[name] for name in sorted(names)} or {
            name: path for path in self.files if (name := self._name(path)) is not None
        }

    @cached_property
    def digest(self) -> str:
        """Hash of all inputs of the compilation."""
        paths = {**self._search[1], **self.names}
        digest = hashlib.sha256(repr([str(root) for root in self.roots]).encode())
        for name in sorted(paths):
            digest.update(repr((name, hashlib.sha256(self._content(paths[name])).hexdigest())).encode())
        digest.update(repr((sorted(self.names), sorted(self.imports.items()))).encode())
        return digest.hexdigest()

    def path(self, name: str) -> Path | None:
        """Return the file of a name, or None."""
        return self.names.get(name) or _resolve(name, self.roots)

    @cached_property
    def _search(self) -> tuple[Sequence[Path], Mapping[str, Path]]:
        """Import folders, and the imported files by name."""
        roots = list(self.folders)
        by_file_name: dict[str, list[Path]] = {}
        for file in self.files:
            by_file_name.setdefault(file.name, []).append(file)
        imported: dict[str, Path] = {}
        pending = list(reversed(self.files))
        while pending:
            file = pending.pop()
            for name in self._imports(file):
                if name in imported or name in BUILTIN_FILES or not is_valid_name(name):
                    continue
                path = _resolve(name, roots)
                if path is None:
                    root = _root_for(name, file, by_file_name.get(PurePosixPath(name).name, ()))
                    if root is None:
                        continue
                    roots.append(root)
                    path = root / name
                imported[name] = path
                pending.append(path)
        for file in self.files:
            if (root := _unshadowed_root(file, roots)) is not None:
                roots.append(root)
        return roots, imported

    def _imports(self, file: Path) -> Mapping[str, int]:
        text = _COMMENT.sub(_without_comment, self._content(file).decode("utf-8", "replace"))
        return {found[1]: text.count("\n", 0, found.start()) + 1 for found in _IMPORT.finditer(text)}

    def _content(self, file: Path) -> bytes:
        if file not in self._contents:
            try:
                self._contents[file] = file.read_bytes()
            except OSError:
                self._contents[file] = b""  # protoc reports it
        return self._contents[file]

    def _name(self, file: Path) -> str | None:
        """Return a name that protoc resolves to this file, or None if another file shadows it."""
        below = [file.relative_to(root).as_posix() for root in self.roots if file.is_relative_to(root)]
        for name in below:
            if _resolve(name, self.roots) == file:
                return name
        if not below:
            raise SchemaFailed(f"{file} is not below an import folder", hint="name one of its folders with -I")
        return None


def is_valid_name(name: str) -> bool:
    """Return whether protoc accepts a name; it refuses `./a.proto`, `../a.proto` and `/a.proto`."""
    path = PurePosixPath(name)
    return path.as_posix() == name and not path.is_absolute() and not {"..", "\\"} & {*path.parts, *name}


def _unshadowed_root(file: Path, roots: Sequence[Path]) -> Path | None:
    """Return a folder that a shadowed file has a unique name in, or None if it needs none."""
    below = [file.relative_to(root).as_posix() for root in roots if file.is_relative_to(root)]
    if not below or _is_builtin(file) or any(_resolve(name, roots) == file for name in below):
        return None
    names = ((folder, file.relative_to(folder).as_posix()) for folder in file.parents)
    return next((folder for folder, name in names if _resolve(name, roots) is None), None)


def _resolve(name: str, roots: Sequence[Path]) -> Path | None:
    return next((root / name for root in roots if (root / name).is_file()), None)


def _root_for(name: str, importer: Path, candidates: Sequence[Path]) -> Path | None:
    """Return the folder that an import is relative to, of the matching file that is nearest to the importer."""
    parts = PurePosixPath(name).parts
    for folder in importer.parents:
        if len(parts) > 1 and folder.name == parts[0] and (folder.parent / name).is_file():
            return folder.parent
    matching = [file for file in candidates if file.parts[-len(parts) :] == parts and file != importer]
    nearest = max(matching, key=lambda file: (_shared_length(file, importer), -len(file.parts)), default=None)
    return None if nearest is None else nearest.parents[len(parts) - 1]


def _shared_length(one: Path, other: Path) -> int:
    return len(os.path.commonpath([one, other]))


def _is_builtin(file: Path) -> bool:
    return any(file.as_posix().endswith(f"/{name}") for name in BUILTIN_FILES)


def _without_comment(match: re.Match[str]) -> str:
    return match[1] or "\n" * match[0].count("\n")
