"""The tree of a parsed file, with the place of each value, and what each syntax supplies."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

MAX_DEPTH: Final = 200
"""Levels of nested values; a file that has more is refused."""


class ValueKind(Enum):
    """Kinds of values."""

    OBJECT = "object"
    ARRAY = "array"
    SCALAR = "scalar"


class ValueMember(NamedTuple):
    """A value in an object or an array."""

    name: str
    """Name in the object, or index in the array."""
    start: int
    """Where the member begins: its name, or the value itself."""
    node: "ValueNode"


@dataclass(slots=True)
class ValueNode:
    """A value of a file."""

    kind: ValueKind
    start: int
    end: int
    members: list[ValueMember] = field(default_factory=list)
    is_shared: bool = False
    """True if the value stands in several places (a YAML alias), or comes from elsewhere."""
    source: object = None
    """The node of the parser of the syntax."""


class Patch(NamedTuple):
    """A part of a text, and what replaces it."""

    start: int
    end: int
    text: str


class FileSyntax(ABC):
    """One syntax. Values to write are given as strict JSON, or in the syntax's own text of scalars."""

    @abstractmethod
    def parse(self, text: str) -> ValueNode:
        """Return the tree of a text.

        Raises:
            InvalidText: The text is invalid; the error has the place.
        """

    @abstractmethod
    def value(self, text: str, node: ValueNode) -> str:
        """Return the text of a value, as a person edits it.

        Raises:
            InvalidText: The value has none.
        """

    @abstractmethod
    def check(self, value: str) -> None:
        """Raise unless a text is a value.

        Raises:
            InvalidText: It is none; the error has the place.
        """

    @abstractmethod
    def check_scalar(self, value: str) -> None:
        """Raise unless a text is a value that is neither an object nor an array.

        Raises:
            InvalidText: It is none; the error has the place.
        """

    @abstractmethod
    def is_same(self, one: str, other: str) -> bool:
        """Return whether two texts are the same value."""

    @abstractmethod
    def nested(self, name: str, value: str) -> str:
        """Return the text of an object with one member."""

    @abstractmethod
    def edited(
        self,
        text: str,
        replaced: Sequence[tuple[ValueNode, str]],
        removed: Sequence[tuple[ValueNode, Sequence[int]]],
    ) -> str:
        """Return a text with other values, and without some members of objects or arrays.

        Args:
            text: The text.
            replaced: Values of its tree, each with its new text.
            removed: Objects or arrays of its tree, each with the indexes of members.
        """

    @abstractmethod
    def extended(self, text: str, node: ValueNode, members: Sequence[tuple[str, str]]) -> str:
        """Return a text with more members in an object, or more values (whose names count for nothing) in an array."""


class PatchedSyntax(FileSyntax):
    """A syntax whose texts are edited by replacing parts of them."""

    def edited(
        self,
        text: str,
        replaced: Sequence[tuple[ValueNode, str]],
        removed: Sequence[tuple[ValueNode, Sequence[int]]],
    ) -> str:
        patches = [patch for node, value in replaced for patch in self.replace(text, node, value)]
        patches += [patch for node, indexes in removed for patch in self.remove(text, node, indexes)]
        return patched(text, patches)

    def extended(self, text: str, node: ValueNode, members: Sequence[tuple[str, str]]) -> str:
        return patched(text, self.append(text, node, members))

    @abstractmethod
    def replace(self, text: str, node: ValueNode, value: str) -> list[Patch]:
        """Return the patches that replace a value."""

    @abstractmethod
    def append(self, text: str, node: ValueNode, members: Sequence[tuple[str, str]]) -> list[Patch]:
        """Return the patches that add members, see `extended`."""

    @abstractmethod
    def remove(self, text: str, node: ValueNode, indexes: Iterable[int]) -> list[Patch]:
        """Return the patches that remove members by their indexes."""


def patched(text: str, patches: Iterable[Patch]) -> str:
    """Return a text with all patches applied; they do not overlap."""
    parts, end = [], 0
    for patch in sorted(patches):
        parts += [text[end : patch.start], patch.text]
        end = patch.end
    return "".join([*parts, text[end:]])


def runs(indexes: Iterable[int]) -> list[tuple[int, int]]:
    """Return the runs of successive numbers, each as its first and its last.

    >>> runs([4, 1, 2])
    [(1, 2), (4, 4)]
    """
    found: list[tuple[int, int]] = []
    for index in sorted(set(indexes)):
        if found and index == found[-1][1] + 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found
