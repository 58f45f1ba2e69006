"""Three-way merge of sequences, as diff3 does it.

Source: Khanna, Kunal, Pierce, A Formal Investigation of Diff3 (FSTTCS 2007).
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto
from typing import Final

_MAX_COMPARED_PAIRS: Final = 20_000_000
"""Pairs of elements up to which sequences are compared; longer ones only from both ends."""


class Side(Enum):
    """Side that changed a chunk."""

    UNCHANGED = auto()
    MINE = auto()
    THEIRS = auto()
    BOTH = auto()
    """Both sides, to the same."""
    CONFLICT = auto()
    """Both sides, differently."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Corresponding slices of base, mine and theirs."""

    side: Side
    base: slice
    mine: slice
    theirs: slice


def diff3_chunks(base: Sequence[Hashable], mine: Sequence[Hashable], theirs: Sequence[Hashable]) -> Iterator[Chunk]:
    """Yield the chunks of three sequences in order; together they cover each sequence."""
    in_mine, in_theirs = dict(matching_pairs(base, mine)), dict(matching_pairs(base, theirs))
    common = [at for at in range(len(base)) if at in in_mine and at in in_theirs]
    base_at, my_at, their_at = 0, 0, 0
    for at in (*common, len(base)):
        my_next, their_next = in_mine.get(at, len(mine)), in_theirs.get(at, len(theirs))
        if at == len(base):
            my_next, their_next = len(mine), len(theirs)
        if (base_at, my_at, their_at) != (at, my_next, their_next):
            slices = slice(base_at, at), slice(my_at, my_next), slice(their_at, their_next)
            yield Chunk(_side(base[slices[0]], mine[slices[1]], theirs[slices[2]]), *slices)
        if at < len(base):
            one = slice(at, at + 1), slice(my_next, my_next + 1), slice(their_next, their_next + 1)
            yield Chunk(Side.UNCHANGED, *one)
        base_at, my_at, their_at = at + 1, my_next + 1, their_next + 1


def _side(base: Sequence[Hashable], mine: Sequence[Hashable], theirs: Sequence[Hashable]) -> Side:
    if mine == theirs:
        return Side.UNCHANGED if mine == base else Side.BOTH
    if theirs == base:
        return Side.MINE
    return Side.THEIRS if mine == base else Side.CONFLICT


def matching_pairs(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Yield the indexes of the common elements of two sequences, in order."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        yield start, start
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if 0 < len(middle_old) * len(middle_new) <= _MAX_COMPARED_PAIRS:
        for block in SequenceMatcher(None, middle_old, middle_new).get_matching_blocks():
            for offset in range(block.size):
                yield start + block.a + offset, start + block.b + offset
    for offset in range(end, 0, -1):
        yield len(old) - offset, len(new) - offset


def merge_lines(base: str, mine: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    """Return the merged text and its conflicting lines; a conflict takes mine."""
    old, my, their = base.split("\n"), mine.split("\n"), theirs.split("\n")
    lines: list[str] = []
    conflicts: list[str] = []
    for chunk in diff3_chunks(old, my, their):
        chosen = their[chunk.theirs] if chunk.side is Side.THEIRS else my[chunk.mine]
        if chunk.side is Side.CONFLICT:
            conflicts.append(_describe_lines(len(lines), len(chosen)))
        lines += chosen
    return "\n".join(lines), tuple(conflicts)


def _describe_lines(before: int, count: int) -> str:
    if count == 0:
        return f"lines deleted after line {before}" if before else "lines deleted at the start"
    return f"line {before + 1}" if count == 1 else f"lines {before + 1}-{before + count}"
