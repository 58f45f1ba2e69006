"""Levels and all keys below a directory, in Consul's order."""

from collections.abc import Iterator

from explorer.drivers.common.pagination import TreeWalk
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.entries import Child
from explorer.model.keys import first_key


class Keys(TreeWalk[str]):
    """All keys below a directory, in the store's order, found by going down level by level.

    Args:
        reader: Reads a level.
        base: The directory.
        after: Where to begin: after this key.
    """

    def __init__(self, reader: ConsulReader, base: str, after: str | None) -> None:
        super().__init__()
        self._reader = reader
        self._after = after
        self._begun = False
        self._levels: list[tuple[str, Iterator[str]]] = []
        self._base = base

    async def _fill(self, wanted: int) -> None:
        if not self._begun:
            self._begun = True
            await self._enter(self._base)
        while self._levels and len(self._pending) < wanted:
            base, names = self._levels[-1]
            name = next(names, None)
            if name is None:
                self._levels.pop()
            elif name != base and name.endswith(self._reader.separator):
                if not self._passed(name):
                    await self._enter(name)
            elif self._after is None or name > self._after:
                self._pending.append(name)

    async def _enter(self, base: str) -> None:
        self._levels.append((base, iter(await self._reader.level(base))))

    def _passed(self, directory: str) -> bool:
        """Tell whether everything below a directory comes before the place to begin at."""
        return self._after is not None and directory < self._after and not self._after.startswith(directory)


def children(level: list[str], base: str, directory: str, separator: str) -> list[Child]:
    """Make children of the names of a level, in the order of their first keys.

    Args:
        level: As `Reader.level` tells it.
        base: The directory as the store spells it.
        directory: The same as the caller does.
        separator: Divides the names in a key.
    """
    facts: dict[str, list[bool]] = {}
    for key in level:
        name, divider, _ = key[len(base) :].partition(separator)
        facts.setdefault(name, [False, False])[bool(divider)] = True
    made = [Child(name, directory + name, *facts[name]) for name in facts]
    return sorted(made, key=lambda child: first_key(child.name, separator, has_value=child.has_value))
