"""The change log: events of the store, the newest first."""

from collections.abc import Sequence
from dataclasses import asdict

from explorer.session.actions import Place
from explorer.session.change_log import LoggedChange
from explorer.session.change_rows import CHANGE_SIGNS, change_row, changes_notice, changes_title
from explorer.session.session import Session
from explorer.session.states import Part
from widgets.panes.base import Head, PaneRow
from widgets.panes.cursor_pane import CursorPane


class ChangesPane(CursorPane):
    """The entries of the log. The cursor is on the newest, or stays on its entry."""

    name = "changes"
    label = "Changes"
    place = Place.CHANGES
    parts = Part.CHANGES
    signs = CHANGE_SIGNS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._log = session.changes
        self._current: int | None = None
        """Number of the entry with the cursor, counted from the first ever; None for the newest."""

    def count(self) -> int:
        """Return the number of entries."""
        return len(self._log)

    @property
    def cursor(self) -> int:
        """Row with the cursor; the last one if its entry was dropped."""
        if not len(self._log):
            return -1
        return 0 if self._current is None else min(self._log.total - 1 - self._current, len(self._log) - 1)

    def move_to(self, index: int) -> None:
        """Move the cursor to a row, or to the nearest one that exists."""
        index = max(0, min(index, len(self._log) - 1))
        self._current = None if index == 0 else self._log.total - 1 - index

    @property
    def current_key(self) -> str | None:
        """Key that was changed; None for an event of the watch."""
        cursor = self.cursor
        return None if cursor < 0 else self._changes(cursor, 1)[0].key or None

    def position(self, row: PaneRow) -> int | None:
        """Return the index of an entry, which newer ones push down."""
        number = row.source
        index = self._log.total - 1 - number if isinstance(number, int) else len(self._log)
        return index if index < len(self._log) else None

    def rows(self, start: int, count: int) -> Sequence[PaneRow]:
        """Return entries."""
        newest = self._log.total - 1 - start
        return [
            PaneRow(newest - at, asdict(change_row(change)) | {"kind": change.kind.value}, source=newest - at)
            for at, change in enumerate(self._changes(start, count))
        ]

    def _changes(self, start: int, count: int) -> Sequence[LoggedChange]:
        """Return entries, the newest first."""
        end = len(self._log) - start
        return self._log.window(end - count, min(count, end))[::-1] if end > 0 else ()

    def head(self) -> Head:
        """Return the number of entries and of dropped ones."""
        return Head(changes_title(self._log), changes_notice(self._log))
