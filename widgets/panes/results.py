"""Lists of results: found keys, differences to another side, and this person's changes."""

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from explorer.model.errors import ExplorerError
from explorer.model.line_diff import DiffLine
from explorer.model.sanitize import sanitize
from explorer.plans.search import SearchHit, left_out_texts
from explorer.session.actions import Place
from explorer.session.editing.comparison_text import visible_parts
from explorer.session.results.comparison import DifferingKey
from explorer.session.results.difference_text import (
    DIFFERENCE_SIGNS,
    SIGNS,
    TONES,
    difference_progress,
    difference_title,
)
from explorer.session.results.journal_list import JournalItem
from explorer.session.results.journal_text import journal_progress, journal_row, journal_title, record_facts
from explorer.session.results.result_list import ResultList
from explorer.session.results.result_text import MATCH, find_title, match_parts, progress_text
from explorer.session.session import Session
from explorer.session.states import Part
from widgets.panes.base import Head, Json, PaneRow
from widgets.panes.cursor_pane import CursorPane

Item = TypeVar("Item")
Start = Callable[[Coroutine[object, object, None]], object]
"""Starts a task of the live session."""

_MAX_DETAILS: Final = 200
"""Lines of a diff that are shown."""
_MATCH_WIDTH: Final = 120
"""Characters of a line with a match that are sent."""


class ResultPane(CursorPane, Generic[Item]):
    """Results with how far they are, and what is known of the current one."""

    parts = Part.RESULTS

    def __init__(self, session: Session, results: ResultList[Item], start: Start) -> None:
        super().__init__(session)
        self.results = results
        self._start = start
        self._details: tuple[str, ...] = ()
        self._detailed: Item | None = None
        """Result that the details are of."""

    def count(self) -> int:
        """Return the number of results."""
        return len(self.results.items)

    @property
    def cursor(self) -> int:
        """Row of the current result."""
        return self.results.cursor if self.results.items else -1

    def move_to(self, index: int) -> None:
        """Make a result the current one."""
        self.results.select(index)
        self.on_change()

    def position(self, row: PaneRow) -> int | None:
        """Return the index of a result, which never changes."""
        return row.source if isinstance(row.source, int) and row.source < self.count() else None

    def rows(self, start: int, count: int) -> Sequence[PaneRow]:
        """Return results."""
        items = self.results.items[start : start + count]
        return [PaneRow(start + at, self.fields_of(item), source=start + at) for at, item in enumerate(items)]

    def head(self) -> Head:
        """Return what the results are of, how far they are, and what is known of the current one."""
        lines: list[Json] = [text for text in self.lines() if text]
        details = self._details if self._detailed is self.results.current else ()  # else of one that is gone
        shown: list[Json] = [*lines, *details]
        return Head(self.title(), fields={"facts": shown})

    def perform(self, action: str, times: int, height: int) -> bool:
        """Perform an action of the registry; return False if it is none of the pane's."""
        match action:
            case "again":
                self.results.refresh()
            case "stop":
                self.results.stop()
            case _:
                return super().perform(action, times, height)
        return True

    def on_change(self) -> None:
        """Read what is known of the current result."""
        current = self.results.current
        if current is not self._detailed:
            self._detailed, self._details = current, ()
            if current is not None:
                self._start(self._read_details(current))

    async def _read_details(self, item: Item) -> None:
        try:
            details = await self.details_of(item)
        except ExplorerError as error:
            details = (sanitize(error.message),)
        if item is self._detailed:
            self._details = tuple(details)
            self.results.mark_changed()

    @abstractmethod
    def title(self) -> str:
        """Return what the results are of."""

    @abstractmethod
    def lines(self) -> Iterable[str]:
        """Return how far they are."""

    @abstractmethod
    def fields_of(self, item: Item) -> Mapping[str, Json]:
        """Return the fields of a row."""

    async def details_of(self, item: Item) -> Sequence[str]:
        """Return lines about the current result."""
        del item
        return ()


class HitsPane(ResultPane[SearchHit]):
    """Found keys."""

    name = "hits"
    label = "Found"
    place = Place.HITS

    def __init__(self, session: Session, start: Start) -> None:
        super().__init__(session, session.results.finder, start)

    def title(self) -> str:
        """Return what was searched for."""
        return find_title(self.session.results.finder.request) if self.session.results.finder.was_started else ""

    def lines(self) -> Iterable[str]:
        """Return how far the search is, and what was left out."""
        finder = self.session.results.finder
        return progress_text(finder, self.session.clock.now(), MATCH)[0], *left_out_texts(finder.left_out)

    def fields_of(self, item: SearchHit) -> Mapping[str, Json]:
        """Return the key and the line that matches."""
        before, found, after = match_parts(item, _MATCH_WIDTH)
        name = sanitize(item.key) if item.where == "value" else ""
        return {"sign": "", "time": "", "name": name, "before": before, "match": found, "after": after}

    @property
    def current_key(self) -> str | None:
        """The found key under the cursor."""
        current = self.session.results.finder.current
        return None if current is None else current.key


class DifferencesPane(ResultPane[DifferingKey]):
    """Keys that differ, with the diff of the current one."""

    name = "differences"
    label = "Differences"
    place = Place.DIFFERENCES
    signs = DIFFERENCE_SIGNS

    def __init__(self, session: Session, start: Start) -> None:
        super().__init__(session, session.results.comparison, start)

    def title(self) -> str:
        """Return which sides are compared."""
        return (
            difference_title(self.session.results.comparison.request)
            if self.session.results.comparison.was_started
            else ""
        )

    def lines(self) -> Iterable[str]:
        """Return how far the comparison is."""
        return [text for text, _ in difference_progress(self.session.results.comparison, self.session.clock.now())]

    def fields_of(self, item: DifferingKey) -> Mapping[str, Json]:
        """Return sign and key."""
        tone = TONES[item.kind].value
        return {"sign": SIGNS[item.kind], "tone": tone, "time": "", "name": sanitize(item.key)}

    async def details_of(self, item: DifferingKey) -> Sequence[str]:
        """Return how the values differ."""
        return diff_texts(await self.session.results.comparison.diff(item))

    @property
    def current_key(self) -> str | None:
        """The key under the cursor, if this store has it."""
        current = self.session.results.comparison.current
        return None if current is None else self.session.results.comparison.key_here(current)


class JournalPane(ResultPane[JournalItem]):
    """This person's changes, with the diff of the current one."""

    name = "journal"
    label = "Journal"
    place = Place.JOURNAL

    def __init__(self, session: Session, start: Start) -> None:
        super().__init__(session, session.results.journal_list, start)

    def title(self) -> str:
        """Return which changes are listed."""
        return journal_title(self.session.results.journal_list.filter)

    def lines(self) -> Iterable[str]:
        """Return how many changes there are, and whether the journal is damaged."""
        return [text for text, _ in journal_progress(self.session.results.journal_list)]

    def fields_of(self, item: JournalItem) -> Mapping[str, Json]:
        """Return sign, time, key, and what else is known."""
        row = journal_row(item.record, with_store=self.session.results.journal_list.filter.is_everywhere)
        details = "  ".join((row.store, *row.details) if row.store else row.details)
        return {"sign": row.sign, "tone": row.tone.value, "time": row.time, "name": row.key, "details": details}

    def perform(self, action: str, times: int, height: int) -> bool:
        """Perform an action of the registry; return False if it is none of the pane's."""
        if action == "all-stores":
            self.session.results.journal_list.switch_stores()
            return True
        return super().perform(action, times, height)

    async def details_of(self, item: JournalItem) -> Sequence[str]:
        """Return what the change did to the value."""
        return [*record_facts(item.record), *diff_texts(await self.session.results.journal_list.diff(item))]

    @property
    def current_key(self) -> str | None:
        """The key under the cursor, if the change was made in this store."""
        current = self.session.results.journal_list.current
        if current is None or not self.session.results.journal_list.is_of_this_store(current.record):
            return None
        return current.record.key


def diff_texts(lines: Sequence[DiffLine]) -> list[str]:
    """Return the lines of a diff as texts, the first ones of a long diff."""
    texts = [f"{line.sign}{''.join(text for text, _ in visible_parts(line))}" for line in lines[:_MAX_DETAILS]]
    return texts if len(lines) <= _MAX_DETAILS else [*texts, f"… {len(lines) - _MAX_DETAILS:,} more lines"]
