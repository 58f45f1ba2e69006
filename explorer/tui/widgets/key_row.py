"""One row of the tree: the data it shows, and its layout in a given width."""

from typing import Final, NamedTuple

from rich.cells import cell_len

from explorer.model.format import format_duration, format_error
from explorer.model.sanitize import sanitize
from explorer.session.keytree.marks import MarkAge, MarkKind
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.row_index import VisibleRow
from explorer.session.keytree.tree import Tree
from explorer.tui.rendering import ELLIPSIS, Piece, shorten_middle

_INDENT_WIDTH: Final = 2
"""Cells by which a level is indented."""
_AGE_WIDTH: Final = 6
_MIN_WIDTH_FOR_AGES: Final = 56
"""Width of a row, in cells, from which on the age of a change is shown."""
_MIN_NAME_WIDTH: Final = 12
_MAX_COUNT: Final = 999
_MAX_NAME_HALF: Final = 2048
"""Characters at each end of a name that are laid out; more never fit on a screen."""
_DRAFT_SIGN: Final = "✎"
SIGNS: Final = (
    ("▸ ▾", "A folder, closed or open."),
    ("•", "A folder whose key also has a value."),
    ("+ ~ -", "A key that was added, changed or deleted in the last 30 seconds."),
    ("±2", "Number of changes in a closed folder since it was last open or its marks were cleared."),
    (_DRAFT_SIGN, "A key with a draft: e continues it."),
    ("…", "Keys that are not loaded yet; they are loaded when the cursor gets near."),
)
"""The signs in the tree and their meanings."""
_CHANGE_STYLES: Final = {MarkKind.ADDED: "added", MarkKind.CHANGED: "changed", MarkKind.DELETED: "deleted"}


class RowView(NamedTuple):
    """Everything that a drawn row depends on; equal views are drawn alike."""

    node: Node
    guides: tuple[bool, ...]
    name: str
    hint: str
    """Explanation behind an empty name."""
    icon: str
    placeholder: str
    """Text instead of a name, in the row for keys that are not loaded."""
    failed: bool
    tombstone: bool
    """True if the key was deleted and its row is still shown."""
    changes_below: int
    """Number of changes in a closed folder."""
    change: MarkKind | None
    fresh: bool
    age: str
    draft: bool
    """True if the key has a draft."""
    cursor: bool

    @property
    def indent(self) -> int:
        """Number of cells before the icon, if all of them fit."""
        return _INDENT_WIDTH * (len(self.guides) - 1)


def row_view(
    tree: Tree,
    line: VisibleRow[Node],
    *,
    width: int,
    cursor: Node | None,
    has_value_marks: bool = True,
    draft_keys: frozenset[str] = frozenset(),
) -> RowView:
    """Return the view of a row.

    Args:
        tree: The tree of the row.
        line: The row.
        width: Width of the row in cells.
        cursor: The node that the cursor is on.
        has_value_marks: Whether to mark folders that have a value of their own.
        draft_keys: The keys that have a draft.
    """
    node = line.row
    mark = tree.mark(node)
    age = (
        format_duration(max(0.0, int(tree.clock() - mark.since))).replace(".0s", "s")
        if mark and width >= _MIN_WIDTH_FOR_AGES
        else ""
    )
    return RowView(
        node=node,
        guides=line.guides,
        name="" if node.is_more_row else _name(tree, node),
        hint="" if node.is_more_row or node.name else _hint(tree, node),
        icon=_icon(node, has_value_marks=has_value_marks),
        placeholder=_placeholder(tree, node) if node.is_more_row else "",
        failed=node.is_more_row and node.parent is not None and node.parent.load_state is LevelState.FAILED,
        tombstone=node.tombstone,
        changes_below=0 if node.is_open else tree.changes_below(node),
        change=mark.change if mark is not None else MarkKind.DELETED if node.tombstone else None,
        fresh=mark is not None and mark.age is MarkAge.FRESH,
        age=age,
        draft=bool(draft_keys) and not node.is_more_row and tree.key(node) in draft_keys,
        cursor=node is cursor,
    )


def pieces(row: RowView, width: int) -> list[Piece]:
    """Return a row as styled text: guides, icon and name; right-aligned the count of changes, the mark and its age."""
    right = _right_pieces(row, width)
    taken = sum(cell_len(text) for _, text in right)
    guides = _guides(row, width - taken)
    room = max(1, width - taken - cell_len(guides) - len(row.icon))
    if row.placeholder:
        style = "failed" if row.failed else "quiet"
        return [("guide", guides), (style, shorten_middle(row.placeholder, room + len(row.icon)))]
    name = shorten_middle(row.name, room)
    drawn: list[Piece] = [("guide", guides), ("folder" if row.icon.strip() else "", row.icon), (_style(row), name)]
    if row.icon.strip() and not name.endswith("/") and cell_len(name) < room:
        drawn.append(("quiet", "/"))
    if row.hint and cell_len(name) + cell_len(row.hint) + 1 < room:
        drawn.append(("quiet", " " + row.hint))
    gap = width - taken - sum(cell_len(text) for _, text in drawn)
    return [*drawn, ("", " " * max(0, gap)), *right]


def _name(tree: Tree, node: Node) -> str:
    name = node.name
    if not name and node.has_children and node.parent is tree.root:
        return sanitize(tree.separator)  # where people look for keys that begin with the separator
    if len(name) > 2 * _MAX_NAME_HALF:
        name = f"{name[:_MAX_NAME_HALF]}{ELLIPSIS}{name[-_MAX_NAME_HALF:]}"
    if not name or name != name.strip():
        name = f'"{name}"'  # otherwise its end could not be seen
    return sanitize(name)


def _hint(tree: Tree, node: Node) -> str:
    """Return the explanation of an empty name."""
    parent = node.parent
    separator = sanitize(tree.separator)
    if parent is None or parent is tree.root:
        return (
            f"keys that begin with {separator}"
            if node.has_children
            else "the key that equals the prefix of the address"
        )
    if node.has_children:
        return f"keys that contain {separator}{separator}"
    return f"the key {_name(tree, parent)}{separator}"


def _icon(node: Node, *, has_value_marks: bool) -> str:
    if node.is_more_row:
        return ""
    if node.has_children or node.branch is not None:
        return ("▾" if node.is_open else "▸") + ("•" if node.has_value and has_value_marks else " ")
    return "  "


def _placeholder(tree: Tree, node: Node) -> str:
    folder = node.parent
    if tree.is_loading(node):
        return "… loading"
    match LevelState.UNLOADED if folder is None else folder.load_state:
        case LevelState.FAILED if folder is not None and folder.error is not None:
            return sanitize(f"✗ {format_error(folder.error)}; press enter to retry")
        case _ if node.name:
            return "… not loaded; press enter to load more"
        case _:
            return "… more; press enter to load them"


def _style(row: RowView) -> str:
    if row.tombstone:
        return "tombstone"
    if row.change is None:
        return ""
    return _CHANGE_STYLES[row.change] + (" fresh" if row.fresh else "")


def _right_pieces(row: RowView, width: int) -> list[Piece]:
    if row.placeholder:
        return []
    right: list[Piece] = []
    if row.draft:
        right.append(("changed", f" {_DRAFT_SIGN}"))
    if row.changes_below:
        count = f"{_MAX_COUNT}+" if row.changes_below > _MAX_COUNT else str(row.changes_below)
        right.append(("changed", f" ±{count}"))
    if row.change is not None:
        style = _CHANGE_STYLES[row.change] + (" fresh" if row.fresh else "")
        right.append((style, f" {row.change.value}"))
    elif row.changes_below:
        right.append(("", "  "))
    if width >= _MIN_WIDTH_FOR_AGES and (row.changes_below or row.change is not None):
        right.append(("quiet", row.age.rjust(_AGE_WIDTH)))
    return right


def _guides(row: RowView, width: int) -> str:
    *ancestors, has_next = row.guides
    if not ancestors:
        return ""
    text = "".join("│ " if more else "  " for more in ancestors[1:]) + ("├╴" if has_next else "└╴")
    room = max(_INDENT_WIDTH, width - _MIN_NAME_WIDTH)
    return text if len(text) <= room else ELLIPSIS + text[len(text) - room + 1 :]
