"""Levels of the tree, made from scans of all keys.

Redis has no directories and no order: the names in a level are known once every key of the database was passed. So a
level that was scanned is kept for the next pages. A page that begins at a key, not at a cursor, may only be read from a
level that is up to date: one for which a live watch reported every change since the scan began.
"""

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from explorer.model.entries import Child
from explorer.model.keys import decode, encode, first_key

_MAX_LEVELS: Final = 8
_MAX_CHILDREN: Final = 2_000_000
"""Children of all levels that are kept, together."""


class ScannedLevel:
    """The names below a directory.

    Args:
        base: The directory in the store.
        separator: Separator of the names in a key.
    """

    def __init__(self, base: bytes, separator: str) -> None:
        self._base = base
        self._separator = encode(separator)
        self._kinds: dict[bytes, tuple[bool, bool]] = {}
        """Names with two flags: has a value, has children."""
        self._children: list[Child] | None = None
        self.is_current = True
        """False once a change cannot be followed: another key below the same name may or may not exist."""

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, key: bytes) -> None:
        """Add a key below the directory."""
        name, deeper, _ = key[len(self._base) :].partition(self._separator)
        kind = self._kinds.get(name, (False, False))
        new = (kind[0] or not deeper, kind[1] or bool(deeper))
        if new != kind:
            self._kinds[name], self._children = new, None

    def discard(self, key: bytes) -> None:
        """Remove a key."""
        name, deeper, _ = key[len(self._base) :].partition(self._separator)
        kind = self._kinds.get(name)
        if deeper:
            self.is_current = False
        elif kind is not None and kind[0]:
            self._children = None
            if kind[1]:
                self._kinds[name] = (False, True)
            else:
                del self._kinds[name]

    def has_value(self, key: bytes) -> bool:
        """Return whether a key right below the directory is there."""
        return self._kinds.get(key[len(self._base) :], (False, False))[0]

    def children(self, directory: str) -> list[Child]:
        """Return the children in the order of their first keys.

        Args:
            directory: The directory as the caller spells it.
        """
        if self._children is None:
            separator = self._separator.decode()
            names = ((decode(name), kind) for name, kind in self._kinds.items())
            found = [Child(name, directory + name, *kind) for name, kind in names]
            found.sort(key=lambda child: first_key(child.name, separator, has_value=child.has_value))
            self._children = found
        return self._children


class LevelCache:
    """Scanned levels that live watches keep up to date.

    Args:
        separator: Separator of the names in a key.
    """

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self._levels: OrderedDict[bytes, ScannedLevel] = OrderedDict()
        self._unfinished: list[tuple[bytes, ScannedLevel]] = []
        self._live: list[bytes] = []

    @contextmanager
    def live(self, base: bytes) -> Generator[None, None, None]:
        """Keep levels below a directory as long as a watch of it lasts, which calls `apply` for each change."""
        self._live.append(base)
        try:
            yield
        finally:
            self._live.remove(base)
            self.clear()

    def clear(self) -> None:
        """Forget all levels."""
        self._levels.clear()
        for _, level in self._unfinished:
            level.is_current = False

    def get(self, base: bytes) -> ScannedLevel | None:
        """Return a level that is up to date."""
        level = self._levels.get(base)
        if level is None or not level.is_current:
            return None
        self._levels.move_to_end(base)
        return level

    @contextmanager
    def scanning(self, base: bytes) -> Generator[ScannedLevel, None, None]:
        """Return a level that is filled by a scan in the block; keep it if a watch reported every change meanwhile."""
        level = ScannedLevel(base, self._separator)
        level.is_current = any(base.startswith(live) for live in self._live)
        unfinished = (base, level)
        self._unfinished.append(unfinished)
        try:
            yield level
        except BaseException:
            level.is_current = False
            raise
        finally:
            self._unfinished.remove(unfinished)
        if level.is_current:
            self._levels[base] = level
            self._levels.move_to_end(base)
            while len(self._levels) > 1 and (
                len(self._levels) > _MAX_LEVELS or sum(map(len, self._levels.values())) > _MAX_CHILDREN
            ):
                self._levels.popitem(last=False)

    def lacks(self, key: bytes) -> bool:
        """Return whether a level that is up to date shows that there was no such key."""
        parent, separator, _ = key.rpartition(encode(self._separator))
        level = self.get(parent + separator)
        return level is not None and not level.has_value(key)

    def apply(self, key: bytes, *, exists: bool) -> None:
        """Note that a key exists, or that it does not."""
        for base, level in (*self._levels.items(), *self._unfinished):
            if key.startswith(base):
                if exists:
                    level.add(key)
                else:
                    level.discard(key)
