"""The change log: what happened, the newest first."""

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.change_log import ChangeKind, ChangeLog, LoggedChange
from explorer.session.states import Part
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane
from explorer.tui.rendering import Piece, format_bytes, middle, safe_content
from explorer.tui.widgets.virtual_list import VirtualList

_WIDE: Final = 60
_MARKS: Final[dict[ChangeKind, Piece]] = {
    ChangeKind.CREATED: ("lines--good", "+"),
    ChangeKind.CHANGED: ("lines--key", "~"),
    ChangeKind.DELETED: ("lines--bad", "-"),
    ChangeKind.GAP: ("lines--warning", "≠"),
    ChangeKind.LOST: ("lines--warning", "!"),
    ChangeKind.RESTORED: ("lines--good", "✓"),
}


class ChangeList(VirtualList):
    """The entries of the log, the newest on top; a current line stays on its entry while others come."""

    def __init__(self, log: ChangeLog) -> None:
        super().__init__(cursor=True)
        self.entries = log
        self._seen = log.total

    def follow(self) -> None:
        """Take what is new; who reads further down keeps the lines before the eyes."""
        new = self.entries.total - self._seen
        self._seen = self.entries.total
        if new and self.cursor:
            self.cursor = min(self.cursor + new, max(0, len(self.entries) - 1))
            self.changed()
            self.scroll_to(y=self.scroll_offset.y + new, animate=False, immediate=True)
        else:
            self.changed()

    @property
    def newer(self) -> int:
        """How many entries are above what is in sight."""
        return min(len(self.entries), self.scroll_offset.y)

    def count(self) -> int:
        """Give the number of lines."""
        return len(self.entries)

    def current(self) -> LoggedChange | None:
        """Give the current entry."""
        return self._entry(self.cursor) if self.cursor is not None and len(self.entries) else None

    def _entry(self, index: int) -> LoggedChange:
        return self.entries.window(len(self.entries) - 1 - index, 1)[0]

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Give a line: what, when, which key, which revision, and how the value begins."""
        change = self._entry(index)
        mark = _MARKS[change.kind]
        time = f" {change.time.astimezone():%H:%M:%S} "
        if not change.key:
            revision = "" if change.revision is None else f" (rev {change.revision})"
            return [mark, ("lines--dim", time), (mark[0], f"{change.kind.value}: {change.reason}{revision}")]
        more = f" {change.count}x" if change.count > 1 else ""
        if change.coalesced:
            more += f" up to {change.coalesced:,} more between" if width >= _WIDE else f" ≤{change.coalesced:,} more"
        more += " after a gap" if change.inferred else ""
        behind = ""
        if width >= _WIDE:
            behind = "" if change.revision is None else f"  {change.revision}"
            if change.size is not None:
                behind += f"  {format_bytes(change.size)}"
            behind += f"  {sanitize(change.preview)}" if change.preview else ""
        room = width - 1 - len(time) - len(more)
        key = middle(sanitize(change.key), max(8, room - (min(room // 2, cell_len(behind)))))
        return [mark, ("lines--dim", time), ("", key), ("lines--strong", more), ("lines--dim", behind)]


class ChangesPane(Pane):
    """The change log."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.CHANGES)
    place = Place.CHANGES
    parts = Part.CHANGES
    number = "4"
    name_shown = "Changes"

    def body(self) -> Iterable[Widget]:
        """Give the list."""
        yield ChangeList(self.session.changes)

    def draw(self) -> None:
        """Show the log as it is now."""
        log = self.session.changes
        self.notice(None if len(log) else safe_content("nothing has changed since this was opened"))
        self.query_one(ChangeList).follow()
        self._show_count()

    @on(VirtualList.Moved)
    def _show_count(self) -> None:
        """Show how many entries there are, and how many of them are above what is in sight."""
        log = self.session.changes
        newer = self.query_one(ChangeList).newer
        above = f", {newer} newer above" if newer else ""
        dropped = f", {log.dropped} older ones dropped" if log.dropped else ""
        self.title(f"{len(log)}{above}{dropped}" if len(log) else "")

    def selected(self) -> str | None:
        """Give the key of the current entry."""
        change = self.query_one(ChangeList).current()
        return change.key if change and change.key else None

    def do_show(self) -> None:
        """Go to the key that changed."""
        self.go_to(self.selected())
