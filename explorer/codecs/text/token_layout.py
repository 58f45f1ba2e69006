"""White space between the tokens of a text: an indented layout to read and edit, and the way back to the stored one.

Tokens are never changed: numbers, escapes, repeated names and the order of names are those of the text. Only what
stands between them, the gaps, is laid out anew, and restored from the stored text afterwards.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from explorer.codecs.line_merge import matching_pairs

OPENERS: Final = "{["
CLOSERS: Final = "}]"
VALUE: Final = "v"
PROPERTY: Final = "p"
"""An anchor, a tag, or the sign of a key: it stands before a value, in the same line."""
_UNIT: Final = "  "


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text, cut into tokens and the gaps around them."""

    texts: Sequence[str]
    kinds: Sequence[str]
    """Of each token: a bracket, `,`, `:`, `VALUE` or `PROPERTY`."""
    gaps: Sequence[str]
    """The gap before each token, and at the end what stands behind the last."""

    @property
    def has_elements(self) -> bool:
        """Whether it is a list or a mapping with something in it."""
        return len(self.kinds) > 2 and self.kinds[0] in OPENERS  # noqa: PLR2004 - more than two brackets

    @property
    def in_one_line(self) -> bool:
        """Whether no gap between two tokens has a line feed."""
        return not any("\n" in gap for gap in self.gaps[1:-1])

    def joined(self, gaps: Sequence[str]) -> str:
        """Return the text with other gaps."""
        parts: list[str] = []
        for gap, text in zip(gaps, self.texts, strict=False):
            parts += (gap, text)
        return "".join((*parts, gaps[-1]))


@dataclass(frozen=True, slots=True)
class TokenLayout:
    """The indented layout of a stored text."""

    stored: Tokens
    read: Callable[[str], Tokens]
    """Cuts a text into tokens; raises InvalidText if it has another syntax."""

    @property
    def text(self) -> str:
        """The stored text with one element a line."""
        return self.stored.joined(indented_gaps(self.stored))

    def restore(self, edited: str) -> str:
        """Return an edited text in the layout of the stored one; what was added is laid out like what is around it.

        Raises:
            InvalidText: The edited text cannot be cut into tokens.
        """
        tokens = self.read(edited)
        return tokens.joined(self.gaps(tokens))

    def gaps(self, edited: Tokens) -> list[str]:
        """Return the gaps that an edited text has in the stored layout."""
        return list(_restored_gaps(self.stored, edited))


def indented_gaps(tokens: Tokens) -> list[str]:
    """Return the gaps of a layout with one element a line; an empty list or mapping stays in its line."""
    gaps: list[str] = []
    depth = 0
    before = ""
    for kind in tokens.kinds:
        depth -= kind in CLOSERS
        if before in OPENERS and before and kind in CLOSERS:
            gap = ""
        elif before and (before in OPENERS or before == "," or kind in CLOSERS):
            gap = "\n" + _UNIT * depth
        elif before == PROPERTY or (before == ":" and kind != ","):
            gap = " "
        else:
            gap = " " if before == VALUE and kind in (VALUE, PROPERTY) else ""
        gaps.append(gap)
        depth += kind in OPENERS
        before = kind
    return [*gaps, ""]


def _restored_gaps(stored: Tokens, edited: Tokens) -> Iterator[str]:
    """Return the gap before each token of an edited text, and the last one."""
    partners = _partners(stored, edited)
    places: _Places | None = None
    last = len(edited.texts)
    for at in range(last + 1):
        before = 0 if at == 0 else partners.get(at - 1, -2) + 1
        after = len(stored.texts) if at == last else partners.get(at, -9)
        if before == after:
            yield stored.gaps[after]
        else:
            places = places or _Places(stored, edited)
            yield places.gap(at, (after, before))


class _Places:
    """Where the gaps of two texts stand, looked at once a token was added, changed or removed."""

    def __init__(self, stored: Tokens, edited: Tokens) -> None:
        self._tokens = stored
        self._stored, self._edited = list(_slots(stored)), list(_slots(edited))
        self._style: _Style | None = None

    def gap(self, at: int, candidates: Sequence[int]) -> str:
        """Return the gap at a place: a stored one next to it, if that stands at a place of the same kind."""
        slot = self._edited[at]
        fitting = (one for one in candidates if one >= 0 and self._stored[one].kind == slot.kind)
        found = next(fitting, None)
        if found is not None:
            return self._tokens.gaps[found]
        self._style = self._style or _Style(self._tokens)
        return self._style.gap(slot)


def _partners(stored: Tokens, edited: Tokens) -> dict[int, int]:
    """Pair the tokens of an edited text with those of the stored one: first by indented lines, then one by one."""
    old, new = _lines(stored), _lines(edited)
    old_lines, new_lines = (
        [tuple(tokens.texts[line]) for line in lines] for tokens, lines in ((stored, old), (edited, new))
    )
    partners: dict[int, int] = {}
    old_end = new_end = 0
    for old_at, new_at in (*_anchored(old_lines, new_lines), (len(old), len(new))):
        if (old_at, new_at) != (old_end, new_end):
            _pair(stored.texts, edited.texts, _span(old[old_end:old_at]), _span(new[new_end:new_at]), partners)
        if old_at < len(old):
            starts = old[old_at].start, new[new_at].start
            partners.update((starts[1] + by, starts[0] + by) for by in range(len(old_lines[old_at])))
        old_end, new_end = old_at + 1, new_at + 1
    return partners


def _anchored(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Pair lines in order: first those that stand once in both, as patience diff does, then what is between them."""
    old_end = new_end = 0
    for old_at, new_at in (*_longest_ascent(_unique_pairs(old, new)), (len(old), len(new))):
        for one, other in matching_pairs(old[old_end:old_at], new[new_end:new_at]):
            yield old_end + one, new_end + other
        if old_at < len(old):
            yield old_at, new_at
        old_end, new_end = old_at + 1, new_at + 1


def _unique_pairs(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    counts, new_counts = Counter(old), Counter(new)
    places = {line: at for at, line in enumerate(new)}
    return ((at, places[line]) for at, line in enumerate(old) if counts[line] == new_counts[line] == 1)


def _longest_ascent(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest part of pairs in which both sides ascend; the first sides do anyway."""
    ends: list[int] = []
    found: list[tuple[tuple[int, int], int]] = []
    last: list[int] = []
    for pair in pairs:
        length = bisect_left(ends, pair[1])
        found.append((pair, last[length - 1] if length else -1))
        ends[length : length + 1] = [pair[1]]
        last[length : length + 1] = [len(found) - 1]
    ascent: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        pair, at = found[at]
        ascent.append(pair)
    return ascent[::-1]


def _pair(
    stored: Sequence[Hashable], edited: Sequence[Hashable], old: slice, new: slice, partners: dict[int, int]
) -> None:
    for one, other in matching_pairs(stored[old], edited[new]):
        partners[new.start + other] = old.start + one


def _span(lines: Sequence[slice]) -> slice:
    return slice(lines[0].start, lines[-1].stop) if lines else slice(0, 0)


def _lines(tokens: Tokens) -> list[slice]:
    """Return which tokens stand in each line of the indented layout."""
    starts = [at for at, gap in enumerate(indented_gaps(tokens)[:-1]) if at == 0 or "\n" in gap]
    return [slice(start, end) for start, end in pairwise((*starts, len(tokens.texts)))]


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a gap stands."""

    kind: str
    """What is on both sides of it."""
    container: str
    depth: int


def _slots(tokens: Tokens) -> Iterator[_Slot]:
    stack: list[str] = []
    before = "^"
    for kind in (*tokens.kinds, "$"):
        container, depth = (stack[-1] if stack else ""), len(stack)
        if kind in CLOSERS and stack:
            stack.pop()
            depth -= 1
        yield _Slot(_side(before, before=True) + _side(kind, before=False), container, depth)
        if kind in OPENERS:
            stack.append(kind)
        before = kind


def _side(kind: str, *, before: bool) -> str:
    """Return what a neighbour of a gap is, as far as white space minds: a list is a value to what is outside it."""
    return VALUE if kind in (CLOSERS if before else OPENERS) else kind


class _Style:
    """How a text is spaced: the usual gap at each kind of place."""

    def __init__(self, stored: Tokens) -> None:
        self._counts: defaultdict[tuple[str | int, ...], Counter[tuple[str, int]]] = defaultdict(Counter)
        for slot, gap in zip(_slots(stored), stored.gaps, strict=True):
            for name in _names(slot):
                self._counts[name][gap, slot.depth] += 1

    def gap(self, slot: _Slot) -> str:
        """Return the gap for a place where none is stored: the commonest one at the places most like it."""
        counts = next((self._counts[name] for name in _names(slot) if name in self._counts), None)
        if counts is None:
            return ""
        (gap, depth), _ = counts.most_common(1)[0]
        start, feed, indentation = gap.rpartition("\n")
        if not feed or depth == slot.depth:
            return gap
        unit = indentation[: len(indentation) // depth] if depth else _UNIT
        return start + feed + unit * slot.depth


def _names(slot: _Slot) -> tuple[tuple[str | int, ...], ...]:
    return (slot.kind, slot.container, slot.depth), (slot.kind, slot.container), (slot.kind,)
