"""White space between the tokens of a text: an indented layout to read and edit, and the way back to the stored one.

Tokens are never changed: numbers, escapes, repeated names and the order of names are those of the text. Only what
stands between them, the gaps, is laid out anew, and restored from the stored text afterwards.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from explorer.codecs.merging import matches

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
    style = _Style(stored)
    slots = list(_slots(edited))
    stored_slots = list(_slots(stored))
    last = len(edited.texts)
    for at in range(last + 1):
        before = -1 if at == 0 else partners.get(at - 1)
        after = len(stored.texts) if at == last else partners.get(at)
        slot = slots[at]
        candidates = [after, None if before is None else before + 1]
        fitting = [one for one in candidates if one is not None and stored_slots[one].kind == slot.kind]
        yield stored.gaps[fitting[0]] if fitting else style.gap(slot)


def _partners(stored: Tokens, edited: Tokens) -> dict[int, int]:
    """Pair the tokens of an edited text with those of the stored one: first by indented lines, then one by one."""
    old, new = _lines(stored), _lines(edited)
    old_lines, new_lines = (
        [tuple(tokens.texts[line]) for line in lines] for tokens, lines in ((stored, old), (edited, new))
    )
    partners: dict[int, int] = {}
    old_end = new_end = 0
    for old_at, new_at in (*matches(old_lines, new_lines), (len(old), len(new))):
        if (old_at, new_at) != (old_end, new_end):
            _pair(stored.texts, edited.texts, _span(old[old_end:old_at]), _span(new[new_end:new_at]), partners)
        if old_at < len(old):
            starts = old[old_at].start, new[new_at].start
            partners.update((starts[1] + by, starts[0] + by) for by in range(len(old_lines[old_at])))
        old_end, new_end = old_at + 1, new_at + 1
    return partners


def _pair(
    stored: Sequence[Hashable], edited: Sequence[Hashable], old: slice, new: slice, partners: dict[int, int]
) -> None:
    for one, other in matches(stored[old], edited[new]):
        partners[new.start + other] = old.start + one


def _span(lines: Sequence[slice]) -> slice:
    return slice(lines[0].start, lines[-1].stop) if lines else slice(0, 0)


def _lines(tokens: Tokens) -> list[slice]:
    """Return which tokens stand in each line of the indented layout."""
    starts = [at for at, gap in enumerate(indented_gaps(tokens)[:-1]) if at == 0 or "\n" in gap]
    return [slice(start, end) for start, end in zip(starts, (*starts[1:], len(tokens.texts)), strict=True)]


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
        self._counts: dict[tuple[str | int, ...], Counter[tuple[str, int]]] = {}
        for slot, gap in zip(_slots(stored), stored.gaps, strict=True):
            for name in _names(slot):
                self._counts.setdefault(name, Counter())[gap, slot.depth] += 1

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
