"""Three versions of a sequence brought together, as diff3 does: what only one side changed is taken from that side.

Source: Khanna, Kunal, Pierce, A Formal Investigation of Diff3 (FSTTCS 2007).
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto
from typing import Final

_MOST: Final = 20_000_000
"""Pairs of elements to look at; longer sequences are compared from both ends only."""


class Side(Enum):
    """Who changed a part."""

    UNCHANGED = auto()
    MINE = auto()
    THEIRS = auto()
    BOTH = auto()
    """Both, and to the same."""
    CONFLICT = auto()
    """Both, and not to the same."""


@dataclass(frozen=True, slots=True)
class Part:
    """Parts of the three sequences that stand for each other."""

    side: Side
    base: slice
    mine: slice
    theirs: slice


def parts(base: Sequence[Hashable], mine: Sequence[Hashable], theirs: Sequence[Hashable]) -> Iterator[Part]:
    """Cut three sequences at what all of them have in common; the parts together are the whole of each."""
    in_mine, in_theirs = dict(matching_pairs(base, mine)), dict(matching_pairs(base, theirs))
    common = [at for at in range(len(base)) if at in in_mine and at in in_theirs]
    was, my, their = 0, 0, 0
    for at in (*common, len(base)):
        my_next, their_next = in_mine.get(at, len(mine)), in_theirs.get(at, len(theirs))
        if at == len(base):
            my_next, their_next = len(mine), len(theirs)
        if (was, my, their) != (at, my_next, their_next):
            slices = slice(was, at), slice(my, my_next), slice(their, their_next)
            yield Part(_side(base[slices[0]], mine[slices[1]], theirs[slices[2]]), *slices)
        if at < len(base):
            one = slice(at, at + 1), slice(my_next, my_next + 1), slice(their_next, their_next + 1)
            yield Part(Side.UNCHANGED, *one)
        was, my, their = at + 1, my_next + 1, their_next + 1


def _side(base: Sequence[Hashable], mine: Sequence[Hashable], theirs: Sequence[Hashable]) -> Side:
    if mine == theirs:
        return Side.UNCHANGED if mine == base else Side.BOTH
    if theirs == base:
        return Side.MINE
    return Side.THEIRS if mine == base else Side.CONFLICT


def matching_pairs(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Pair the elements that two sequences have in common, in order."""
    least = min(len(old), len(new))
    start = 0
    while start < least and old[start] == new[start]:
        yield start, start
        start += 1
    end = 0
    while end < least - start and old[-1 - end] == new[-1 - end]:
        end += 1
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if 0 < len(middle_old) * len(middle_new) <= _MOST:
        for block in SequenceMatcher(None, middle_old, middle_new).get_matching_blocks():
            for offset in range(block.size):
                yield start + block.a + offset, start + block.b + offset
    for offset in range(end, 0, -1):
        yield len(old) - offset, len(new) - offset


def merge_lines(base: str, mine: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    """Merge texts line by line; where both changed the same lines, mine is taken and the lines are named."""
    old, my, their = base.split("\n"), mine.split("\n"), theirs.split("\n")
    lines: list[str] = []
    conflicts: list[str] = []
    for part in parts(old, my, their):
        taken = their[part.theirs] if part.side is Side.THEIRS else my[part.mine]
        if part.side is Side.CONFLICT:
            conflicts.append(_lines(len(lines), len(taken)))
        lines += taken
    return "\n".join(lines), tuple(conflicts)


def _lines(before: int, count: int) -> str:
    if count == 0:
        return f"lines deleted after line {before}" if before else "lines deleted at the start"
    return f"line {before + 1}" if count == 1 else f"lines {before + 1}-{before + count}"
