"""Levels of the tree, and the keys below a directory, in Consul's order."""

from collections.abc import Iterator

from explorer.drivers.common.pagination import TreeWalk
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.entries import Child
from explorer.model.keys import first_key


class KeyWalk(TreeWalk[str]):
    """All keys below a directory, in the store's order, found by reading level after level.

    Args:
        reader: Reads a level.
        base: The directory.
        after: The key after which to begin.
    """

    def __init__(self, reader: ConsulReader, base: str, after: str | None) -> None:
        super().__init__()
        self._reader = reader
        self._after = after
        self._is_started = False
        self._levels: list[tuple[str, Iterator[str]]] = []
        self._base = base

    async def _fill(self, wanted: int) -> None:
        if not self._is_started:
            self._is_started = True
            await self._enter(self._base)
        while self._levels and len(self._pending) < wanted:
            base, keys = self._levels[-1]
            key = next(keys, None)
            if key is None:
                self._levels.pop()
            elif key != base and key.endswith(self._reader.separator):
                if not self._is_before_start(key):
                    await self._enter(key)
            elif self._after is None or key > self._after:
                self._pending.append(key)

    async def _enter(self, base: str) -> None:
        self._levels.append((base, iter(await self._reader.list_level(base))))

    def _is_before_start(self, directory: str) -> bool:
        """Return whether all keys of a directory are at or before `after`."""
        return self._after is not None and directory < self._after and not self._after.startswith(directory)


def to_children(level: list[str], base: str, directory: str, separator: str) -> list[Child]:
    """Return the children of a directory, in the order of their first keys.

    Args:
        level: The result of `ConsulReader.list_level`.
        base: The directory in the store.
        directory: The caller's directory.
        separator: The separator between the names in a key.
    """
    kinds: dict[str, list[bool]] = {}
    for key in level:
        name, divider, _ = key[len(base) :].partition(separator)
        kinds.setdefault(name, [False, False])[bool(divider)] = True
    children = [Child(name, directory + name, *kinds[name]) for name in kinds]
    return sorted(children, key=lambda child: first_key(child.name, separator, has_value=child.has_value))
