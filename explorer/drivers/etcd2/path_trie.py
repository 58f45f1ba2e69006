"""Trie of the paths below a directory, which a tree watch needs since etcd does not report all of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class TrieNode:
    """A name, with the names below it."""

    created: int = 0
    children: dict[str, "TrieNode"] = field(default_factory=dict)


class PathTrie:
    """The paths below a root, each with the index of its creation.

    A path may be newer than a change: then the change of the older node does not concern it.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._top = TrieNode()

    def add_parents(self, path: str, index: int) -> Iterator[str]:
        """Add the directories above a path, and yield those that were created with it, at this index."""
        node, parent = self._top, self._root
        for name in self._names(path)[:-1]:
            parent = f"{parent}/{name}"
            node = node.children.setdefault(name, TrieNode(index))
            if node.created == index:
                yield parent

    def add(self, path: str, created: int) -> None:
        """Add a path."""
        node = self._top
        for name in self._names(path):
            node = node.children.setdefault(name, TrieNode(created))
        node.created = max(node.created, created)

    def remove(self, path: str, index: int) -> list[str]:
        """Remove a path that was deleted at an index with all below it; return the removed paths, deepest first."""
        parent = self._top
        *names, last = self._names(path)
        for name in names:
            child = parent.children.get(name)
            if child is None:
                return []
            parent = child
        node = parent.children.get(last)
        if node is None or node.created > index:
            return []
        removed = [*_remove_below(path, node, index)]
        if not node.children:
            del parent.children[last]
        return removed

    def clear(self, index: int) -> list[str]:
        """Remove all paths after the root was deleted at an index; return the removed paths, deepest first."""
        return [path for name in list(self._top.children) for path in self.remove(f"{self._root}/{name}", index)]

    def paths(self) -> Iterator[str]:
        """Yield all paths."""
        for name, node in self._top.children.items():
            yield from _walk(f"{self._root}/{name}", node)

    def _names(self, path: str) -> list[str]:
        return path[len(self._root) + 1 :].split("/")


def _remove_below(path: str, node: TrieNode, index: int) -> Iterator[str]:
    """Remove the nodes below one that are not newer than an index; yield their paths, then that of the node."""
    for name, child in list(node.children.items()):
        if child.created <= index:
            yield from _remove_below(f"{path}/{name}", child, index)
            if not child.children:
                del node.children[name]
    yield path


def _walk(path: str, node: TrieNode) -> Iterator[str]:
    yield path
    for name, child in node.children.items():
        yield from _walk(f"{path}/{name}", child)
