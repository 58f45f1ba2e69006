"""Listings in pages where the store has none: a level is read once, and what waits for the next page is kept."""

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from itertools import count
from typing import Generic, TypeVar

from explorer.model.entries import Cursor

Rest = TypeVar("Rest")
Found = TypeVar("Found")

_KEPT = 8
"""Listings that may wait for their next page; the oldest is begun again if it is asked for after all."""


class PageCache(Generic[Rest]):
    """What is left of listings after their last page."""

    def __init__(self) -> None:
        self._tokens = count(1)
        self._waiting: OrderedDict[tuple[str, Cursor], Rest] = OrderedDict()

    def keep(self, base: str, key: str, rest: Rest) -> Cursor:
        """Keep what follows after a key, and give the cursor by which it is found."""
        cursor = Cursor(key, next(self._tokens))
        self._waiting[base, cursor] = rest
        if len(self._waiting) > _KEPT:
            self._waiting.popitem(last=False)
        return cursor

    def take(self, base: str, after: Cursor | str | None) -> Rest | None:
        """Give what was kept, once."""
        return self._waiting.pop((base, after), None) if isinstance(after, Cursor) else None


class TreeWalk(ABC, Generic[Found]):
    """All that is below a directory, found by going down, as far as it is asked for."""

    def __init__(self) -> None:
        self._ahead: deque[Found] = deque()

    async def take(self, limit: int) -> list[Found]:
        """Give what is found next; fewer than `limit` only at the end."""
        await self._look(limit)
        return [self._ahead.popleft() for _ in range(min(limit, len(self._ahead)))]

    async def more(self) -> bool:
        """Tell whether there is anything else."""
        await self._look(1)
        return bool(self._ahead)

    @abstractmethod
    async def _look(self, wanted: int) -> None:
        """Go on until so many are `_ahead`, or to the end."""
