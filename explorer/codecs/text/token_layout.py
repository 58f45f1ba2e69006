"""Indented layout of a token sequence, and restoration of the stored layout after an edit.

Tokens never change: numbers, escapes, repeated names and the order of names stay. Only the white space between them,
the gaps, is indented, and restored from the stored text afterwards.
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
"""An anchor, a tag, or the question mark of a key: it precedes a value in the same line."""
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a text and the gaps around them."""

    texts: Sequence[str]
    kinds: Sequence[str]
    """Kind of each token: a bracket, `,`, `:`, `VALUE` or `PROPERTY`."""
    gaps: Sequence[str]
    """Gap before each token, and the gap after the last."""

    @property
    def has_elements(self) -> bool:
        """True for a list or mapping that is not empty."""
        return len(self.kinds) > 2 and self.kinds[0] in OPENERS  # noqa: PLR2004 - more than two brackets

    @property
    def in_one_line(self) -> bool:
        """True if no gap between two tokens has a line feed."""
        return not any("\n" in gap for gap in self.gaps[1:-1])

    def joined(self, gaps: Sequence[str]) -> str:
        """Return the text of the tokens with other gaps."""
        parts: list[str] = []
        for gap, text in zip(gaps, self.texts, strict=False):
            parts += (gap, text)
        return "".join((*parts, gaps[-1]))


@dataclass(frozen=True, slots=True)
class TokenLayout:
    """Indented layout of a stored text."""

    stored: Tokens
    tokenize: Callable[[str], Tokens]
    """Returns the tokens of a text; raises InvalidText for another syntax."""

    @property
    def text(self) -> str:
        """Stored text with one element a line."""
        return self.stored.joined(indented_gaps(self.stored))

    def restore(self, edited: str) -> str:
        """Return an edited text in the stored layout; additions take the style of their surroundings.

        Raises:
            InvalidText: The edited text has another syntax.
        """
        tokens = self.tokenize(edited)
        return tokens.joined(self.gaps(tokens))

    def gaps(self, edited: Tokens) -> list[str]:
        """Return the gaps of an edited text in the stored layout."""
        return list(_restored_gaps(self.stored, edited))


def indented_gaps(tokens: Tokens) -> list[str]:
    """Return the gaps of the layout with one element a line; an empty list or mapping stays on its line."""
    gaps: list[str] = []
    depth = 0
    before = ""
    for kind in tokens.kinds:
        depth -= kind in CLOSERS
        if before in OPENERS and before and kind in CLOSERS:
            gap = ""
        elif before and (before in OPENERS or before == "," or kind in CLOSERS):
            gap = "\n" + _INDENT * depth
        elif before == PROPERTY or (before == ":" and kind != ","):
            gap = " "
        else:
            gap = " " if before == VALUE and kind in (VALUE, PROPERTY) else ""
        gaps.append(gap)
        depth += kind in OPENERS
        before = kind
    return [*gaps, ""]


def _restored_gaps(stored: Tokens, edited: Tokens) -> Iterator[str]:
    """Yield the gap before each token of an edited text, and the gap after the last."""
    stored_index = _match_tokens(stored, edited)
    matcher: _GapMatcher | None = None
    last = len(edited.texts)
    for at in range(last + 1):
        before = 0 if at == 0 else stored_index.get(at - 1, -2) + 1
        after = len(stored.texts) if at == last else stored_index.get(at, -9)
        if before == after:
            yield stored.gaps[after]
        else:
            matcher = matcher or _GapMatcher(stored, edited)
            yield matcher.gap(at, (after, before))


class _GapMatcher:
    """Gaps for places where tokens were added, changed or removed."""

    def __init__(self, stored: Tokens, edited: Tokens) -> None:
        self._tokens = stored
        self._stored, self._edited = list(_slots(stored)), list(_slots(edited))
        self._style: _Style | None = None

    def gap(self, at: int, candidates: Sequence[int]) -> str:
        """Return the gap at an index: an adjacent stored gap in a slot of the same kind, or else the usual one."""
        slot = self._edited[at]
        matching = (one for one in candidates if one >= 0 and self._stored[one].kind == slot.kind)
        index = next(matching, None)
        if index is not None:
            return self._tokens.gaps[index]
        self._style = self._style or _Style(self._tokens)
        return self._style.gap(slot)


def _match_tokens(stored: Tokens, edited: Tokens) -> dict[int, int]:
    """Return the index of the stored token for tokens of an edited text: by indented lines first, then one by one."""
    old, new = _lines(stored), _lines(edited)
    old_lines, new_lines = (
        [tuple(tokens.texts[line]) for line in lines] for tokens, lines in ((stored, old), (edited, new))
    )
    stored_index: dict[int, int] = {}
    old_end = new_end = 0
    for old_at, new_at in (*_match_lines(old_lines, new_lines), (len(old), len(new))):
        if (old_at, new_at) != (old_end, new_end):
            _match_slices(
                stored.texts, edited.texts, _span(old[old_end:old_at]), _span(new[new_end:new_at]), stored_index
            )
        if old_at < len(old):
            starts = old[old_at].start, new[new_at].start
            stored_index.update((starts[1] + by, starts[0] + by) for by in range(len(old_lines[old_at])))
        old_end, new_end = old_at + 1, new_at + 1
    return stored_index


def _match_lines(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Yield pairs of equal lines: first those that are unique in both, as patience diff does, then those between."""
    old_end = new_end = 0
    for old_at, new_at in (*_longest_increasing(_unique_pairs(old, new)), (len(old), len(new))):
        for one, other in matching_pairs(old[old_end:old_at], new[new_end:new_at]):
            yield old_end + one, new_end + other
        if old_at < len(old):
            yield old_at, new_at
        old_end, new_end = old_at + 1, new_at + 1


def _unique_pairs(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    counts, new_counts = Counter(old), Counter(new)
    new_index = {line: at for at, line in enumerate(new)}
    return ((at, new_index[line]) for at, line in enumerate(old) if counts[line] == new_counts[line] == 1)


def _longest_increasing(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest subsequence of pairs whose second items increase; the first items always do."""
    ends: list[int] = []
    found: list[tuple[tuple[int, int], int]] = []
    last: list[int] = []
    for pair in pairs:
        length = bisect_left(ends, pair[1])
        found.append((pair, last[length - 1] if length else -1))
        ends[length : length + 1] = [pair[1]]
        last[length : length + 1] = [len(found) - 1]
    subsequence: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        pair, at = found[at]
        subsequence.append(pair)
    return subsequence[::-1]


def _match_slices(
    stored: Sequence[Hashable], edited: Sequence[Hashable], old: slice, new: slice, stored_index: dict[int, int]
) -> None:
    for one, other in matching_pairs(stored[old], edited[new]):
        stored_index[new.start + other] = old.start + one


def _span(lines: Sequence[slice]) -> slice:
    return slice(lines[0].start, lines[-1].stop) if lines else slice(0, 0)


def _lines(tokens: Tokens) -> list[slice]:
    """Return the slice of tokens of each line of the indented layout."""
    starts = [at for at, gap in enumerate(indented_gaps(tokens)[:-1]) if at == 0 or "\n" in gap]
    return [slice(start, end) for start, end in pairwise((*starts, len(tokens.texts)))]


@dataclass(frozen=True, slots=True)
class _Slot:
    """Syntactic position of a gap."""

    kind: str
    """Kinds of the tokens on both sides."""
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
    """Return the kind of a token beside a gap; from outside, a list or mapping is a value."""
    return VALUE if kind in (CLOSERS if before else OPENERS) else kind


class _Style:
    """Usual gap for each kind of slot."""

    def __init__(self, stored: Tokens) -> None:
        self._counts: defaultdict[tuple[str | int, ...], Counter[tuple[str, int]]] = defaultdict(Counter)
        for slot, gap in zip(_slots(stored), stored.gaps, strict=True):
            for name in _slot_keys(slot):
                self._counts[name][gap, slot.depth] += 1

    def gap(self, slot: _Slot) -> str:
        """Return the most common gap of the most similar slots."""
        counts = next((self._counts[name] for name in _slot_keys(slot) if name in self._counts), None)
        if counts is None:
            return ""
        (gap, depth), _ = counts.most_common(1)[0]
        start, line_feed, indentation = gap.rpartition("\n")
        if not line_feed or depth == slot.depth:
            return gap
        unit = indentation[: len(indentation) // depth] if depth else _INDENT
        return start + line_feed + unit * slot.depth


def _slot_keys(slot: _Slot) -> tuple[tuple[str | int, ...], ...]:
    return (slot.kind, slot.container, slot.depth), (slot.kind, slot.container), (slot.kind,)
