"""One parsed file with its keys, and the text that it has after some of them were changed."""

import gc
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from explorer.drivers.files.atomic_file import FileTag, digest
from explorer.drivers.files.errors import display_path
from explorer.drivers.files.table.layout import KeyPlace, KeyPlaces, Layout
from explorer.model.errors import InvalidKey, InvalidText
from explorer.syntax.base import FileSyntax, ValueKind, ValueNode

EMPTY_DIRECTORY: Final = "{}"
"""Value of a change that makes a directory."""


@dataclass(slots=True, eq=False)
class TableFile:
    """A file as it was read, and its keys as they were when it could be parsed."""

    path: bytes
    """Where its bytes are, without symlinks."""
    name: str
    """Path below the folder of the store."""
    syntax: FileSyntax
    layout: Layout
    data: bytes = b""
    """The bytes that were parsed."""
    tag: FileTag | None = None
    """State of the file that was looked at last; None if its time is too recent to tell it from the next."""
    text: str = ""
    root: ValueNode | None = None
    places: KeyPlaces = field(default_factory=KeyPlaces)
    problem: str | None = None
    """Why the file cannot be parsed as it is now."""
    _values: dict[str, bytes] = field(default_factory=dict)

    def parsed(self, data: bytes, tag: FileTag | None) -> "TableFile":
        """Return the file with other bytes.

        Raises:
            InvalidText: They cannot be parsed.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise InvalidText("the file is not UTF-8", line) from error
        with _collection_paused():
            root = self.syntax.parse(text)
            places = self.layout.places(text, self.syntax, root)
        return TableFile(self.path, self.name, self.syntax, self.layout, data, tag, text, root, places)

    def value(self, key: str) -> bytes | None:
        """Return the value of a key; None for a directory."""
        place = self.places.by_key[key]
        if self.layout.has_directories and place.node.kind is not ValueKind.SCALAR:
            return None
        if key not in self._values:
            self._values[key] = self.syntax.value(self.text, place.node).encode("utf-8", "surrogatepass")
        return self._values[key]

    def revision(self, key: str) -> str:
        """Return the revision of a key."""
        value = self.value(key)
        return self.places.by_key[key].node.kind.value if value is None else digest(value)

    def edited(self, changes: Mapping[str, str | None]) -> "TableFile":
        """Return the file with some keys changed, and everything else as it is.

        Args:
            changes: New values of keys; None deletes one.

        Raises:
            InvalidKey: A key cannot be changed, or not without changing another one.
            InvalidText: A value is none of the syntax.
        """
        if self.root is None:
            raise InvalidText(f"{display_path(self.path)} cannot be parsed")
        for key, value in changes.items():
            if value is not None:
                self._require_value(key, value)
        by_key = self.places.by_key
        replaced: list[tuple[ValueNode, str]] = []
        removed: dict[int, tuple[ValueNode, list[int]]] = {}
        for key, value in changes.items():
            if (place := by_key.get(key)) is None:
                continue
            self._require_editable(key, place)
            if value is not None:
                replaced.append((place.node, value))
            else:
                removed.setdefault(id(place.parent), (place.parent, []))[1].append(place.place)
        for parent, indexes in removed.values():
            self.layout.require_removable(parent, indexes)
        text = self.syntax.edited(self.text, replaced, [*removed.values()])
        created = [(key, value) for key, value in changes.items() if key not in by_key and value is not None]
        if created:
            root = self.syntax.parse(text) if text != self.text else self.root
            text = self.layout.create(text, self.syntax, root, created)
        return self._require_only(changes, text)

    def _require_value(self, key: str, value: str) -> None:
        """Raise InvalidText unless a text is a value of the syntax, and of the layout."""
        if self.layout.has_directories and value != EMPTY_DIRECTORY:
            self.syntax.check_scalar(value)
        elif value != EMPTY_DIRECTORY:
            self.syntax.check(value)
        place = self.places.by_key.get(key)
        if place is not None and self.layout.has_directories and place.node.kind is not ValueKind.SCALAR:
            raise InvalidKey("the key is a directory, which has no value", hint="write the value to a key below it")

    def _require_editable(self, key: str, place: KeyPlace) -> None:
        if key in self.places.repeated:
            raise InvalidKey(
                f"{self.name} has the key {self.places.repeated[key]} times", hint="remove all but one in the file"
            )
        if place.node.is_shared:
            raise InvalidKey("the value belongs to several keys (a YAML alias)", hint="edit it in the file")

    def _require_only(self, changes: Mapping[str, str | None], text: str) -> "TableFile":
        """Return the file with another text; raise InvalidKey unless that has the changes and nothing else."""
        try:
            after = self.parsed(text.encode("utf-8", "surrogatepass"), None)
        except InvalidText as error:
            raise _not_alone(f"the file would not be valid: {error.message}") from error
        before, now = self.places, after.places
        deleted = {key for key, value in changes.items() if value is None}
        above = {parent for key, value in changes.items() if value is not None for parent in _parents(key)}
        for key in before.by_key:
            if key in changes or not deleted.isdisjoint(_parents(key)):
                continue
            if key not in now.by_key or after.value(key) != self.value(key):
                raise _not_alone(f"{key} would change, too")
        for key in now.by_key:
            if key not in before.by_key and key not in changes and key not in above:
                raise _not_alone(f"{key} would be added, too")
        for key, value in changes.items():
            if (key in now.by_key) != (value is not None) or not _is_same(after, key, value):
                raise _not_alone(f"{key} would not have this value")
        if now.repeated != {key: count for key, count in before.repeated.items() if key not in changes}:
            raise _not_alone("a key would be repeated")
        return after


@contextmanager
def _collection_paused() -> Generator[None, None, None]:
    """Pause the collection of garbage: it would pass again and again over all nodes of a large file, which stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _not_alone(reason: str) -> InvalidKey:
    return InvalidKey(f"this cannot be changed alone: {reason}", hint="nothing was written; edit the file itself")


def _parents(key: str) -> Iterator[str]:
    """Yield the keys above a key."""
    at = key.find("/")
    while at >= 0:
        yield key[:at]
        at = key.find("/", at + 1)


def _is_same(file: TableFile, key: str, value: str | None) -> bool:
    """Return whether a file has a value under a key, perhaps in other words."""
    if value is None:
        return key not in file.places.by_key
    found = file.value(key)
    if found is None:
        return value == EMPTY_DIRECTORY
    return found == value.strip().encode("utf-8", "surrogatepass") or file.syntax.is_same(found.decode(), value)
