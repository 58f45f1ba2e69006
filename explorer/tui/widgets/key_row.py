"""One row of the tree as it is drawn: what of it shows, and how that is laid out in a width."""

from typing import Final, NamedTuple

from rich.cells import cell_len

from explorer.model.sanitize import sanitize
from explorer.session.keytree.marks import MarkAge, MarkKind
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.row_index import VisibleRow
from explorer.session.keytree.tree import Tree
from explorer.tui.rendering import ELLIPSIS, Piece, format_duration, middle

_STEP: Final = 2
"""Cells by which a level is set in."""
_AGE: Final = 6
_AGES_FROM: Final = 56
"""The width from which there is room to tell how long ago a change was."""
_LEAST_NAME: Final = 12
_MOST_COUNT: Final = 999
_LONGEST: Final = 2048
"""Characters of a name that are looked at on either side; nobody sees more."""
_DRAFT: Final = "✎"
SIGNS: Final = (
    ("▸ ▾", "A folder, closed or open."),
    ("•", "A folder that is a key with a value, too."),
    ("+ ~ -", "Added, changed, deleted: in the last 30 seconds."),
    ("±2", "Changes below a closed folder since it was last open or they were marked as seen."),
    (_DRAFT, "A draft of the key is kept: e goes on with it."),
    ("…", "Keys that are not read: they are as soon as one gets there."),
)
"""The signs in the tree and what they mean."""
_STYLE_OF: Final = {MarkKind.ADDED: "added", MarkKind.CHANGED: "changed", MarkKind.DELETED: "deleted"}


class RowView(NamedTuple):
    """All that decides how a row is drawn; equal looks are drawn alike."""

    node: Node
    guides: tuple[bool, ...]
    name: str
    hint: str
    """What is said behind a name that would not be understood."""
    icon: str
    tail: str
    """What is told instead of a name at the end of a level."""
    failed: bool
    ghost: bool
    below: int
    """Changes below a closed folder."""
    change: MarkKind | None
    fresh: bool
    age: str
    draft: bool
    """A draft of the key is kept."""
    cursor: bool

    @property
    def indent(self) -> int:
        """Cells before the icon, where there is room for all of them."""
        return _STEP * (len(self.guides) - 1)


def row_view(
    tree: Tree,
    line: VisibleRow[Node],
    *,
    width: int,
    cursor: Node | None,
    value_marks: bool = True,
    drafts: frozenset[str] = frozenset(),
) -> RowView:
    """Return the look of a row in a width.

    Args:
        tree: What the row belongs to.
        line: The row.
        width: The cells that there are.
        cursor: The node that the cursor is on.
        value_marks: Mark a folder that has a value of its own.
        drafts: The keys of which a draft is kept.
    """
    node = line.row
    mark = tree.mark(node)
    age = (
        format_duration(max(0.0, int(tree.clock() - mark.since))).replace(".0s", "s")
        if mark and width >= _AGES_FROM
        else ""
    )
    return RowView(
        node=node,
        guides=line.guides,
        name="" if node.is_more_row else _name(tree, node),
        hint="" if node.is_more_row or node.name else _hint(tree, node),
        icon=_icon(node, value_marks=value_marks),
        tail=_tail(tree, node) if node.is_more_row else "",
        failed=node.is_more_row and node.parent is not None and node.parent.load_state is LevelState.FAILED,
        ghost=node.tombstone,
        below=0 if node.is_open else tree.changes_below(node),
        change=mark.change if mark is not None else MarkKind.DELETED if node.tombstone else None,
        fresh=mark is not None and mark.age is MarkAge.FRESH,
        age=age,
        draft=bool(drafts) and not node.is_more_row and tree.key(node) in drafts,
        cursor=node is cursor,
    )


def pieces(row: RowView, width: int) -> list[Piece]:
    """Lay a row out: guides, icon, name; at the right the changes below, the glyph of its own, and how long ago."""
    right = _right(row, width)
    taken = sum(cell_len(text) for _, text in right)
    guides = _guides(row, width - taken)
    room = max(1, width - taken - cell_len(guides) - len(row.icon))
    if row.tail:
        return [("guide", guides), ("failed" if row.failed else "quiet", middle(row.tail, room + len(row.icon)))]
    name = middle(row.name, room)
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
        return sanitize(tree.separator)  # where the keys that begin with it are looked for
    if len(name) > 2 * _LONGEST:
        name = f"{name[:_LONGEST]}{ELLIPSIS}{name[-_LONGEST:]}"
    if not name or name != name.strip():
        name = f'"{name}"'  # or its end could not be seen
    return sanitize(name)


def _hint(tree: Tree, node: Node) -> str:
    """Say what an empty name stands for."""
    parent = node.parent
    separator = sanitize(tree.separator)
    if parent is None or parent is tree.root:
        return f"keys that begin with {separator}" if node.has_children else "the key of the address itself"
    if node.has_children:
        return f"keys with {separator}{separator}"
    return f"the key {_name(tree, parent)}{separator}"


def _icon(node: Node, *, value_marks: bool) -> str:
    if node.is_more_row:
        return ""
    if node.has_children or node.branch is not None:
        return ("▾" if node.is_open else "▸") + ("•" if node.has_value and value_marks else " ")
    return "  "


def _tail(tree: Tree, node: Node) -> str:
    folder = node.parent
    if tree.is_loading(node):
        return "… loading"
    match LevelState.UNLOADED if folder is None else folder.load_state:
        case LevelState.FAILED if folder is not None and folder.error is not None:
            error = folder.error
            return sanitize(f"✗ {error.message}" + (f" ({error.hint})" if error.hint else "") + "; enter tries again")
        case _ if node.name:
            return "… not read; enter reads on"
        case _:
            return "… more; enter loads them"


def _style(row: RowView) -> str:
    if row.ghost:
        return "ghost"
    if row.change is None:
        return ""
    return _STYLE_OF[row.change] + (" fresh" if row.fresh else "")


def _right(row: RowView, width: int) -> list[Piece]:
    if row.tail:
        return []
    right: list[Piece] = []
    if row.draft:
        right.append(("changed", f" {_DRAFT}"))
    if row.below:
        shown = f"{_MOST_COUNT}+" if row.below > _MOST_COUNT else str(row.below)
        right.append(("changed", f" ±{shown}"))
    if row.change is not None:
        style = _STYLE_OF[row.change] + (" fresh" if row.fresh else "")
        right.append((style, f" {row.change.value}"))
    elif row.below:
        right.append(("", "  "))
    if width >= _AGES_FROM and (row.below or row.change is not None):
        right.append(("quiet", row.age.rjust(_AGE)))
    return right


def _guides(row: RowView, width: int) -> str:
    *around, follows = row.guides
    if not around:
        return ""
    text = "".join("│ " if more else "  " for more in around[1:]) + ("├╴" if follows else "└╴")
    room = max(_STEP, width - _LEAST_NAME)
    return text if len(text) <= room else ELLIPSIS + text[len(text) - room + 1 :]
