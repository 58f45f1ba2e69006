"""Differences between two texts: a unified diff of lines, with the parts of a changed line that differ."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["same", "changed", "elided"]

CONTEXT: Final = 3
"""Unchanged lines shown around what differs."""
MAX_UNCHANGED: Final = 240
"""Characters of an unchanged part of a line that are shown; of a longer one the middle is left out."""
_KEPT: Final = 80
"""Characters that are left on each side of what is left out."""
_MAX_WORDS: Final = 1500
"""Words of a part of a line that are compared one by one."""
_MAX_PAIRED: Final = 64
"""Lines of a change of different length that are paired by how alike they are."""
MAX_WORD: Final = 12
"""Letters of a word that are marked with the one that differs; of a longer one only what differs is marked."""
_ALIKE: Final = 0.5
_MOSTLY: Final = 0.75
"""Share of two lines that differs, from which on they are not marked inside: all of them is different."""
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")
_NO_END: Final = "no line feed at the end"


class Part(NamedTuple):
    """A piece of a line."""

    text: str
    kind: Kind = "same"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff."""

    sign: str
    r"""`+`, `-`, a space, `@` for where it is, `\` for a remark on the line above."""
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return self.sign + "".join(part.text for part in self.parts)


def diff(before: str, after: str) -> tuple[DiffLine, ...]:
    """Return the lines of a unified diff without its heading; empty when nothing differs."""
    ends = before.endswith("\n") != after.endswith("\n")
    old, new = _lines(before, ends=ends), _lines(after, ends=ends)
    matcher = SequenceMatcher(None, old, new)
    found: list[DiffLine] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        place = f"@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        found.append(DiffLine("@", (Part(place),)))
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                found += [DiffLine(" ", _elided(Part(line.removesuffix("\n")))) for line in old[start:end]]
            else:
                found += _changed(old[start:end], new[new_start:new_end])
    return tuple(found)


def changed_parts(before: str, after: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return two lines cut into what is the same in both and what differs."""
    start = _common(before, after)
    end = min(_common(before[::-1], after[::-1]), min(len(before), len(after)) - start)
    start, end = _at_words(before, after, start, end)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    middle = _by_words(old, new)
    head, tail = Part(before[:start]), Part(before[len(before) - end :])
    sides = tuple(_joined((head, *side, tail)) for side in middle)
    return sides[0], sides[1]


def _lines(text: str, *, ends: bool) -> list[str]:
    """Return the lines, with their line feeds if one of two texts ends with one and the other does not."""
    lines = text.split("\n")
    last = [lines.pop()]
    return [f"{line}\n" if ends else line for line in lines] + (last if last[0] else [])


def _range(start: int, end: int) -> str:
    """Return the lines of a side as a unified diff names them."""
    count = end - start
    return str(start + 1) if count == 1 else f"{start + (count > 0)},{count}"


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    marked: dict[tuple[str, int], tuple[Part, ...]] = {}
    for one, other in _pairs(old, new):
        marked["-", one], marked["+", other] = changed_parts(old[one].removesuffix("\n"), new[other].removesuffix("\n"))
    ends = bool(old) and bool(new) and old[-1].endswith("\n") != new[-1].endswith("\n")
    for sign, lines in (("-", old), ("+", new)):
        for at, line in enumerate(lines):
            parts = marked.get((sign, at)) or (Part(line.removesuffix("\n")),)
            yield DiffLine(sign, tuple(one for part in parts for one in (_elided(part) if len(parts) > 1 else (part,))))
            if ends and not line.endswith("\n"):
                yield DiffLine("\\", (Part(_NO_END, "changed"),))


def _pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pair the lines of a change: one with the next where there are as many, else those that are alike."""
    if len(old) == len(new):
        yield from zip(range(len(old)), range(len(new)), strict=True)
        return
    if max(len(old), len(new)) > _MAX_PAIRED:
        return
    start = 0
    for one, line in enumerate(old):
        for other in range(start, len(new)):
            matcher = SequenceMatcher(None, line[:MAX_UNCHANGED], new[other][:MAX_UNCHANGED])
            if matcher.quick_ratio() > _ALIKE and matcher.ratio() > _ALIKE:
                yield one, other
                start = other + 1
                break


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at the beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _at_words(before: str, after: str, start: int, end: int) -> tuple[int, int]:
    """Draw what two lines have in common back to whole words; a long word is marked only where it differs."""
    head = _last_letters(before[max(0, start - MAX_WORD - 1) : start]) if _goes_on(before, after, start) else 0
    tail = 0
    if _goes_on(before[: len(before) - end][::-1], after[: len(after) - end][::-1], 0):
        tail = _last_letters(before[len(before) - end :][: MAX_WORD + 1][::-1])
    return start - (head if head <= MAX_WORD else 0), end - (tail if tail <= MAX_WORD else 0)


def _last_letters(text: str) -> int:
    """Return how many letters or figures a text ends with."""
    return len(text) - len(text.rstrip(_letters(text)))


def _letters(text: str) -> str:
    return "".join({letter for letter in text if letter.isalnum()})


def _goes_on(before: str, after: str, at: int) -> bool:
    """Return whether a word goes on at a place of one of two texts."""
    return any(side[at : at + 1].isalnum() for side in (before, after))


def _by_words(old: str, new: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Cut the middles of two lines into words that are the same and words that differ."""
    if not old or not new:
        return (Part(old, "changed"),), (Part(new, "changed"),)
    one, other = _WORD.findall(old), _WORD.findall(new)
    if max(len(one), len(other)) > _MAX_WORDS:
        return (Part(old, "changed"),), (Part(new, "changed"),)
    sides: tuple[list[Part], list[Part]] = ([], [])
    for tag, start, end, new_start, new_end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        kind: Kind = "same" if tag == "equal" else "changed"
        sides[0].append(Part("".join(one[start:end]), kind))
        sides[1].append(Part("".join(other[new_start:new_end]), kind))
    return tuple(sides[0]), tuple(sides[1])


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Put neighbours of one kind together; a line of which nearly all differs is not marked inside."""
    joined: list[Part] = []
    for part in parts:
        if not part.text:
            continue
        if joined and joined[-1].kind == part.kind:
            joined[-1] = Part(joined[-1].text + part.text, part.kind)
        else:
            joined.append(part)
    differs = sum(len(part.text.strip()) for part in joined if part.kind == "changed")
    total = sum(len(part.text.strip()) for part in joined)
    if total and differs >= _MOSTLY * total:
        return (Part("".join(part.text for part in joined)),)
    return tuple(joined)


def _elided(part: Part) -> tuple[Part, ...]:
    """Leave out the middle of an unchanged part that is long."""
    text, kind = part
    if kind != "same" or len(text) <= MAX_UNCHANGED:
        return (part,)
    left_out = len(text) - 2 * _KEPT
    return Part(text[:_KEPT]), Part(f" … {left_out:,} characters … ", "elided"), Part(text[-_KEPT:])
