"""Which name each `.proto` file has for the compiler: the one that others import it by, relative to some folder."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from explorer.codecs.protobuf.descriptor_pools import OWN_FILES
from explorer.model.errors import SchemaFailed

MAX_FOLDER_ENTRIES: Final = 200_000
"""Files and folders that are looked at below one folder."""
_COMMENT: Final = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)
_IMPORT: Final = re.compile(r"""\bimport\s+(?:\w+\s+)?["']([^"'\n]+)["']""")


def absolute(path: Path) -> Path:
    """Return a path from the root on, without `..`; links keep their names."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve follows links


def schema_files(folder: Path) -> Iterator[Path]:
    """Find the files below a folder, those in links last and every folder once.

    Hidden ones are passed over: in a mounted Kubernetes ConfigMap each file is a link into one of them.

    Raises:
        SchemaFailed: There are too many.
    """
    seen: set[tuple[int, int]] = set()
    waiting, links = [folder], list[Path]()
    count = 0
    while waiting or links:
        here = waiting.pop() if waiting else links.pop()
        try:
            status = here.stat()
            entries = sorted(os.scandir(here), key=lambda entry: entry.name, reverse=True)
        except OSError:
            continue  # not to be read, or gone
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        count += len(entries)
        if count > MAX_FOLDER_ENTRIES:
            raise SchemaFailed(
                f"{folder} holds more than {MAX_FOLDER_ENTRIES:,} files", hint="name the folder of the schemas itself"
            )
        for entry in entries:
            path = here / entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif path.is_dir():  # unlike that of the entry, False for a link to itself
                links.append(path)
            elif path.is_file():
                yield path


@dataclass(frozen=True)
class ProtoLayout:
    """Files, and the folders that their names and imports are relative to.

    Args:
        files: What is to be compiled.
        folders: Where imports are looked for, in this order. Where a name is not found there, the folder that it is
            relative to is looked for among the files and above the file that imports it.
    """

    files: Sequence[Path]
    folders: Sequence[Path]
    _contents: dict[Path, bytes] = field(default_factory=dict)

    @cached_property
    def roots(self) -> Sequence[Path]:
        """The folders that names are relative to."""
        return self._found[0]

    @cached_property
    def imports(self) -> Mapping[str, Mapping[str, int]]:
        """For each file that is reached, by name: the names it imports and the lines where it does."""
        found = {name: self._imports(path) for name, path in self._found[1].items()}
        return {**found, **{name: self._imports(path) for name, path in self.names.items()}}

    @cached_property
    def names(self) -> Mapping[str, Path]:
        """The files to compile by their names: no copy of a file twice, nothing that comes with the library."""
        imported = {path: name for name, path in reversed(list(self._found[1].items()))}
        names: dict[str, Path] = {}
        contents: set[tuple[str, bytes]] = set()
        real: set[str] = set()
        for path in sorted(self.files, key=lambda path: path not in imported):
            name = imported.get(path) or self._name(path)
            same = (path.name, hashlib.sha256(self._content(path)).digest())
            target = os.path.realpath(path)
            if name is None or name in names or same in contents or target in real or _is_own(path):
                continue
            contents.add(same)
            real.add(target)
            names[name] = path
        return {name: names[name] for name in sorted(names)} or {
            name: path for path in self.files if (name := self._name(path)) is not None
        }

    @cached_property
    def digest(self) -> str:
        """A name for all that the result of compiling depends on."""
        paths = {**self._found[1], **self.names}
        told = hashlib.sha256(repr([str(root) for root in self.roots]).encode())
        for name in sorted(paths):
            told.update(repr((name, hashlib.sha256(self._content(paths[name])).hexdigest())).encode())
        told.update(repr((sorted(self.names), sorted(self.imports.items()))).encode())
        return told.hexdigest()

    def path(self, name: str) -> Path | None:
        """Return the file that a name stands for."""
        return self.names.get(name) or _resolve(name, self.roots)

    @cached_property
    def _found(self) -> tuple[Sequence[Path], Mapping[str, Path]]:
        """The folders, and the imports that were found in them."""
        roots = list(self.folders)
        ends: dict[str, list[Path]] = {}
        for file in self.files:
            ends.setdefault(file.name, []).append(file)
        reached: dict[str, Path] = {}
        waiting = list(reversed(self.files))
        while waiting:
            file = waiting.pop()
            for name in self._imports(file):
                if name in reached or name in OWN_FILES or not is_plain(name):
                    continue
                there = _resolve(name, roots)
                if there is None:
                    root = _root_for(name, file, ends.get(PurePosixPath(name).name, ()))
                    if root is None:
                        continue
                    roots.append(root)
                    there = root / name
                reached[name] = there
                waiting.append(there)
        for file in self.files:
            if (root := _root_beside(file, roots)) is not None:
                roots.append(root)
        return roots, reached

    def _imports(self, file: Path) -> Mapping[str, int]:
        text = _COMMENT.sub(_without_comment, self._content(file).decode("utf-8", "replace"))
        return {found[1]: text.count("\n", 0, found.start()) + 1 for found in _IMPORT.finditer(text)}

    def _content(self, file: Path) -> bytes:
        if file not in self._contents:
            try:
                self._contents[file] = file.read_bytes()
            except OSError:
                self._contents[file] = b""  # which the compiler cannot read, either
        return self._contents[file]

    def _name(self, file: Path) -> str | None:
        """Return a name by which the compiler finds this very file; none if another one stands before it."""
        below = [file.relative_to(root).as_posix() for root in self.roots if file.is_relative_to(root)]
        for name in below:
            if _resolve(name, self.roots) == file:
                return name
        if not below:
            raise SchemaFailed(
                f"{file} is below none of the folders for imports", hint="name one of its folders with -I"
            )
        return None


def is_plain(name: str) -> bool:
    """Return whether the compiler takes a name: `./a.proto`, `../a.proto` and `/a.proto` are none."""
    path = PurePosixPath(name)
    return path.as_posix() == name and not path.is_absolute() and not {"..", "\\"} & {*path.parts, *name}


def _root_beside(file: Path, roots: Sequence[Path]) -> Path | None:
    """Return a folder that gives a file a name of its own, where files in other folders stand before it."""
    below = [file.relative_to(root).as_posix() for root in roots if file.is_relative_to(root)]
    if not below or _is_own(file) or any(_resolve(name, roots) == file for name in below):
        return None
    names = ((folder, file.relative_to(folder).as_posix()) for folder in file.parents)
    return next((folder for folder, name in names if _resolve(name, roots) is None), None)


def _resolve(name: str, roots: Sequence[Path]) -> Path | None:
    return next((root / name for root in roots if (root / name).is_file()), None)


def _root_for(name: str, importer: Path, candidates: Sequence[Path]) -> Path | None:
    """Return the folder that an import is relative to: of the files that end so, the one nearest to the importer."""
    parts = PurePosixPath(name).parts
    for folder in importer.parents:
        if len(parts) > 1 and folder.name == parts[0] and (folder.parent / name).is_file():
            return folder.parent
    ending = [file for file in candidates if file.parts[-len(parts) :] == parts and file != importer]
    near = max(ending, key=lambda file: (_shared(file, importer), -len(file.parts)), default=None)
    return None if near is None else near.parents[len(parts) - 1]


def _shared(one: Path, other: Path) -> int:
    return len(os.path.commonpath([one, other]))


def _is_own(file: Path) -> bool:
    return any(file.as_posix().endswith(f"/{name}") for name in OWN_FILES)


def _without_comment(found: re.Match[str]) -> str:
    return found[1] or "\n" * found[0].count("\n")
