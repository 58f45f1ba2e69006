"""Search in keys and values below a prefix, and plans that replace what was found in values."""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from fnmatch import translate
from typing import Final, Literal

from explorer.drivers.base import PAGE_SIZE
from explorer.model.capabilities import Capability
from explorer.model.entries import Cursor, Entry
from explorer.model.errors import CallNotSupported, InvalidText
from explorer.plans.plan import Change, OmittedKey, Plan, part_of
from explorer.plans.side import PlanSide, omission

MAX_MATCH_LENGTH: Final = 200
"""Characters of a line that are shown of a match in a value."""
_GLOB: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Patterns to look for; both must match if both are given.

    Args:
        key: Part of a key, or a glob of the whole key, or with `regex` a regular expression; None for any key.
        value: Part of a value's text, or with `regex` a regular expression; None for any value.
        regex: Whether the patterns are regular expressions.
        ignore_case: Whether upper and lower case are the same.

    Raises:
        InvalidText: A pattern is no regular expression.
    """

    key: str | None = None
    value: str | None = None
    regex: bool = False
    ignore_case: bool = False

    def key_pattern(self) -> re.Pattern[str] | None:
        """Return the pattern of keys; None for any."""
        if self.key is None:
            return None
        if not self.regex and _GLOB.search(self.key):
            return _compiled(translate(self.key), ignore_case=self.ignore_case)
        return self._pattern(self.key)

    def value_pattern(self) -> re.Pattern[str] | None:
        """Return the pattern of values; None for any."""
        return None if self.value is None else self._pattern(self.value)

    def _pattern(self, text: str) -> re.Pattern[str]:
        return _compiled(text if self.regex else re.escape(text), ignore_case=self.ignore_case)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A key that matches.

    Args:
        key: The key.
        where: Where the match is.
        match: The key, or the line of the value with the match.
    """

    key: str
    where: Literal["key", "value"]
    match: str


class Search:
    """A search below a prefix that runs page by page, and can be left at any time.

    Args:
        side: The store and the prefix.
        query: The patterns.
        decode: Returns the text of an entry's value to search in; by default its bytes as text.
    """

    def __init__(self, side: PlanSide, query: SearchQuery, decode: Callable[[Entry], str] | None = None) -> None:
        self._side = side
        self._decode = decode or value_text
        self._key, self._value = query.key_pattern(), query.value_pattern()
        self.looked_at = 0
        """Number of keys that were looked at so far."""
        self.is_complete = False
        """True once every key below the prefix was looked at."""

    async def hits(self) -> AsyncGenerator[SearchHit, None]:
        """Yield what matches, in the order in which the store lists its keys.

        Raises:
            KeyNotFound: There is nothing below the prefix.
        """
        store = self._side.store
        after: Cursor | None = None
        while True:
            page = await store.list(self._side.prefix, after=after, limit=PAGE_SIZE, values=self._value is not None)
            for entry in page.items:
                self.looked_at += 1
                if (hit := self._hit(entry)) is not None:
                    yield hit
            after = page.next
            if after is None:
                self.is_complete = True
                return

    def _hit(self, entry: Entry) -> SearchHit | None:
        if self._key is not None and not self._key.search(entry.key):
            return None
        if self._value is None:
            return SearchHit(entry.key, "key", entry.key)
        if entry.value is None:
            return None
        text = self._decode(entry)
        found = self._value.search(text)
        return None if found is None else SearchHit(entry.key, "value", _line_at(text, found.start()))


def value_text(entry: Entry) -> str:
    """Return the bytes of a value as text; those that are not UTF-8 are kept by surrogateescape."""
    return (entry.value or b"").decode("utf-8", "surrogateescape")


async def replace_plan(side: PlanSide, old: str, new: str, *, regex: bool = False) -> Plan:
    r"""Return the plan that replaces a text in all values below a prefix.

    Args:
        side: The store and the prefix.
        old: The text, or with `regex` a regular expression.
        new: The new text; with `regex` it may have groups (`\1`).
        regex: Whether `old` is a regular expression.

    Raises:
        InvalidText: A pattern is no regular expression, or the new text names a group that it lacks.
        CallNotSupported: The store cannot guard its writes.
    """
    store = side.store
    if Capability.ATOMIC not in store.capabilities:
        raise CallNotSupported("the store cannot write only what is as planned", address=store.redacted)
    pattern = SearchQuery(value=old, regex=regex).value_pattern()
    changes: list[Change] = []
    omitted: list[OmittedKey] = []
    async with aclosing(side.entries()) as entries:
        async for entry in entries:
            text = value_text(entry)
            replaced = _replaced(pattern, text, new, regex=regex)
            if replaced == text:
                continue
            key = side.key(entry.key)
            if reason := omission(entry):
                omitted.append(OmittedKey(key, reason))
            else:
                changes.append(Change.of(key, entry, replaced.encode("utf-8", "surrogateescape")))
    part = await part_of(store, changes, profile=side.profile)
    return Plan(f"replace {old!r} by {new!r} below {side.name}", (part,) if changes else (), omitted=tuple(omitted))


def _replaced(pattern: re.Pattern[str] | None, text: str, new: str, *, regex: bool) -> str:
    if pattern is None:
        return text
    try:
        return pattern.sub(new if regex else lambda _: new, text)
    except (re.error, IndexError) as error:
        raise InvalidText(f"the new text {new!r} does not fit the expression: {error}") from error


def _compiled(expression: str, *, ignore_case: bool) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)
    except re.error as error:
        raise InvalidText(f"{expression!r} is no regular expression: {error}") from error


def _line_at(text: str, place: int) -> str:
    """Return the line of a text with a place in it, cut around it."""
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    line = text[max(start, place - MAX_MATCH_LENGTH // 2) : len(text) if end < 0 else end]
    return line[:MAX_MATCH_LENGTH]
