"""One row of the tree as a view shows it: sanitised texts and facts, without any layout."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from explorer.model.format import format_error
from explorer.model.sanitize import sanitize
from explorer.session.editing.drafts import Draft
from explorer.session.keytree.marks import MarkAge, MarkKind
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.row_index import VisibleRow
from explorer.session.keytree.tree import Tree

_MAX_COUNT: Final = 999
_MAX_NAME_HALF: Final = 2048
"""Characters at each end of a name that are kept; more never fit on a screen."""
DRAFT_SIGN: Final = "✎"
STAGED_SIGN: Final = "✚"
STAGED_DELETION_SIGN: Final = "✖"
MARKED_SIGN: Final = "✓"
TREE_SIGNS: Final = (
    ("▸ ▾", "A folder, closed or open."),
    ("•", "A folder whose key also has a value."),
    ("+ ~ -", "A key that was added, changed or deleted in the last 30 seconds."),
    ("±2", "Number of changes in a closed folder since it was last open or its marks were cleared."),
    (MARKED_SIGN, "A marked key or folder: the next action is on all that are marked."),
    (DRAFT_SIGN, "A key with a draft: e continues it."),
    (STAGED_SIGN, "A key with a staged change, which is saved together with others."),
    (STAGED_DELETION_SIGN, "A key whose deletion is staged likewise."),
    ("…", "Keys that are not loaded yet; they are loaded when the cursor gets near."),
)
"""The signs in the tree and their meanings."""


class RowView(NamedTuple):
    """Everything that a drawn row depends on beside cursor, width and age; equal views are drawn alike."""

    node: Node
    guides: tuple[bool, ...]
    """For each ancestor below the root and for the node itself: whether a visible sibling follows."""
    name: str
    suffix: str
    """Separator behind the name of a folder; empty if the name ends with it."""
    hint: str
    """Explanation behind an empty name."""
    is_folder: bool
    is_open: bool
    has_value_mark: bool
    """True for a folder to be marked because its key has a value, too."""
    placeholder: str
    """Text instead of a name, in the row for keys that are not loaded."""
    failed: bool
    """True if the keys of a placeholder could not be read."""
    tombstone: bool
    """True if the key was deleted and its row is still shown."""
    changes_below: int
    """Number of changes in a closed folder; counted up to 1,000."""
    change: MarkKind | None
    fresh: bool
    """True if the change was a moment ago."""
    changed_at: float | None
    """Moment of the change, in seconds of the session's clock."""
    draft: str
    """Sign of the key's draft, or of its staged change; "" without."""
    marked: bool
    """True if a person marked it."""

    @property
    def depth(self) -> int:
        """Depth below the root; 0 for its children."""
        return len(self.guides) - 1

    @property
    def count_text(self) -> str:
        """Number of changes in a closed folder as text, such as `±2`; "" if there are none."""
        if not self.changes_below:
            return ""
        return f"±{_MAX_COUNT}+" if self.changes_below > _MAX_COUNT else f"±{self.changes_below}"


def row_view(
    tree: Tree,
    line: VisibleRow[Node],
    *,
    has_value_marks: bool = True,
    draft_signs: Mapping[str, str] = MappingProxyType({}),
    marked_keys: Collection[str] = frozenset(),
) -> RowView:
    """Return the view of a row.

    Args:
        tree: The tree of the row.
        line: The row.
        has_value_marks: Whether to mark folders that have a value of their own; useless in stores where all have one.
        draft_signs: Signs of keys that have a draft.
        marked_keys: The keys that a person marked.
    """
    node = line.row
    mark = tree.marks.of(node)
    is_more_row = node.is_more_row
    is_folder = not is_more_row and (node.has_children or node.branch is not None)
    name = "" if is_more_row else _name(tree, node)
    separator = sanitize(tree.separator)
    return RowView(
        node=node,
        guides=line.guides,
        name=name,
        suffix=separator if is_folder and not name.endswith(separator) else "",
        hint="" if is_more_row or node.name else _hint(tree, node),
        is_folder=is_folder,
        is_open=is_folder and node.is_open,
        has_value_mark=is_folder and has_value_marks and node.has_value,
        placeholder=_placeholder(tree, node) if is_more_row else "",
        failed=is_more_row and node.parent is not None and node.parent.load_state is LevelState.FAILED,
        tombstone=node.tombstone,
        changes_below=0 if node.is_open else min(tree.marks.below(node), _MAX_COUNT + 1),
        change=mark.change if mark is not None else MarkKind.DELETED if node.tombstone else None,
        fresh=mark is not None and mark.age is MarkAge.FRESH,
        changed_at=None if mark is None else mark.since,
        draft=draft_signs.get(tree.rows.key(node), "") if draft_signs and not is_more_row else "",
        marked=_is_among(marked_keys, tree, node),
    )


def draft_signs(draft_keys: Iterable[str], staged: Iterable[Draft]) -> Mapping[str, str]:
    """Return the signs of keys with a draft."""
    signs = {draft.key: STAGED_DELETION_SIGN if draft.deletes else STAGED_SIGN for draft in staged}
    return dict.fromkeys(draft_keys, DRAFT_SIGN) | signs


def _is_among(keys: Collection[str], tree: Tree, node: Node) -> bool:
    return bool(keys) and not node.is_more_row and tree.rows.key(node) in keys


def _name(tree: Tree, node: Node) -> str:
    name = node.name
    if not name and node.has_children and node.parent is tree.rows.root:
        return sanitize(tree.separator)  # where people look for keys that begin with the separator
    if len(name) > 2 * _MAX_NAME_HALF:
        name = f"{name[:_MAX_NAME_HALF]}…{name[-_MAX_NAME_HALF:]}"
    if not name or name != name.strip():
        name = f'"{name}"'  # otherwise its end could not be seen
    return sanitize(name)


def _hint(tree: Tree, node: Node) -> str:
    """Return the explanation of an empty name."""
    parent = node.parent
    separator = sanitize(tree.separator)
    if parent is None or parent is tree.rows.root:
        return (
            f"keys that begin with {separator}"
            if node.has_children
            else "the key that equals the prefix of the address"
        )
    if node.has_children:
        return f"keys that contain {separator}{separator}"
    return f"the key {_name(tree, parent)}{separator}"


def _placeholder(tree: Tree, node: Node) -> str:
    folder = node.parent
    if tree.is_loading(node):
        progress = "" if folder is None or folder.branch is None else folder.branch.progress
        return f"… {sanitize(progress)}" if progress else "… loading"
    match LevelState.UNLOADED if folder is None else folder.load_state:
        case LevelState.FAILED if folder is not None and folder.error is not None:
            return sanitize(f"✗ {format_error(folder.error)}; press enter to retry")
        case _ if node.name:
            return "… not loaded; press enter to load more"
        case _:
            return "… more; press enter to load them"
