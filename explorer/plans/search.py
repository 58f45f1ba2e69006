"""Search in keys and values below a prefix, and plans that replace what was found in values."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from fnmatch import translate
from typing import Final, Literal, Protocol, runtime_checkable

from explorer.drivers.common.pagination import flattened
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry
from explorer.model.errors import InvalidText
from explorer.model.sanitize import pluralize
from explorer.plans.side import PlanSide

MAX_MATCH_LENGTH: Final = 200
"""Characters of a line that are shown of a match in a value."""
MAX_SEARCHED: Final = 8 * 2**20
"""Bytes of a value up to which it is searched."""
MASKED_VALUE: Final = "masked"
NO_RIGHT: Final = "may not be read"
TOO_LARGE: Final = f"larger than {MAX_SEARCHED // 2**20} MiB"
_GLOB: Final = re.compile(r"[*?\[]")
_ESCAPE: Final = re.compile(r"\\.")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Patterns to look for; both must match if both are given.

    Args:
        key: Part of a key, or a glob of the whole key, or with `regex` a regular expression; None for any key.
        value: Part of a value's text, or with `regex` a regular expression; None for any value.
        regex: Whether the patterns are regular expressions.
        ignore_case: Whether upper and lower case are the same; None for each pattern that has no upper-case letter.

    Raises:
        InvalidText: A pattern is no regular expression.
    """

    key: str | None = None
    value: str | None = None
    regex: bool = False
    ignore_case: bool | None = False

    def key_pattern(self) -> re.Pattern[str] | None:
        """Return the pattern of keys; None for any."""
        if self.key is None:
            return None
        if not self.regex and _GLOB.search(self.key):
            return _compiled(translate(self.key), ignore_case=self._ignores_case(self.key))
        return self._pattern(self.key)

    def value_pattern(self) -> re.Pattern[str] | None:
        """Return the pattern of values; None for any."""
        return None if self.value is None else self._pattern(self.value)

    def _pattern(self, text: str) -> re.Pattern[str]:
        return _compiled(text if self.regex else re.escape(text), ignore_case=self._ignores_case(text))

    def _ignores_case(self, text: str) -> bool:
        if self.ignore_case is not None:
            return self.ignore_case
        letters = _ESCAPE.sub("", text) if self.regex else text
        return letters == letters.lower()


@runtime_checkable
class KeyCounter(Protocol):
    """A store that counts keys at once, without reading them."""

    async def count(self, prefix: str) -> int:
        """Return the number of keys below a prefix."""


async def count_keys(side: PlanSide) -> int | None:
    """Return about how many keys a side has; None if its store would have to read them."""
    return await side.store.count(side.prefix) if isinstance(side.store, KeyCounter) else None


class MessageCodecs(Protocol):
    """Codecs that know which values are messages."""

    def message_text(self, key: str, value: bytes) -> str | None:
        """Return the text of a value that a schema maps; None for any other."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A key that matches.

    Args:
        key: The key.
        where: Where the match is.
        match: The key, or the line of the value with the match.
        span: Start and end of the matching text within `match`.
        line: Number of the value's line, from 1; 0 in a key.
    """

    key: str
    where: Literal["key", "value"]
    match: str
    span: tuple[int, int] = (0, 0)
    line: int = 0


class Search:
    """A search below a prefix that runs page by page, and can be left at any time.

    Pages are searched in a thread, so that the event loop goes on.

    Args:
        side: The store and the prefix.
        query: The patterns.
        decode: Returns the text of an entry's value to search in, on that thread; by default its bytes as text.
        is_masked: Returns whether the value of a key is not searched.
    """

    def __init__(
        self,
        side: PlanSide,
        query: SearchQuery,
        decode: Callable[[Entry], str] | None = None,
        is_masked: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._side = side
        self._is_masked = is_masked
        self._decode = decode or value_text
        self._key, self._value = query.key_pattern(), query.value_pattern()
        self.looked_at = 0
        """Number of keys that were looked at so far."""
        self.left_out: Counter[str] = Counter()
        """Number of keys whose values could not be searched, by the reason."""
        self.is_complete = False
        """True once every key below the prefix was looked at."""

    def hits(self) -> AsyncGenerator[SearchHit, None]:
        """Yield what matches, in the order in which the store lists its keys.

        Raises:
            KeyNotFound: There is nothing below the prefix.
        """
        return flattened(self.pages())

    async def pages(self) -> AsyncGenerator[Sequence[SearchHit], None]:
        """Yield what matches of each page of entries.

        Raises:
            KeyNotFound: There is nothing below the prefix.
        """
        values = self._value is not None
        async with aclosing(self._side.store.walk_pages(self._side.prefix, values=values)) as pages:
            async for page in pages:
                hits, left_out = await asyncio.to_thread(self._search, page)
                self.looked_at += len(page)
                self.left_out += left_out
                yield hits
        self.is_complete = True

    def _search(self, entries: Sequence[Entry]) -> tuple[Sequence[SearchHit], Counter[str]]:
        left_out: Counter[str] = Counter()
        if self._value is None:
            return list(self._key_hits(entries)), left_out
        if self._key is not None:
            entries = [entry for entry in entries if self._key.search(entry.key)]
        return list(self._value_hits(entries, self._value, left_out)), left_out

    def _key_hits(self, entries: Iterable[Entry]) -> Iterator[SearchHit]:
        for entry in entries:
            if self._key is None:
                yield SearchHit(entry.key, "key", entry.key)
            elif match := self._key.search(entry.key):
                yield SearchHit(entry.key, "key", entry.key, match.span())

    def _value_hits(
        self, entries: Iterable[Entry], pattern: re.Pattern[str], left_out: Counter[str]
    ) -> Iterator[SearchHit]:
        search, decode, is_masked = pattern.search, self._decode, self._is_masked  # for entries by the million
        for entry in entries:
            value = entry.value
            if value is None:
                if Capability.DIRECTORIES not in self._side.store.capabilities:
                    left_out[NO_RIGHT] += 1
            elif is_masked(entry.key):
                left_out[MASKED_VALUE] += 1
            elif len(value) > MAX_SEARCHED:
                left_out[TOO_LARGE] += 1
            elif match := search(text := decode(entry)):
                yield _value_hit(entry.key, text, *match.span())


def left_out_texts(left_out: Mapping[str, int]) -> Iterator[str]:
    """Yield how many values were not searched, and why."""
    for reason, count in sorted(left_out.items()):
        yield f"not searched: {pluralize(count, 'value')} ({reason})"


def value_text(entry: Entry) -> str:
    """Return the bytes of a value as text; those that are not UTF-8 are kept by surrogateescape."""
    return (entry.value or b"").decode("utf-8", "surrogateescape")


def searched_text(codecs: MessageCodecs, entry: Entry) -> str:
    """Return the text of a value to search in: of a message its fields, of any other its bytes."""
    text = codecs.message_text(entry.key, entry.value or b"")
    return value_text(entry) if text is None else text


def _compiled(expression: str, *, ignore_case: bool) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)
    except re.error as error:
        raise InvalidText(f"{expression!r} is no regular expression: {error}") from error


def _value_hit(key: str, text: str, start: int, end: int) -> SearchHit:
    """Return the hit at a place of a text, with the line that it begins in, cut around it."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    last = len(text) if last < 0 else last
    first = max(first, start - MAX_MATCH_LENGTH // 2)
    line = text[first : min(last, first + MAX_MATCH_LENGTH)]
    span = start - first, min(end - first, len(line))
    return SearchHit(key, "value", line, span, text.count("\n", 0, start) + 1)
