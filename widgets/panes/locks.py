"""The lock inspector: holder and waiters of each lock, in the order of the queue, with the time left of sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from explorer.model.locks import Contender
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.lock_rows import (
    LOCK_SIGNS,
    LockRow,
    contender_details,
    fence_text,
    lock_facts,
    lock_rows,
    lock_state,
    locks_notice,
    locks_title,
    time_left_text,
)
from explorer.session.lock_table import LoadedLocks
from explorer.session.session import Session
from explorer.session.states import Failed, Part, Ready
from widgets.panes.base import Head, Json, PaneRow, error_text
from widgets.panes.cursor_pane import CursorPane


class LocksPane(CursorPane):
    """Locks and their contenders, one per row."""

    name = "locks"
    label = "Locks"
    place = Place.LOCKS
    parts = Part.LOCKS
    signs = LOCK_SIGNS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._loaded: LoadedLocks | None = None
        self._rows: list[LockRow] = []
        self._cursor = 0

    def on_change(self) -> None:
        """Take the locks as they were read last; the cursor stays on its contender."""
        match self.session.locks.state:
            case Ready(value=loaded) | Failed(stale=loaded):
                pass
            case _:
                loaded = None
        if loaded is self._loaded:
            return
        current = self._current
        self._loaded = loaded
        self._rows = [] if loaded is None else list(lock_rows(loaded.locks))
        same = (index for index, row in enumerate(self._rows) if current is not None and row.id == current.id)
        self._cursor = max(0, min(next(same, self._cursor), len(self._rows) - 1))

    @property
    def _current(self) -> LockRow | None:
        return self._rows[self._cursor] if self._rows else None

    def count(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    @property
    def cursor(self) -> int:
        """Row with the cursor."""
        return self._cursor if self._rows else -1

    def move_to(self, index: int) -> None:
        """Move the cursor to a row, or to the nearest one that exists."""
        self._cursor = max(0, min(index, len(self._rows) - 1))

    @property
    def current_key(self) -> str | None:
        """Key of the lock or contender under the cursor."""
        return None if self._current is None else self._current.key

    def position(self, row: PaneRow) -> int | None:
        """Return the index of a lock or contender."""
        return next((index for index, one in enumerate(self._rows) if one.id == row.identity), None)

    def rows(self, start: int, count: int) -> Sequence[PaneRow]:
        """Return locks and contenders."""
        return [self._row(row) for row in self._rows[start : start + count]]

    def head(self) -> Head:
        """Return the title, and the facts of the current row."""
        state = self.session.locks.state
        error = state.error if isinstance(state, Failed) and state.stale is None else None
        notice = locks_notice(state) or "" if error is None else error_text(error)
        fields: dict[str, Json] = {"stale": isinstance(state, Failed), "facts": []}
        moments: Mapping[str, float] = {}
        if self._current is not None:
            row = self._current
            if row.contender is not None:
                moments = self._joined_at(row.contender)
                row = replace(row, contender=_without_time(row.contender))
            fields["facts"] = lock_facts(row, self.session.clock.wall())
        return Head(locks_title(state), notice, error is not None, fields, moments)

    def _row(self, row: LockRow) -> PaneRow:
        contender = row.contender
        if contender is None:
            text, tone = lock_state(row.lock)
            name, kind = sanitize(row.lock.key), sanitize(row.lock.kind)
            fields: dict[str, Json] = {"sign": "", "name": name, "kind": kind, "state": text, "tone": tone.value}
            return PaneRow(row.id, fields, source=row)
        fields = {"sign": row.sign, "name": sanitize(contender.name), "holds": row.position == 0}
        fields["fence"] = fence_text(row)
        fields["details"] = contender_details(_without_time(contender), self.session.clock.wall())
        moments = dict(self._joined_at(contender))
        if contender.session is not None and contender.ttl is not None and self._loaded is not None:
            moments["expires"] = self._loaded.read_at + contender.ttl
            fields["expired"], _ = time_left_text(contender, 0.0)
        else:
            fields["state"], tone = time_left_text(contender, None)
            fields["tone"] = tone.value
        return PaneRow(row.id, fields, moments, row)

    def _joined_at(self, contender: Contender) -> Mapping[str, float]:
        """Return the moment from which on a contender is in the queue, if it is known as a time."""
        if self._loaded is None or not isinstance(contender.since, datetime):
            return {}
        return {"since": self._loaded.read_at - (self._loaded.time - contender.since).total_seconds()}


def _without_time(contender: Contender) -> Contender:
    """Return a contender without the time since when it is in the queue, of which the page shows the age."""
    return replace(contender, since=None) if isinstance(contender.since, datetime) else contender
