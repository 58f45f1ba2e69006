"""The locks: who holds which, who waits in which order, and how long their sessions still live."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import Place
from explorer.session.lock_table import LoadedLocks
from explorer.session.states import Empty, Failed, Loading, Part, Ready
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane, failure
from explorer.tui.rendering import Piece, format_duration, middle, safe_content
from explorer.tui.widgets.status_label import StatusLabel
from explorer.tui.widgets.virtual_list import VirtualList

_WIDE = 64
"""Cells from which on a lock's session, kind and since stand beside it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a lock, or one of its parties."""

    lock: LockInfo
    party: Contender | None = None
    place: int = 0
    """0 for the holder, else the waiter's place in the queue."""

    @property
    def name(self) -> tuple[str, str]:
        """What it is about: the cursor stays on it when the queue moves."""
        return self.lock.key, self.party.key if self.party else ""


class LockList(VirtualList):
    """The locks and their parties, line by line."""

    def __init__(self) -> None:
        super().__init__(cursor=True)
        self.read: LoadedLocks | None = None
        self.now = 0.0
        self.rows: list[Row] = []

    def show(self, read: LoadedLocks | None, now: float) -> None:
        """Show what was read, as it stands at a moment."""
        if read is not self.read:
            current = self.current()
            self.read = read
            self.rows = list(_rows(read.locks)) if read else []
            if current is not None:
                same = (place for place, row in enumerate(self.rows) if row.name == current.name)
                self.cursor = next(same, self.cursor)
            self.changed()
        if now != self.now:
            self.now = now
            self.refresh_rows()

    def count(self) -> int:
        """Give the number of lines."""
        return len(self.rows)

    def current(self) -> Row | None:
        """Give the current line."""
        return self.rows[self.cursor] if self.rows and self.cursor is not None else None

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Give a line: a lock, its holder, or a waiter with its place in the queue."""
        row = self.rows[index]
        if row.party is None:
            return _lock(row.lock, width)
        left = self.read.ttl_left(row.party, self.now) if self.read else None
        return _party(row, left, width)


def _rows(locks: Iterable[LockInfo]) -> Iterable[Row]:
    for lock in locks:
        yield Row(lock)
        if lock.holder:
            yield Row(lock, lock.holder)
        for place, waiter in enumerate(lock.waiters, start=1):
            yield Row(lock, waiter, place)


def _lock(lock: LockInfo, width: int) -> list[Piece]:
    waiting = f"  {len(lock.waiters)} waiting" if lock.waiters else ""
    state: Piece = ("lines--dim", waiting or "")
    if lock.stale:
        state = ("lines--bad", f"  ! stale: {lock.stale}")
    elif lock.holder is None:
        state = ("lines--warning", f"  no holder{waiting}")
    if not lock.certain:
        state = ("lines--warning", f"  possible{waiting}")
    kind = f"  {lock.kind}" if width >= _WIDE else ""
    key = middle(sanitize(lock.key), max(8, width - cell_len(state[1]) - len(kind)))
    return [("lines--strong", key), ("lines--dim", kind), state]


def _party(row: Row, left: float | None, width: int) -> list[Piece]:
    party = row.party
    assert party is not None  # noqa: S101 - a line without a party is a lock's
    role: Piece = ("lines--good", "  ● ") if row.place == 0 else ("lines--dim", f"  {row.place}. ")
    if party.session is None:
        time: Piece = ("lines--bad", "  nothing will ever end it")
    elif left is None:
        time = ("lines--dim", "")
    else:
        time = ("", f"  {format_duration(left)} left") if left > 0 else ("lines--warning", "  ends now unless renewed")
    more = ""
    if row.place == 0 and party.fence is not None:
        more += f"  fence {party.fence}"
    if width >= _WIDE:
        more += _since(party)
        if party.session:
            more += f"  {party.session}"
        if party.other_keys:
            more += f"  +{pluralize(len(party.other_keys), 'key')}"
    name = middle(sanitize(party.name), max(6, width - len(role[1]) - len(time[1]) - len(more)))
    return [role, ("", name), time, ("lines--dim", more)]


def _since(party: Contender) -> str:
    if isinstance(party.since, datetime):
        return f"  for {format_duration(max(0.0, (datetime.now(UTC) - party.since).total_seconds()))}"
    return "" if party.since is None else f"  since rev {party.since}"


def _facts(row: Row) -> Iterable[str]:
    yield f"{row.lock.key} (layout {row.lock.layout}; {row.lock.kind})"
    if row.party is None:
        holder = row.lock.holder
        held = "held" if row.lock.certain else "possibly held"
        yield "nobody holds it" if holder is None else f"{held} by {holder.name}"
        if row.lock.stale:
            yield f"stale: {row.lock.stale}"
        return
    party = row.party
    yield f"{'holder' if row.place == 0 else f'waiter {row.place}'}: {party.key}"
    since = _since(party).strip()
    fence = "" if party.fence is None else f"fence {party.fence}"
    session = f"session {party.session}" if party.session else "no session"
    yield "  ".join(fact for fact in (session, since, fence) if fact)
    if party.other_keys:
        yield f"with it: {', '.join(party.other_keys)}"


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
    name_shown = "Locks"
    ticking = True

    def body(self) -> Iterable[Widget]:
        """Give the list, and what is known of the current line."""
        yield LockList()
        yield StatusLabel(classes="locks--facts")

    def draw(self) -> None:
        """Show the lock table as it is now."""
        rows = self.query_one(LockList)
        now = self.session.clock.now()
        match self.session.locks.state:
            case Loading():
                self.notice(safe_content("reading the locks …"))
            case Empty(reason=reason):
                rows.show(None, now)
                self.title("")
                self.notice(safe_content(reason))
            case Failed(error=error, stale=None):
                self.notice(failure(error))
            case Failed(error=error, stale=LoadedLocks() as read):
                self.title(f"as of {read.time.astimezone():%H:%M:%S}: {error.message}")
                self.notice(None)
                rows.show(read, now)
                self._tell()
            case Ready(value=read):
                waiting = sum(len(lock.waiters) for lock in read.locks)
                stale = sum(lock.stale is not None for lock in read.locks)
                told_stale = f", {stale} stale" if stale else ""
                self.title(f"{len(read.locks)} held, {waiting} waiting{told_stale}")
                self.notice(None)
                rows.show(read, now)
                self._tell()

    @on(LockList.Moved)
    def _tell(self) -> None:
        """Tell all that is known of the current line."""
        row = self.query_one(LockList).current()
        facts = [] if row is None else list(_facts(row))
        self.query_one(".locks--facts", StatusLabel).say(Content("\n").join([safe_content(fact) for fact in facts]))

    def selected(self) -> str | None:
        """Give the key of the current lock or party."""
        row = self.query_one(LockList).current()
        if row is None:
            return None
        return row.party.key if row.party else row.lock.key

    @on(VirtualList.Chosen)
    def do_show(self) -> None:
        """Go to the key of the lock or the party."""
        self.go_to(self.selected())
