"""The names below a directory, which a watch has to keep."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class PathNode:
    """A name, and what is below it."""

    created: int = 0
    below: dict[str, "PathNode"] = field(default_factory=dict)


class PathTrie:
    """The paths below a base, each with the index of its creation.

    They may be newer than the changes that are taken in: what an older change says of a newer node is nothing new.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._top = PathNode()

    def above(self, path: str, index: int) -> Iterator[str]:
        """Give the directories above a node that came to be with it, at this index."""
        at, place = self._top, self._base
        for part in path[len(self._base) + 1 :].split("/")[:-1]:
            place = f"{place}/{part}"
            at = at.below.setdefault(part, PathNode(index))
            if at.created == index:
                yield place

    def put(self, path: str, created: int) -> None:
        """Take in that there is a node."""
        at = self._top
        for part in path[len(self._base) + 1 :].split("/"):
            at = at.below.setdefault(part, PathNode(created))
        at.created = max(at.created, created)

    def remove(self, path: str, index: int) -> list[str]:
        """Take in that a node went with an index, and give what went with it, the lowest first."""
        above = self._top
        *parts, last = path[len(self._base) + 1 :].split("/")
        for part in parts:
            found = above.below.get(part)
            if found is None:
                return []
            above = found
        name = above.below.get(last)
        if name is None or name.created > index:
            return []
        gone = [*_paths(path, name, index)]
        if not name.below:
            del above.below[last]
        return gone

    def clear(self, index: int) -> list[str]:
        """Take in that the base itself went."""
        return [path for name in list(self._top.below) for path in self.remove(f"{self._base}/{name}", index)]

    def paths(self) -> Iterator[str]:
        """Give all paths."""
        for name, below in self._top.below.items():
            yield from _every(f"{self._base}/{name}", below)


def _paths(path: str, name: PathNode, index: int) -> Iterator[str]:
    """Remove what is not newer than an index, and give it."""
    for part, below in list(name.below.items()):
        if below.created <= index:
            yield from _paths(f"{path}/{part}", below, index)
            if not below.below:
                del name.below[part]
    yield path


def _every(path: str, name: PathNode) -> Iterator[str]:
    yield path
    for part, below in name.below.items():
        yield from _every(f"{path}/{part}", below)
