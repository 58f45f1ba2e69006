"""The layout of a row of the tree in a given width."""

from typing import Final, NamedTuple

from rich.cells import cell_len

from explorer.model.format import format_duration
from explorer.session.keytree.marks import MarkKind
from explorer.session.keytree.nodes import Node
from explorer.session.keytree.row_view import MARKED_SIGN, RowView
from explorer.tui.cells import ELLIPSIS, Piece, shorten_middle

ICON_WIDTH: Final = 2
_INDENT_WIDTH: Final = 2
"""Cells by which a level is indented."""
_AGE_WIDTH: Final = 6
_MIN_WIDTH_FOR_AGES: Final = 56
"""Width of a row, in cells, from which on the age of a change is shown."""
_MIN_NAME_WIDTH: Final = 12
_CHANGE_STYLES: Final = {MarkKind.ADDED: "added", MarkKind.CHANGED: "changed", MarkKind.DELETED: "deleted"}


class KeyRow(NamedTuple):
    """Everything that a row on the screen depends on beside its width; equal rows are drawn alike."""

    view: RowView
    """View of the row; its moment of the change is None, because the age stands for it."""
    age: str
    cursor: bool

    @property
    def node(self) -> Node:
        """Node of the row."""
        return self.view.node

    @property
    def indent(self) -> int:
        """Number of cells before the icon, if all of them fit."""
        return _INDENT_WIDTH * self.view.depth


def key_row(view: RowView, *, now: float, width: int, cursor: bool) -> KeyRow:
    """Return a row at a moment of the session's clock.

    Args:
        view: The view of the row.
        now: The moment.
        width: Width of the row in cells; a narrow one has no age.
        cursor: Whether the cursor is on it.
    """
    age = ""
    if view.changed_at is not None and width >= _MIN_WIDTH_FOR_AGES:
        age = format_duration(max(0.0, int(now - view.changed_at))).replace(".0s", "s")
    return KeyRow(view._replace(changed_at=None), age, cursor)


def pieces(row: KeyRow, width: int) -> list[Piece]:
    """Return a row as styled text: guides, icon and name; right-aligned the count of changes, the mark and its age."""
    view = row.view
    right = _right_pieces(row, width)
    taken = sum(cell_len(text) for _, text in right)
    guides = _guides(view, width - taken)
    icon = _icon(view)
    room = max(1, width - taken - cell_len(guides) - len(icon))
    if view.placeholder:
        style = "failed" if view.failed else "quiet"
        return [("guide", guides), (style, shorten_middle(view.placeholder, room + len(icon)))]
    name = shorten_middle(view.name, room)
    drawn: list[Piece] = [("guide", guides), (_icon_style(view), icon), (_style(view), name)]
    if view.suffix and cell_len(name) + cell_len(view.suffix) <= room:
        drawn.append(("quiet", view.suffix))
    if view.hint and cell_len(name) + cell_len(view.hint) + 1 < room:
        drawn.append(("quiet", " " + view.hint))
    gap = width - taken - sum(cell_len(text) for _, text in drawn)
    return [*drawn, ("", " " * max(0, gap)), *right]


def _icon(view: RowView) -> str:
    if view.placeholder:
        return ""
    mark = MARKED_SIGN if view.marked else "•" if view.has_value_mark else " "
    return ("▾" if view.is_open else "▸") + mark if view.is_folder else mark.ljust(ICON_WIDTH)


def _icon_style(view: RowView) -> str:
    return "marked" if view.marked else "folder" if view.is_folder else ""


def _style(view: RowView) -> str:
    style = "tombstone" if view.tombstone else _change_style(view)
    return f"marked {style}".rstrip() if view.marked else style


def _change_style(view: RowView) -> str:
    return "" if view.change is None else _CHANGE_STYLES[view.change] + (" fresh" if view.fresh else "")


def _right_pieces(row: KeyRow, width: int) -> list[Piece]:
    view = row.view
    if view.placeholder:
        return []
    right: list[Piece] = []
    if view.draft:
        right.append(("changed", f" {view.draft}"))
    if view.changes_below:
        right.append(("changed", f" {view.count_text}"))
    if view.change is not None:
        right.append((_change_style(view), f" {view.change.value}"))
    elif view.changes_below:
        right.append(("", "  "))
    if width >= _MIN_WIDTH_FOR_AGES and (view.changes_below or view.change is not None):
        right.append(("quiet", row.age.rjust(_AGE_WIDTH)))
    return right


def _guides(view: RowView, width: int) -> str:
    *ancestors, has_next = view.guides
    if not ancestors:
        return ""
    text = "".join("│ " if more else "  " for more in ancestors[1:]) + ("├╴" if has_next else "└╴")
    room = max(_INDENT_WIDTH, width - _MIN_NAME_WIDTH)
    return text if len(text) <= room else ELLIPSIS + text[len(text) - room + 1 :]
