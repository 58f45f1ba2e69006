"""The locks pane: holder and waiters of each lock, in the order of the queue, with the time left of their sessions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from explorer.model.format import format_duration
from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import Place
from explorer.session.lock_table import LoadedLocks
from explorer.session.states import Empty, Failed, Loading, Part, Ready
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane, StatusLabel
from explorer.tui.rendering import Piece, safe_content, shorten_middle
from explorer.tui.widgets.virtual_list import VirtualList

_WIDE: Final = 64
"""Width of a row, in cells, from which on kind, session and start are shown."""
LOCK_SIGNS: Final = (
    ("●", "The holder of the lock, with the time left until its session expires."),
    ("1. 2.", "Waiters, in the order in which they get the lock."),
    ("fence", "Fencing token: it grows with each holder, so that writes of an earlier holder can be refused."),
    ("possible", "Entries that look like a lock, in a layout that is not certain."),
)
"""The signs in the list of locks and their meanings."""


@dataclass(frozen=True, slots=True)
class LockRow:
    """A row of the list: a lock, or one of its contenders."""

    lock: LockInfo
    contender: Contender | None = None
    position: int = 0
    """Position in the queue; 0 for the holder."""

    @property
    def id(self) -> tuple[str, str]:
        """Identity of the row, by which the cursor follows it when the queue moves."""
        return self.lock.key, self.contender.key if self.contender else ""


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
            self.rows = list(_rows(read.locks)) if read else []
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
        return _contender_pieces(row.contender, row.position, time_left, width)


def _rows(locks: Iterable[LockInfo]) -> Iterable[LockRow]:
    for lock in locks:
        yield LockRow(lock)
        if lock.holder:
            yield LockRow(lock, lock.holder)
        for position, waiter in enumerate(lock.waiters, start=1):
            yield LockRow(lock, waiter, position)


def _lock_pieces(lock: LockInfo, width: int) -> list[Piece]:
    waiting = f"  {len(lock.waiters)} waiting" if lock.waiters else ""
    state: Piece = ("virtual-list--dim", waiting)
    if lock.stale:
        state = ("virtual-list--bad", f"  ! stale: {lock.stale}")
    elif lock.holder is None:
        state = ("virtual-list--warning", f"  no holder{waiting}")
    if not lock.certain:
        state = ("virtual-list--warning", f"  possible{waiting}")
    kind = f"  {lock.kind}" if width >= _WIDE else ""
    key = shorten_middle(sanitize(lock.key), max(8, width - cell_len(state[1]) - len(kind)))
    return [("virtual-list--strong", key), ("virtual-list--dim", kind), state]


def _contender_pieces(contender: Contender, position: int, time_left: float | None, width: int) -> list[Piece]:
    role: Piece = ("virtual-list--good", "  ● ") if position == 0 else ("virtual-list--dim", f"  {position}. ")
    if contender.session is None:
        time: Piece = ("virtual-list--bad", "  never expires")
    elif time_left is None:
        time = ("virtual-list--dim", "")
    elif time_left > 0:
        time = ("", f"  {format_duration(time_left)} left")
    else:
        time = ("virtual-list--warning", "  expires now unless renewed")
    details = ""
    if position == 0 and contender.fence is not None:
        details += f"  fence {contender.fence}"
    if width >= _WIDE:
        details += _since(contender)
        if contender.session:
            details += f"  {contender.session}"
        if contender.other_keys:
            details += f"  +{pluralize(len(contender.other_keys), 'key')}"
    name_width = max(6, width - len(role[1]) - len(time[1]) - len(details))
    name = shorten_middle(sanitize(contender.name), name_width)
    return [role, ("", name), time, ("virtual-list--dim", details)]


def _since(contender: Contender) -> str:
    if isinstance(contender.since, datetime):
        return f"  for {format_duration(max(0.0, (datetime.now(UTC) - contender.since).total_seconds()))}"
    return "" if contender.since is None else f"  since rev {contender.since}"


def _facts(row: LockRow) -> Iterable[str]:
    """Yield everything that is known of a row, line by line."""
    yield f"{row.lock.key} (layout {row.lock.layout}; {row.lock.kind})"
    if row.contender is None:
        holder = row.lock.holder
        held = "held" if row.lock.certain else "possibly held"
        yield "no holder" if holder is None else f"{held} by {holder.name}"
        if row.lock.stale:
            yield f"stale: {row.lock.stale}"
        return
    contender = row.contender
    yield f"{'holder' if row.position == 0 else f'waiter {row.position}'}: {contender.key}"
    fence = "" if contender.fence is None else f"fence {contender.fence}"
    session = f"session {contender.session}" if contender.session else "no session"
    yield "  ".join(fact for fact in (session, _since(contender).strip(), fence) if fact)
    if contender.other_keys:
        yield f"other keys of the session: {', '.join(contender.other_keys)}"


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
        match self.session.locks.state:
            case Loading():
                self.set_notice(safe_content("reading the locks …"))
            case Empty(reason=reason):
                lock_list.show(None, now)
                self.set_title("")
                self.set_notice(safe_content(reason))
            case Failed(error=error, stale=None):
                self.show_error(error)
            case Failed(error=error, stale=LoadedLocks() as read):
                self.set_title(f"as of {read.time.astimezone():%H:%M:%S}: {error.message}")
                self._show(read, now)
            case Ready(value=read):
                waiting = sum(len(lock.waiters) for lock in read.locks)
                stale = sum(lock.stale is not None for lock in read.locks)
                self.set_title(f"{len(read.locks)} held, {waiting} waiting{f', {stale} stale' if stale else ''}")
                self._show(read, now)

    def _show(self, read: LoadedLocks, now: float) -> None:
        self.set_notice(None)
        self.query_one(LockList).show(read, now)
        self._show_facts()

    @on(LockList.Highlighted)
    def _show_facts(self) -> None:
        """Show everything that is known of the current row."""
        row = self.query_one(LockList).current_row
        lines = [] if row is None else [safe_content(fact) for fact in _facts(row)]
        self.query_one(".locks--facts", StatusLabel).set_content(Content("\n").join(lines))

    @on(VirtualList.Selected)
    def do_show(self) -> None:
        """Select the key of the current lock or contender in the tree."""
        row = self.query_one(LockList).current_row
        if row is not None:
            self.request_key(row.contender.key if row.contender else row.lock.key)
