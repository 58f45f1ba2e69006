"""Filter of the key tree: its syntax, its progress, and the search through all loaded rows."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from typing import Final

from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.marks import budget
from explorer.session.keytree.nodes import Node

SLICE_SECONDS: Final = 0.004
"""Seconds of searching after which other tasks have their turn."""
_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class TreeFilter:
    """A filter as typed.

    `word` keeps names that contain the word, `dev*7` names that match as a whole (`*`, `?`, `[a-z]`); `!` before either
    keeps the other names. A word with the separator is compared with the whole key. Case matters only if the word has
    upper case.

    With several words, each must match some name of the key, and one of them the last name: `bil lim` keeps
    `billing/prod/limits.json` but no key below it. A word after `!` must match none of the names.
    """

    text: str

    @property
    def words(self) -> tuple[str, ...]:
        """Words of the filter; a lone `!` is none."""
        return tuple(word for word in self.text.split() if word != "!")

    @property
    def cased(self) -> bool:
        """True if case matters."""
        return self.text != self.text.lower()

    def test(self, separator: str) -> Callable[[str, str], bool]:
        """Return the test of a row: a function of the key up to its name, and the name."""
        words = [_Word(word, separator) for word in self.words]
        if len(words) == 1:
            return words[0].keeps
        return _all_of(words, separator)


class _Word:
    """One word of a filter."""

    def __init__(self, text: str, separator: str) -> None:
        included, self.negated = text.removeprefix("!"), text.startswith("!")
        self.whole = bool(separator) and separator in included
        either = included == included.lower()
        if _WILD.search(included):
            match = re.compile(translate(included), re.IGNORECASE if either else 0).match

            def fits(text: str) -> bool:
                return match(text) is not None
        elif either:

            def fits(text: str) -> bool:
                return included in text.lower()
        else:

            def fits(text: str) -> bool:
                return included in text

        self.fits = fits

    def keeps(self, before: str, name: str) -> bool:
        return self.fits(before + name if self.whole else name) is not self.negated


def _all_of(words: list[_Word], separator: str) -> Callable[[str, str], bool]:
    """Return the test of several words; the names before a row are tested once for all siblings."""
    parent, missing, excluded = "", list[_Word](), False
    included = [word for word in words if not word.negated]
    excluding = [word for word in words if word.negated]
    whole = [word for word in included if word.whole]

    def test_ancestors(before: str) -> None:
        nonlocal parent, missing, excluded
        names = before.split(separator)[:-1] if separator else []
        parent = before
        missing = [word for word in included if not word.whole and not any(map(word.fits, names))]
        excluded = any(not word.whole and any(map(word.fits, names)) for word in excluding)

    test_ancestors("")

    def test(before: str, name: str) -> bool:
        if before != parent:
            test_ancestors(before)
        if excluded or any(word.fits(before + name if word.whole else name) for word in excluding):
            return False
        if not all(word.fits(name) for word in missing) or not all(word.fits(before + name) for word in whole):
            return False
        return not included or bool(missing) or any(word.whole or word.fits(name) for word in included)

    return test


@dataclass(frozen=True, slots=True)
class FilterProgress:
    """Progress of a filter."""

    filter: TreeFilter
    matching: int
    searched: int
    loaded: int
    done: bool
    """True if all loaded rows were searched."""

    def __str__(self) -> str:
        if not self.done:
            return f"{self.searched:,} of {self.loaded:,} loaded rows searched"
        return f"{self.matching:,} of {self.loaded:,} loaded rows"

    @property
    def notice(self) -> str:
        """Text in place of rows while none matches."""
        cased = " Upper case is matched as typed." if self.filter.cased else ""
        return f"No loaded row matches.{cased}" if self.done else "Searching …"


class FilterRun:
    """The active filter of a tree and its search through the loaded rows."""

    def __init__(self, rows: KeyRows, on_change: Callable[[], None]) -> None:
        """Prepare without a filter.

        Args:
            rows: Rows to filter.
            on_change: Called when rows or progress changed.
        """
        self._rows = rows
        self._on_change = on_change
        self._filter: TreeFilter | None = None
        self._searched = 0
        self._requested = asyncio.Event()
        self._done = asyncio.Event()
        self._done.set()

    @property
    def is_busy(self) -> bool:
        """True if rows are left to search."""
        return not self._done.is_set()

    @property
    def progress(self) -> FilterProgress | None:
        """Progress of the filter; None without one."""
        if self._filter is None:
            return None
        return FilterProgress(
            self._filter, self._rows.matching, self._searched, self._rows.loaded, done=not self.is_busy
        )

    async def wait_done(self) -> None:
        """Wait until all rows were searched."""
        await self._done.wait()

    def set(self, text: str | None, keep: Node | None = None) -> None:
        """Show only the loaded rows that match a filter, and their ancestors; without a text all rows.

        Args:
            text: Filter as typed (see `TreeFilter`).
            keep: Node whose folders stay open when the filter ends.
        """
        typed = TreeFilter(text or "")
        new = typed if typed.words else None
        if new == self._filter:
            return
        self._filter = new
        rows = self._rows
        rows.keeps = None if new is None else new.test(rows.separator)
        while keep is not None:
            rows.opened_by_filter.discard(keep)
            keep = keep.parent
        for node in rows.opened_by_filter:
            rows.open(node, opened=False)
        rows.opened_by_filter.clear()
        rows.unfiltered.clear()
        self._searched = 0
        self._done.clear()
        self._requested.set()

    async def run(self) -> None:
        """Search all rows whenever the filter changes, until cancelled."""
        while True:
            await self._requested.wait()
            self._requested.clear()
            await self._search()
            if not self._requested.is_set():
                self._done.set()
            self._on_change()

    async def _search(self) -> None:
        rows, keeps = self._rows, self._rows.keeps
        pending = [rows.root]
        until = budget(SLICE_SECONDS)
        while pending:
            node = pending.pop()
            prefix = rows.prefix(node)

            def is_kept(child: Node, node: Node = node, prefix: str = prefix) -> bool:
                return keeps is None or node in rows.unfiltered or (not child.is_more_row and keeps(prefix, child.name))

            name: str | None = None
            while node.branch is not None and (block := node.branch.block_after(name)) is not None:
                name = block[-1].name
                before = sum([child.kept and not child.is_more_row for child in block])
                rows.filter_block(node, block, is_kept)
                after = sum([child.kept and not child.is_more_row for child in block])
                rows.matching += after - before
                if keeps is not None and after:
                    rows.expand_ancestors(node)
                self._searched += sum([not child.is_more_row for child in block])
                pending.extend([child for child in block if child.branch is not None])
                if until():
                    self._on_change()
                    await asyncio.sleep(0)
                    if self._requested.is_set():
                        return
                    until = budget(SLICE_SECONDS)
