"""Typed text: the text of an edit that several views type in, with its versions and their merge."""

from collections.abc import Sequence
from itertools import count as counter
from typing import Final

from explorer.codecs.line_merge import Side, diff3_chunks

_MAX_KEPT: Final = 64
"""Versions up to which a text can be merged with later ones."""
_MAX_CHARACTERS: Final = 16 << 20
"""Characters of all kept versions together."""


class TypedText:
    """The text as it is now, and earlier versions of it, by their numbers.

    A view sends its whole text and the version that it began with. If another view was faster, both changes are merged
    line by line.
    """

    def __init__(self) -> None:
        self.text = ""
        self.version = 0
        self._kept = {0: ""}
        self._numbers = counter(1)

    def set(self, text: str) -> None:
        """Replace the text; another one is another version."""
        if text != self.text:
            self.text, self.version = text, self.keep(text)

    def keep(self, text: str) -> int:
        """Return the number of a version that a view has, and that is not the text of all."""
        number = next(self._numbers)
        self._kept[number] = text
        while len(self._kept) > _MAX_KEPT or (
            len(self._kept) > 1 and sum(map(len, self._kept.values())) > _MAX_CHARACTERS
        ):
            del self._kept[next(iter(self._kept))]
        return number

    def merge(self, base: int, mine: str) -> str | None:
        """Return what a view has typed together with what others have; None if both changed the same lines.

        Args:
            base: Version that the view began with.
            mine: Its text.
        """
        if base == self.version or mine == self.text:
            return mine
        if base not in self._kept:
            return None
        old, mines, theirs = (text.split("\n") for text in (self._kept[base], mine, self.text))
        merged: list[str] = []
        for chunk in diff3_chunks(old, mines, theirs):
            match chunk.side:
                case Side.CONFLICT:
                    lines = _merge_lines(old[chunk.base], mines[chunk.mine], theirs[chunk.theirs])
                    if lines is None:
                        return None
                    merged += lines
                case Side.MINE:
                    merged += mines[chunk.mine]
                case _:
                    merged += theirs[chunk.theirs]
        return "\n".join(merged)


def _merge_lines(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> list[str] | None:
    """Return changed lines that are next to each other; None unless each is changed by one side only."""
    if not len(base) == len(mine) == len(theirs):
        return None
    merged: list[str] = []
    for old, my_line, their_line in zip(base, mine, theirs, strict=True):
        if old not in (my_line, their_line) and my_line != their_line:
            return None
        merged.append(their_line if my_line == old else my_line)
    return merged
