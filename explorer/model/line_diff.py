"""Differences between two texts: a unified diff of lines, with the parts of a changed line that differ."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["same", "changed", "elided"]

CONTEXT: Final = 3
"""Unchanged lines shown around a change."""
MAX_UNCHANGED: Final = 240
"""Maximum number of characters shown of an unchanged part; the middle of a longer one is elided."""
_KEPT: Final = 80
"""Characters kept on each side of an elision."""
_MAX_WORDS: Final = 1500
"""Maximum number of words that are compared one by one."""
_MAX_PAIRED: Final = 64
"""Maximum number of lines of a change that are paired by similarity."""
MAX_WORD: Final = 12
"""Maximum length of a word that is marked as a whole; of a longer one only the changed part is marked."""
_ALIKE: Final = 0.5
_MOSTLY: Final = 0.75
"""Changed share of a line from which on parts are not marked: the whole line differs."""
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")
_NO_END: Final = "no line feed at the end"


class LinePart(NamedTuple):
    """A piece of a line."""

    text: str
    kind: Kind = "same"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff."""

    sign: str
    r"""`+`, `-`, a space, `@` for a hunk header, `\` for a remark on the line above."""
    parts: tuple[LinePart, ...]

    def __str__(self) -> str:
        return self.sign + "".join(part.text for part in self.parts)


def remark(text: str) -> DiffLine:
    """Return a line that stands for what is not compared."""
    return DiffLine("\\", (LinePart(text),))


def diff(before: str, after: str) -> tuple[DiffLine, ...]:
    """Return the lines of a unified diff without file headers; empty if the texts are equal."""
    ends = before.endswith("\n") != after.endswith("\n")
    old, new = _lines(before, ends=ends), _lines(after, ends=ends)
    matcher = SequenceMatcher(None, old, new)
    found: list[DiffLine] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        place = f"@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        found.append(DiffLine("@", (LinePart(place),)))
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                found += [DiffLine(" ", _elided(LinePart(line.removesuffix("\n")))) for line in old[start:end]]
            else:
                found += _changed(old[start:end], new[new_start:new_end])
    return tuple(found)


def changed_parts(before: str, after: str) -> tuple[tuple[LinePart, ...], tuple[LinePart, ...]]:
    """Return both lines as parts that are equal and parts that differ."""
    start = _common_prefix(before, after)
    end = min(_common_prefix(before[::-1], after[::-1]), min(len(before), len(after)) - start)
    start, end = _whole_words(before, after, start, end)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    middle = _by_words(old, new)
    head, tail = LinePart(before[:start]), LinePart(before[len(before) - end :])
    sides = tuple(_joined((head, *side, tail)) for side in middle)
    return sides[0], sides[1]


def _lines(text: str, *, ends: bool) -> list[str]:
    """Return the lines of a text; with `ends`, each keeps its line feed."""
    lines = text.split("\n")
    last = [lines.pop()]
    return [f"{line}\n" if ends else line for line in lines] + (last if last[0] else [])


def _range(start: int, end: int) -> str:
    """Return the line range of one side as in a hunk header."""
    count = end - start
    return str(start + 1) if count == 1 else f"{start + (count > 0)},{count}"


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    marked: dict[tuple[str, int], tuple[LinePart, ...]] = {}
    for one, other in _pairs(old, new):
        marked["-", one], marked["+", other] = changed_parts(old[one].removesuffix("\n"), new[other].removesuffix("\n"))
    ends = bool(old) and bool(new) and old[-1].endswith("\n") != new[-1].endswith("\n")
    for sign, lines in (("-", old), ("+", new)):
        for at, line in enumerate(lines):
            parts = marked.get((sign, at)) or (LinePart(line.removesuffix("\n")),)
            yield DiffLine(sign, tuple(one for part in parts for one in (_elided(part) if len(parts) > 1 else (part,))))
            if ends and not line.endswith("\n"):
                yield DiffLine("\\", (LinePart(_NO_END, "changed"),))


def _pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield pairs of lines of a change: in order where both sides have as many, otherwise by similarity."""
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


def _common_prefix(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _whole_words(before: str, after: str, start: int, end: int) -> tuple[int, int]:
    """Return the common prefix and suffix lengths, reduced to whole words unless the word is long."""
    head = _trailing_letters(before[max(0, start - MAX_WORD - 1) : start]) if _is_word_at(before, after, start) else 0
    tail = 0
    if _is_word_at(before[: len(before) - end][::-1], after[: len(after) - end][::-1], 0):
        tail = _trailing_letters(before[len(before) - end :][: MAX_WORD + 1][::-1])
    return start - (head if head <= MAX_WORD else 0), end - (tail if tail <= MAX_WORD else 0)


def _trailing_letters(text: str) -> int:
    """Return the number of letters and digits at the end of a text."""
    return len(text) - len(text.rstrip(_letters(text)))


def _letters(text: str) -> str:
    return "".join({letter for letter in text if letter.isalnum()})


def _is_word_at(before: str, after: str, at: int) -> bool:
    """Return whether either text has a word character at an index."""
    return any(side[at : at + 1].isalnum() for side in (before, after))


def _by_words(old: str, new: str) -> tuple[tuple[LinePart, ...], tuple[LinePart, ...]]:
    """Return both texts as parts, compared word by word."""
    if not old or not new:
        return (LinePart(old, "changed"),), (LinePart(new, "changed"),)
    one, other = _WORD.findall(old), _WORD.findall(new)
    if max(len(one), len(other)) > _MAX_WORDS:
        return (LinePart(old, "changed"),), (LinePart(new, "changed"),)
    sides: tuple[list[LinePart], list[LinePart]] = ([], [])
    for tag, start, end, new_start, new_end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        kind: Kind = "same" if tag == "equal" else "changed"
        sides[0].append(LinePart("".join(one[start:end]), kind))
        sides[1].append(LinePart("".join(other[new_start:new_end]), kind))
    return tuple(sides[0]), tuple(sides[1])


def _joined(parts: Iterable[LinePart]) -> tuple[LinePart, ...]:
    """Return the parts with neighbours of one kind joined; a line that differs nearly everywhere is one part."""
    joined: list[LinePart] = []
    for part in parts:
        if not part.text:
            continue
        if joined and joined[-1].kind == part.kind:
            joined[-1] = LinePart(joined[-1].text + part.text, part.kind)
        else:
            joined.append(part)
    differs = sum(len(part.text.strip()) for part in joined if part.kind == "changed")
    total = sum(len(part.text.strip()) for part in joined)
    if total and differs >= _MOSTLY * total:
        return (LinePart("".join(part.text for part in joined)),)
    return tuple(joined)


def _elided(part: LinePart) -> tuple[LinePart, ...]:
    """Return a part, with the middle elided if it is unchanged and long."""
    text, kind = part
    if kind != "same" or len(text) <= MAX_UNCHANGED:
        return (part,)
    left_out = len(text) - 2 * _KEPT
    return LinePart(text[:_KEPT]), LinePart(f" … {left_out:,} characters … ", "elided"), LinePart(text[-_KEPT:])
