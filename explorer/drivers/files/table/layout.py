"""Layouts of files with many keys: which keys a tree of values has, and how new ones are added."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from explorer.syntax.base import FileSyntax, ValueNode


class KeyPlace(NamedTuple):
    """Where a key is in a file."""

    parent: ValueNode
    """The object or array to remove it from."""
    place: int
    """Its place in there."""
    node: ValueNode
    """Its value."""


@dataclass(slots=True)
class KeyPlaces:
    """The keys of a file."""

    by_key: dict[str, KeyPlace] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    """Keys that the file has more than once, and how often."""
    complaints: list[str] = field(default_factory=list)
    """Parts of the file that are no entry, one line each."""

    def add(self, key: str, place: KeyPlace) -> None:
        """Add a key; the last of several has the value."""
        if key in self.by_key:
            self.repeated[key] = self.repeated.get(key, 1) + 1
        self.by_key[key] = place


class Layout(ABC):
    """One layout."""

    has_directories: bool
    """True if objects and arrays are entries of their own."""

    @abstractmethod
    def places(self, text: str, syntax: FileSyntax, root: ValueNode) -> KeyPlaces:
        """Return the keys of a file.

        Raises:
            InvalidText: The file is not in this layout.
        """

    @abstractmethod
    def create(self, text: str, syntax: FileSyntax, root: ValueNode, created: Sequence[tuple[str, str]]) -> str:
        """Return the text with new keys.

        Args:
            text: The text of the file.
            syntax: Its syntax.
            root: Its tree.
            created: Keys with their values.

        Raises:
            InvalidKey: There can be no such key.
        """

    def require_removable(self, parent: ValueNode, indexes: Sequence[int]) -> None:
        """Raise InvalidKey if members cannot be removed without renaming others."""
        del parent, indexes
