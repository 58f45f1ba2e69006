"""The change log pane: events of the store, the newest first."""

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from explorer.session.actions import Place
from explorer.session.change_log import ChangeKind, ChangeLog, LoggedChange
from explorer.session.change_rows import change_row, changes_notice, changes_title
from explorer.session.states import Part
from explorer.tui.cells import Piece, safe_content, shorten_middle
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane
from explorer.tui.widgets.virtual_list import VirtualList

_WIDE: Final = 60
"""Width of a row, in cells, from which on revision, size and value are shown."""
_STYLES: Final[dict[ChangeKind, str]] = {
    ChangeKind.CREATED: "virtual-list--good",
    ChangeKind.CHANGED: "virtual-list--key",
    ChangeKind.DELETED: "virtual-list--bad",
    ChangeKind.GAP: "virtual-list--warning",
    ChangeKind.LOST: "virtual-list--warning",
    ChangeKind.RESTORED: "virtual-list--good",
}


class ChangeList(VirtualList):
    """The entries of the log, the newest on top; the cursor stays on its entry when newer ones arrive."""

    def __init__(self, log: ChangeLog) -> None:
        super().__init__(cursor=True)
        self.change_log = log
        self._seen_total = log.total

    def follow(self) -> None:
        """Show new entries; further down, the rows in sight keep their place."""
        new = self.change_log.total - self._seen_total
        self._seen_total = self.change_log.total
        if new and self.cursor:
            self.cursor = min(self.cursor + new, max(0, len(self.change_log) - 1))
            self.update_rows()
            self.scroll_to(y=self.scroll_offset.y + new, animate=False, immediate=True)
        else:
            self.update_rows()

    @property
    def newer_count(self) -> int:
        """Number of entries above those in sight."""
        return min(len(self.change_log), self.scroll_offset.y)

    def count(self) -> int:
        """Return the number of rows."""
        return len(self.change_log)

    @property
    def current_change(self) -> LoggedChange | None:
        """The entry that the cursor is on."""
        return self._change(self.cursor) if self.cursor is not None and len(self.change_log) else None

    def _change(self, index: int) -> LoggedChange:
        return self.change_log.window(len(self.change_log) - 1 - index, 1)[0]

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row: kind, time and key of a change, and where it fits revision, size and value."""
        row = change_row(self._change(index), brief=width < _WIDE)
        style = _STYLES[row.kind]
        time = f" {row.time} "
        if not row.key:
            return [(style, row.sign), ("virtual-list--dim", time), (style, row.text)]
        counts = f" {row.counts}" if row.counts else ""
        details = "".join(f"  {detail}" for detail in row.details) if width >= _WIDE else ""
        room = width - 1 - len(time) - len(counts)
        key = shorten_middle(row.key, max(8, room - min(room // 2, cell_len(details))))
        return [
            (style, row.sign),
            ("virtual-list--dim", time),
            ("", key),
            ("virtual-list--strong", counts),
            ("virtual-list--dim", details),
        ]


class ChangesPane(Pane):
    """The change log."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.CHANGES)
    place = Place.CHANGES
    parts = Part.CHANGES
    number = "4"
    label = "Changes"

    def compose_body(self) -> Iterable[Widget]:
        """Yield the list."""
        yield ChangeList(self.session.changes)

    def draw(self) -> None:
        """Show the log as it is now."""
        notice = changes_notice(self.session.changes)
        self.set_notice(safe_content(notice) if notice else None)
        self.query_one(ChangeList).follow()
        self._show_counts()

    @on(VirtualList.Highlighted)
    def _show_counts(self) -> None:
        """Show the number of entries in the title, with that of those above the rows in sight."""
        newer = self.query_one(ChangeList).newer_count
        self.set_title(changes_title(self.session.changes, newer))

    def do_show(self) -> None:
        """Select the changed key in the tree."""
        change = self.query_one(ChangeList).current_change
        self.request_key(change.key or None if change else None)
