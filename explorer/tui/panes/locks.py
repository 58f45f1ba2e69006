"""The locks pane: holder and waiters of each lock, in the order of the queue, with the time left of their sessions."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.lock_rows import (
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
from explorer.session.states import Failed, Part, Ready, Tone
from explorer.tui.cells import Piece, safe_content, shorten_middle
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane, StatusLabel
from explorer.tui.widgets.virtual_list import VirtualList

_WIDE: Final = 64
"""Width of a row, in cells, from which on kind, session and start are shown."""
_STYLES: Final = {
    Tone.PLAIN: "",
    Tone.QUIET: "virtual-list--dim",
    Tone.GOOD: "virtual-list--good",
    Tone.WARNING: "virtual-list--warning",
    Tone.BAD: "virtual-list--bad",
}


class LockList(VirtualList):
    """Locks and their contenders, one per row."""

    def __init__(self) -> None:
        super().__init__(cursor=True)
        self.read: LoadedLocks | None = None
        self.now = 0.0
        self.rows: list[LockRow] = []

    def show(self, read: LoadedLocks | None, now: float) -> None:
        """Show locks as they were read, with the times left at `now`, in seconds of the session's clock."""
        if read is not self.read:
            current = self.current_row
            self.read = read
            self.rows = list(lock_rows(read.locks)) if read else []
            if current is not None:
                same = (index for index, row in enumerate(self.rows) if row.id == current.id)
                self.cursor = next(same, self.cursor)
            self.update_rows()
        if now != self.now:
            self.now = now
            self.refresh_rows()

    def count(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    @property
    def current_row(self) -> LockRow | None:
        """The row that the cursor is on."""
        return self.rows[self.cursor] if self.rows and self.cursor is not None else None

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row: a lock, its holder, or a waiter with its position in the queue."""
        row = self.rows[index]
        if row.contender is None:
            return _lock_pieces(row.lock, width)
        time_left = self.read.ttl_left(row.contender, self.now) if self.read else None
        return _contender_pieces(row, row.contender, time_left, width)


def _lock_pieces(lock: LockInfo, width: int) -> list[Piece]:
    text, tone = lock_state(lock)
    state = _indented([text])
    kind = _indented([sanitize(lock.kind)]) if width >= _WIDE else ""
    key = shorten_middle(sanitize(lock.key), max(8, width - cell_len(state) - len(kind)))
    return [("virtual-list--strong", key), ("virtual-list--dim", kind), (_STYLES[tone], state)]


def _contender_pieces(row: LockRow, contender: Contender, time_left: float | None, width: int) -> list[Piece]:
    role = f"  {row.sign} "
    text, tone = time_left_text(contender, time_left)
    time = _indented([text])
    details = _indented([fence_text(row), *(contender_details(contender, datetime.now(UTC)) if width >= _WIDE else ())])
    name = shorten_middle(sanitize(contender.name), max(6, width - len(role) - len(time) - len(details)))
    return [
        ("virtual-list--dim" if row.position else "virtual-list--good", role),
        ("", name),
        (_STYLES[tone], time),
        ("virtual-list--dim", details),
    ]


def _indented(texts: Iterable[str]) -> str:
    """Return texts with spaces before each."""
    return "".join(f"  {text}" for text in texts if text)


class LocksPane(Pane):
    """The lock inspector."""

    DEFAULT_CSS = """
    LocksPane > LockList { height: 1fr; }
    LocksPane > .locks--facts { height: auto; max-height: 4; padding: 0 1; color: $text-muted; background: $boost; }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.LOCKS)
    place = Place.LOCKS
    parts = Part.LOCKS | Part.LIVENESS
    number = "3"
    label = "Locks"
    is_ticking = True

    def compose_body(self) -> Iterable[Widget]:
        """Yield the list, and the facts of the current row."""
        yield LockList()
        yield StatusLabel(classes="locks--facts")

    def draw(self) -> None:
        """Show the lock table as it is now."""
        lock_list = self.query_one(LockList)
        now = self.session.clock.now()
        state = self.session.locks.state
        self.set_title(locks_title(state))
        match state:
            case Ready(value=read):
                self._show(read, now)
            case Failed(error=error, stale=read):
                if read is None:
                    self.show_error(error)
                else:
                    self._show(read, now)
            case _:
                lock_list.show(None, now)
                self.set_notice(safe_content(locks_notice(state) or ""))

    def _show(self, read: LoadedLocks, now: float) -> None:
        self.set_notice(None)
        self.query_one(LockList).show(read, now)
        self._show_facts()

    @on(LockList.Highlighted)
    def _show_facts(self) -> None:
        """Show everything that is known of the current row."""
        row = self.query_one(LockList).current_row
        lines = [] if row is None else [safe_content(fact) for fact in lock_facts(row, datetime.now(UTC))]
        self.query_one(".locks--facts", StatusLabel).set_content(Content("\n").join(lines))

    @on(VirtualList.Selected)
    def do_show(self) -> None:
        """Select the key of the current lock or contender in the tree."""
        row = self.query_one(LockList).current_row
        self.request_key(None if row is None else row.key)
