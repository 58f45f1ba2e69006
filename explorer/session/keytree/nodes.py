"""The nodes of a tree of keys and the levels they hang on: what is known of them, kept small."""

from enum import Enum, auto
from typing import Final

from explorer.model.errors import ExplorerError
from explorer.model.keys import encode
from explorer.session.keytree.rows import Branch, Row

_VALUE: Final = 1
_CHILDREN: Final = 2
_GHOST: Final = 4
_SEEN: Final = 8
_TAIL: Final = 16


class Extent(Enum):
    """How much of a level is known."""

    UNLOADED = auto()
    LOADING = auto()
    PARTIAL = auto()
    LOADED = auto()
    FAILED = auto()


class Node(Row):
    """A name of the tree: a value, children, or both. Or the last line of a level, which tells what is with it.

    What else is known of a node (marks, counts) is kept apart, for the few that have it.
    """

    __slots__ = ("_facts",)

    branch: "Level | None"
    parent: "Node | None"

    def __init__(self, name: str, *, has_value: bool = False, has_children: bool = False, tail: bool = False) -> None:
        super().__init__(name)
        self._facts = _VALUE * has_value | _CHILDREN * has_children | _TAIL * tail

    def __repr__(self) -> str:
        return f"<Node {self.name!r}>"

    @property
    def has_value(self) -> bool:
        """Whether something is stored under the very key."""
        return bool(self._facts & _VALUE)

    @has_value.setter
    def has_value(self, yes: bool) -> None:
        self._facts = self._facts | _VALUE if yes else self._facts & ~_VALUE

    @property
    def has_children(self) -> bool:
        """Whether anything is stored below."""
        return bool(self._facts & _CHILDREN)

    @has_children.setter
    def has_children(self, yes: bool) -> None:
        self._facts = self._facts | _CHILDREN if yes else self._facts & ~_CHILDREN

    @property
    def ghost(self) -> bool:
        """Whether it is gone and still shown for a moment."""
        return bool(self._facts & _GHOST)

    @ghost.setter
    def ghost(self, yes: bool) -> None:
        self._facts = self._facts | _GHOST if yes else self._facts & ~_GHOST

    @property
    def seen(self) -> bool:
        """Whether the reading of its level that is under way has come upon it."""
        return bool(self._facts & _SEEN)

    @seen.setter
    def seen(self, yes: bool) -> None:
        self._facts = self._facts | _SEEN if yes else self._facts & ~_SEEN

    @property
    def tail(self) -> bool:
        """Whether it is no key but the last line of a level: loading, more, or failed; `parent.extent` tells which."""
        return bool(self._facts & _TAIL)

    @property
    def expanded(self) -> bool:
        """Whether what is below is shown."""
        return self.opened

    @property
    def extent(self) -> Extent:
        """How much of the level below is known."""
        return Extent.UNLOADED if self.branch is None else self.branch.extent

    @property
    def error(self) -> ExplorerError | None:
        """Why the level below could not be read."""
        return None if self.branch is None else self.branch.error


class Level(Branch[Node]):
    """The children of one node as far as they were read."""

    __slots__ = ("complete", "edge", "error", "last", "living", "notes", "stale", "wanted", "working")

    def __init__(self) -> None:
        super().__init__()
        self.complete = False
        """Whether all children were read; from then on the events keep them."""
        self.edge: bytes | None = None
        """The first key of the last child read, below the level: what lies behind it is not known."""
        self.last: tuple[str, bool] | None = None
        """The name of the last child read, and whether it had a value."""
        self.living = 0
        """Children that are no ghosts."""
        self.working = False
        """Whether it was asked for more, or is being read."""
        self.error: ExplorerError | None = None
        self.stale = False
        """Whether all that was read must be read again."""
        self.wanted = False
        """Whether somebody waits for a further page, or for the first."""
        self.notes: dict[str, Note] = {}
        """What events said, by child, while the level is being read; said again when it was."""

    @property
    def extent(self) -> Extent:
        """How much of it is known."""
        if self.error is not None:
            return Extent.FAILED
        if self.complete:
            return Extent.LOADED
        return Extent.LOADING if self.working else Extent.PARTIAL

    def knows(self, name: str, separator: str, *, below: bool) -> bool:
        """Tell whether a child, of which a key was heard of, belongs to what was read, by the order of first keys.

        Args:
            name: The name of the child.
            separator: What follows it in the keys below it.
            below: Whether the key lies below the child; it may yet have a value itself.
        """
        if self.complete:
            return True
        return self.edge is not None and first_key(name, separator, has_value=not below) <= self.edge

    def reach(self, name: str, separator: str, *, has_value: bool) -> None:
        """Note how far it was read."""
        self.last = name, has_value
        self.edge = first_key(name, separator, has_value=has_value)

    def resumed(self) -> str | None:
        """Give the child behind which the next page begins; None if it has to begin with the first.

        A store lists `a`, `a-b`, `a/c` in this order, as `a`, `a-b`. A page that is asked for behind `a` begins at
        `a-b` as long as `a` has a value, and behind `a/` when it has none any more. So instead of behind a value it
        begins behind a child before it with which its name does not begin: all below that is before it, too.
        """
        if self.last is None:
            return None
        last, has_value = self.last
        if not has_value:
            return last
        for child in self.before(last):
            if not last.startswith(child.name) and encode(child.name) < encode(last):
                return child.name
        return None


class Note:
    """What was heard of a child: the last of its value (None: nothing), and what was put and deleted below it.

    Of those below, the last word would not do: the key that was deleted last need not be the one that was put.
    """

    __slots__ = ("deleted_below", "put_below", "value")

    def __init__(self) -> None:
        self.value: bool | None = None
        self.put_below = False
        self.deleted_below = False


def first_key(name: str, separator: str, *, has_value: bool) -> bytes:
    """Give the first key of a child, below its level: stores list children in the order of these bytes."""
    return encode(name if has_value else name + separator)
