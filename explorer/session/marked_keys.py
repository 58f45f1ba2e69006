"""Keys and folders that a person marked for the next action."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile
from typing import Final

from explorer.session.keytree.nodes import Node
from explorer.session.keytree.tree import Tree

MAX_MARKED_KEYS: Final = 10_000
"""Maximum number of marked keys; a folder stands for all keys below it."""
MARKING_ACTIONS: Final = ("toggle", "mark-range", "copy-to", "move-to", "delete", "export", "compare", "unmark")
"""Actions that a footer shows first in marking mode."""
_KEYS_PER_CHECK: Final = 1000
"""Keys that one check looks at."""


class MarkedKeys:
    """Marked keys, in the order of marking. They outlast scrolling, filters and their own deletion.

    In marking mode the key that opens a folder marks its row. A range marks the rows from where it began to the cursor.

    Args:
        on_change: Called after a change.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.is_active = False
        """True in marking mode."""
        self._on_change = on_change
        self._keys: dict[str, None] = {}
        self._range: dict[str, None] = {}
        self._anchor: Node | None = None
        self._gone: set[str] = set()
        self._checks: Iterator[str] = iter(())

    def __len__(self) -> int:
        return len(self._keys) + sum(key not in self._keys for key in self._range)

    def __iter__(self) -> Iterator[str]:
        yield from self._keys
        yield from (key for key in self._range if key not in self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys or key in self._range

    def present(self, tree: Tree) -> list[str]:
        """Return the marked keys that a tree does not know to be deleted."""
        return [key for key in self if not is_deleted(tree, key)]

    @property
    def has_range(self) -> bool:
        """True while a range follows the cursor."""
        return self._anchor is not None

    @property
    def text(self) -> str:
        """Number of marked keys, and how many of them were deleted; "" if there is nothing to say."""
        gone = sum(key in self for key in self._gone)
        most = " (no more fit)" if len(self) >= MAX_MARKED_KEYS else ""
        count = f"{len(self):,} marked{most}" if len(self) or self.is_active else ""
        return f"{count}, {gone:,} deleted" if gone else count

    def below_folder(self, separator: str) -> tuple[str, tuple[str, ...]]:
        """Return the innermost folder that has all marked keys, and their names below it."""
        folders = [key.split(separator)[:-1] for key in self]
        common = takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))
        folder = "".join(names[0] + separator for names in common)
        return folder, tuple(key.removeprefix(folder) for key in self)

    # Marking

    def toggle(self, tree: Tree, node: Node) -> bool:
        """Mark the key of a row, or unmark it; return False if it is no key, or if there are too many."""
        self.is_active = True
        self.end_range()
        if node.is_more_row:
            return False
        key = tree.rows.key(node)
        if key in self._keys:
            self._remove([key])
        elif len(self._keys) >= MAX_MARKED_KEYS:
            return False
        else:
            self._keys[key] = None
        self._on_change()
        return True

    def toggle_range(self, tree: Tree, node: Node) -> None:
        """Begin a range at a row; if there is one, keep its keys marked, and end it."""
        self.is_active = True
        if self.has_range:
            self.end_range()
        elif not node.is_more_row:
            self._anchor = node
            self.extend_range(tree, node)

    def extend_range(self, tree: Tree, node: Node | None) -> None:
        """Mark the rows from the beginning of the range to a row.

        The range ends if the row where it began is gone, and does not grow beyond `MAX_MARKED_KEYS`. A folder that a
        filter shows only because of keys below it is left out.
        """
        if self._anchor is None:
            return
        start = tree.rows.row_of(self._anchor)
        end = None if node is None else tree.rows.row_of(node)
        if start is None:
            self.end_range()
        elif end is not None:
            room = max(0, MAX_MARKED_KEYS - len(self._keys))
            first, last = min(start, end), max(start, end)
            if end < start:  # the room is used from where it began
                first = max(first, start - room + 1)
            lines = islice(tree.rows.window(first, last - first + 1), room)
            self._range = {tree.rows.key(line.row): None for line in lines if _is_in_range(line.row)}
        self._on_change()

    def end_range(self) -> None:
        """End the range; its keys stay marked."""
        self._keys |= self._range
        self._range, self._anchor = {}, None

    def leave(self) -> bool:
        """End the range, else marking mode; return False if there is neither. What is marked stays so."""
        if self.has_range:
            self.end_range()
        elif self.is_active:
            self.is_active = False
        else:
            return False
        self._on_change()
        return True

    def unmark(self, keys: Iterable[str] | None = None) -> None:
        """Unmark keys, or all of them, and leave marking mode."""
        self.end_range()
        self._remove(list(self._keys) if keys is None else keys)
        self.is_active = False
        self._on_change()

    def _remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._keys.pop(key, None)
            self._gone.discard(key)

    # Deleted keys

    def check(self, tree: Tree) -> None:
        """Look which marked keys are known to be deleted; of many, some at a time."""
        if not self._keys and not self._range:
            return
        keys = list(islice(self._checks, _KEYS_PER_CHECK))
        if not keys:
            self._checks = iter(list(self))
            keys = list(islice(self._checks, _KEYS_PER_CHECK))
        before = self._gone & set(keys)
        after = {key for key in keys if key in self and is_deleted(tree, key)}
        if before != after:
            self._gone = self._gone - before | after
            self._on_change()


def _is_in_range(row: Node) -> bool:
    return row.kept and not row.is_more_row


def is_deleted(tree: Tree, key: str) -> bool:
    """Return whether a tree knows that there is no such key, and none below it."""
    node = tree.rows.root
    for name in key.split(tree.separator):
        level = node.branch
        if level is None:
            return not node.has_children
        child = level.find(name)
        if child is None:
            is_known = all(level.knows(name, tree.separator, below=below) for below in (False, True))
            return is_known and not level.is_loading
        if child.tombstone:
            return True
        node = child
    return False
