"""Three-way merge of JSON texts by their values, where lines conflict only because the values are neighbours."""

from collections.abc import Iterator, Sequence

from explorer.codecs.text.json_syntax import json_tokens
from explorer.codecs.text.token_layout import Tokens
from explorer.model.errors import InvalidText


def merge_json_values(base: str, mine: str, theirs: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the merged text and its conflicting lines; a conflict takes mine.

    A list counts as one value: its elements have no names by which they could be told apart.

    Returns:
        None if a text is no JSON, or if the names and brackets of the three are not the same.
    """
    try:
        old, my, their = json_tokens(base), json_tokens(mine), json_tokens(theirs)
    except InvalidText:
        return None
    if not old.kinds == my.kinds == their.kinds or not _names(old) == _names(my) == _names(their):
        return None
    texts: list[str] = []
    conflicts: list[str] = []
    for part in _units(old.kinds):
        before, here, there = old.texts[part], my.texts[part], their.texts[part]
        is_mine = here not in (before, there)
        if is_mine and there != before:
            line = 1 + sum(gap.count("\n") for gap in their.gaps[: part.start + 1])
            conflicts.append(f"line {line}")
        texts += here if is_mine else there
    return Tokens(texts, their.kinds, their.gaps).joined(their.gaps), tuple(conflicts)


def _names(tokens: Tokens) -> list[str]:
    return [text for text, kind in zip(tokens.texts, tokens.kinds[1:], strict=False) if kind == ":"]


def _units(kinds: Sequence[str]) -> Iterator[slice]:
    """Yield the places of tokens; a list is one unit."""
    depth = start = 0
    for index, kind in enumerate(kinds):
        if not depth:
            start = index
        depth += (kind == "[") - (kind == "]")
        if not depth:
            yield slice(start, index + 1)
