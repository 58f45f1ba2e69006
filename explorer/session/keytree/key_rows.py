"""Rows of the key tree: adds, merges and buries nodes, and keeps counts, marks and the filter consistent."""

from collections.abc import Callable, Iterator

from explorer.model.entries import Child
from explorer.session.keytree.marks import MarkKind, Marks
from explorer.session.keytree.nodes import Level, Node
from explorer.session.keytree.row_index import Rows


class KeyRows(Rows[Node]):
    """Rows of all known keys, below a root without a row.

    Args:
        separator: Separator of the store's keys.
        clock: Returns the seconds by which marks age.
        verify_later: Called with a folder that may have become empty.
    """

    def __init__(self, separator: str, clock: Callable[[], float], verify_later: Callable[[Node], None]) -> None:
        root = Node("", has_children=True)
        root.branch = Level()
        super().__init__(root)
        self.separator = separator
        self.clock = clock
        self.marks = Marks()
        self.loaded = 0
        """Number of known nodes, shown or not."""
        self.matching = 0
        """Number of nodes that match the filter; without one, of all."""
        self.keeps: Callable[[str, str], bool] | None = None
        """Filter's test of the key before a name, and the name."""
        self.opened_by_filter: set[Node] = set()
        self.unfiltered: set[Node] = set()
        """Folders of which all children are shown in spite of the filter."""
        self.discrepancies = 0
        """Number of differences, ever, that a listing had and no event had reported."""
        self._verify_later = verify_later
        self._pins: dict[object, Node] = {}
        self._expired: set[Node] = set()
        """Expired tombstones that stay because they or rows below them are pinned."""
        self.update_more_rows(root)

    def key(self, node: Node) -> str:
        """Return the key of a node, whether or not it has a value."""
        names: list[str] = []
        while node.parent is not None:
            names.append(node.name)
            node = node.parent
        return self.separator.join(reversed(names))

    def prefix(self, node: Node) -> str:
        """Return the prefix of the keys below a node; empty for the root."""
        return "" if node is self.root else self.key(node) + self.separator

    def contains(self, node: Node) -> bool:
        """Return whether a node is part of the tree."""
        while node.parent is not None:
            node = node.parent
        return node is self.root

    def levels(self) -> Iterator[Node]:
        """Yield the nodes with a level, from the top down; the tree must not change meanwhile."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if node.branch is not None:
                yield node
                waiting.extend(child for child in node.branch if child.branch is not None)

    # Known nodes

    def add(self, parent: Node, name: str, *, has_value: bool, has_children: bool) -> Node:
        """Add a node below one that has a level."""
        level, fits = _level(parent), False
        node = Node(name, has_value=has_value, has_children=has_children)
        if self.keeps is not None:
            fits = self.keeps(self.prefix(parent), name)
            node.kept = fits or parent in self.unfiltered
            node.weight = 1 if node.kept else 0
        node.seen = level.is_loading
        self.insert(parent, node)
        level.live_count += 1
        self.loaded += 1
        self.matching += node.kept
        if fits:
            self.expand_ancestors(parent)
        return node

    def merge_child(self, parent: Node, child: Child, *, mark_differences: bool) -> None:
        """Merge a listed child into a level.

        Args:
            parent: Node whose level was listed.
            child: Child as listed.
            mark_differences: Whether to mark differences.
        """
        known = _level(parent).find(child.name)
        revived = known is not None and known.tombstone
        if known is None:
            known = self.add(parent, child.name, has_value=child.has_value, has_children=child.has_children)
            difference: MarkKind | None = MarkKind.ADDED
        else:
            known.seen = True
            difference = MarkKind.ADDED if revived or (child.has_value and not known.has_value) else None
            if known.has_value and not child.has_value:
                difference = MarkKind.DELETED
            self.revive(known)
            known.has_value, known.has_children = child.has_value, child.has_children
            if not child.has_children and known.branch is not None and known.branch.live_count:
                self._verify_later(known)
        self.discrepancies += difference is not None
        if difference is not None and (mark_differences or revived):
            self.marks.add(known, difference, self.clock())

    def bury(self, node: Node) -> None:
        """Turn a deleted node into a tombstone, which is dropped after a while."""
        if node.tombstone or node.parent is None:
            return
        node.has_value = node.has_children = False
        if node.branch is not None and node.branch.live_count:
            self._clear(node)
        node.tombstone = True
        self.marks.add(node, MarkKind.DELETED, self.clock())
        self._count_removal(node.parent)

    def revive(self, node: Node) -> None:
        """Turn a tombstone into a key again."""
        if node.tombstone and node.parent is not None:
            node.tombstone = False
            _level(node.parent).live_count += 1
            self.marks.revive(node)

    def empty(self, node: Node) -> None:
        """Note that there are no keys below a node."""
        node.has_children = False
        if node.branch is not None and (node.branch.live_count or not node.branch.known_count):
            self._clear(node)
        if not node.has_value:
            self.bury(node)

    def drop(self, node: Node) -> None:
        """Remove a node with all below it."""
        parent = node.parent
        self.marks.forget(node)
        self._expired.discard(node)
        if parent is None:
            return
        self._forget_below(node)
        self.remove(node)
        self.loaded -= 1
        self.matching -= node.kept
        self._forget_filter(node)
        if not node.tombstone:
            self._count_removal(parent)
        if parent is not self.root and not parent.has_children and not _level(parent).known_count:
            self.prune(parent)

    def prune(self, node: Node) -> None:
        """Remove the level below a node."""
        if node.branch is not None and node is not self.root:
            self._forget_below(node)
            node.is_open = False
            self._forget_filter(node)
            self.set_branch(node, None)

    # Tombstones

    def pin(self, owner: object, node: Node | None) -> None:
        """Keep the row of a node although its key is deleted, until the owner pins another or none.

        Args:
            owner: Owner of the pin, such as a view with its cursor on the row.
            node: Node to pin; None pins nothing.
        """
        if node is None:
            self._pins.pop(owner, None)
        else:
            self._pins[owner] = node
        for expired in [expired for expired in self._expired if not self._pinned(expired)]:
            self._expired.discard(expired)
            if expired.tombstone and self.contains(expired):
                self.drop(expired)

    def expire(self, tombstone: Node) -> None:
        """Remove a tombstone; if it is pinned, or a row below it, as soon as it is no longer."""
        if self._pinned(tombstone):
            self._expired.add(tombstone)
        else:
            self.drop(tombstone)

    def _pinned(self, node: Node) -> bool:
        return any(node is up for pin in self._pins.values() for up in _ancestors(pin))

    def _clear(self, node: Node) -> None:
        """Remove the level below an empty node; pinned children stay as tombstones."""
        kept = [child for child in map(_child_towards(node), self._pins.values()) if child is not None]
        for child in kept:
            self.bury(child)
            self.remove(child)
        opened = node.is_open
        self.prune(node)
        if not kept:
            return
        level = Level()
        level.cover(b"", None, "")
        self.set_branch(node, level)
        for child in dict.fromkeys(kept):
            self.insert(node, child)
        self.open(node, opened=opened)

    # Visible rows

    def update_more_rows(self, node: Node) -> None:
        """Update the more-rows of a level: one in each gap, and one at its end, which also shows an error."""
        level = _level(node)
        needed = level.error is not None or not level.runs or level.runs[-1].end is not None
        if needed is (level.more_row is None):
            self.set_more_row(node, Node("", is_more_row=True) if needed else None)
        names = {run.gap for run in level.runs[:-1]}
        for name in [name for name in level.gaps if name not in names]:
            self.remove(level.gaps.pop(name))
        for name in names - level.gaps.keys():
            gap = level.gaps[name] = Node(name, is_more_row=True)
            gap.kept = self.keeps is None or node in self.unfiltered
            gap.weight = 1 if gap.kept else 0
            self.insert(node, gap)

    def expand_ancestors(self, node: Node) -> None:
        """Expand a node and its ancestors while the filter lasts."""
        up: Node | None = node
        while up is not None and up is not self.root:
            if not up.is_open:
                self.opened_by_filter.add(up)
                self.open(up)
            up = up.parent

    def show_unfiltered(self, node: Node) -> None:
        """Show all children of a node in spite of the filter."""
        if self.keeps is None or node in self.unfiltered:
            return
        self.unfiltered.add(node)
        name: str | None = None
        while node.branch is not None and (block := node.branch.block_after(name)) is not None:
            name = block[-1].name
            self.matching += sum(not (child.kept or child.is_more_row) for child in block)
            self.filter_block(node, block, lambda _child: True)

    def _forget_filter(self, node: Node) -> None:
        self.opened_by_filter.discard(node)
        self.unfiltered.discard(node)

    def _count_removal(self, parent: Node) -> None:
        level = _level(parent)
        level.live_count -= 1
        if not level.live_count and parent.has_children and parent is not self.root:
            self._verify_later(parent)

    def _forget_below(self, node: Node) -> None:
        waiting = [node]
        while waiting:
            branch = waiting.pop().branch
            for child in branch or ():
                self.marks.forget(child)
                self._forget_filter(child)
                self.matching -= child.kept and not child.is_more_row
                if child.branch is not None:
                    waiting.append(child)
            self.loaded -= branch.known_count if branch is not None else 0


def _ancestors(node: Node) -> Iterator[Node]:
    """Yield a node and its ancestors."""
    up: Node | None = node
    while up is not None:
        yield up
        up = up.parent


def _child_towards(node: Node) -> Callable[[Node], Node | None]:
    """Return a function that returns the child of a node that contains another node."""
    return lambda pin: next((up for up in _ancestors(pin) if up.parent is node), None)


def _level(node: Node) -> Level:
    if node.branch is None:
        message = "the node has no level"
        raise AssertionError(message)
    return node.branch
