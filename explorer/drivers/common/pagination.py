"""Client-side pagination for stores without it, and the check of the limit of all pages."""

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import wraps
from itertools import count
from typing import Final, Generic, ParamSpec, Protocol, Self, TypeVar

from explorer.model.entries import Cursor, Page

MAX_CACHED_LISTINGS: Final = 8
"""Listings whose next page is kept. The oldest is dropped, and read again if its next page is asked for after all."""


PAGED_CALLS: Final = ("children", "children_before", "list")
"""The methods of a store that return a page."""


class SizedLevel(Protocol):
    """A level that is read as a whole, in order; a list is one."""

    def __len__(self) -> int:
        """Return the number of children."""

    def __getitem__(self, part: slice, /) -> Self:
        """Return a part of it."""


Rest = TypeVar("Rest")
Node = TypeVar("Node")
Params = ParamSpec("Params")
Result = TypeVar("Result")
LevelRead = TypeVar("LevelRead", bound=SizedLevel)


class PageCache(Generic[Rest]):
    """Unread rests of listings by the cursor of their last page."""

    def __init__(self) -> None:
        self._tokens = count(1)
        self._rests: OrderedDict[tuple[str, Cursor], Rest] = OrderedDict()

    def keep(self, base: str, key: str, rest: Rest) -> Cursor:
        """Keep the rest of a listing of `base` after a key, and return its cursor."""
        cursor = Cursor(key, next(self._tokens))
        self._rests[base, cursor] = rest
        if len(self._rests) > MAX_CACHED_LISTINGS:
            self._rests.popitem(last=False)
        return cursor

    def take(self, base: str, after: Cursor | str | None) -> Rest | None:
        """Remove and return the rest behind a cursor; None if there is none."""
        return self._rests.pop((base, after), None) if isinstance(after, Cursor) else None


class LevelPages(PageCache[LevelRead]):
    """Pages of levels that the store returns as a whole."""

    async def page(
        self,
        base: str,
        after: Cursor | str | None,
        limit: int,
        *,
        read: Callable[[], Awaitable[LevelRead]],
        index_after: Callable[[LevelRead, str], int],
        last_key: Callable[[LevelRead], str],
    ) -> tuple[LevelRead, Cursor | None]:
        """Return the next part of a level, and the cursor of the part after it.

        Args:
            base: The directory as the store spells it.
            after: The cursor of the last page, or a key; None for the beginning.
            limit: Maximum number of children.
            read: Reads the level, in its order.
            index_after: Returns the index of the first child that comes after a key.
            last_key: Returns the key of the last child of a part, as the caller spells it.
        """
        level = self.take(base, after)
        if level is None:
            level = await read()
            if after is not None:
                level = level[index_after(level, Cursor.key_of(after)) :]
        page, rest = level[:limit], level[limit:]
        return page, self.keep(base, last_key(page), rest) if len(rest) else None


class TreeWalk(ABC, Generic[Node]):
    """All nodes below a directory, read by descending as far as they are asked for."""

    def __init__(self) -> None:
        self._pending: deque[Node] = deque()

    async def take(self, limit: int) -> list[Node]:
        """Return the next nodes; fewer than `limit` only at the end."""
        await self._fill(limit)
        return [self._pending.popleft() for _ in range(min(limit, len(self._pending)))]

    async def more(self) -> bool:
        """Return whether there is another node."""
        await self._fill(1)
        return bool(self._pending)

    @abstractmethod
    async def _fill(self, wanted: int) -> None:
        """Read on until `_pending` has so many nodes, or to the end."""


class WalkPages(PageCache[TreeWalk[Node]]):
    """Pages of listings that are read by a walk."""

    async def page(
        self,
        base: str,
        after: Cursor | str | None,
        limit: int,
        *,
        start: Callable[[str | None], TreeWalk[Node]],
        key_of: Callable[[Node], str],
    ) -> tuple[list[Node], Cursor | None]:
        """Return the next nodes below a directory, and the cursor of the nodes after them.

        Args:
            base: The directory as the store spells it.
            after: The cursor of the last page, or a key; None for the beginning.
            limit: Maximum number of nodes.
            start: Starts a walk after a key; None for the beginning.
            key_of: Returns the key of a node, as the caller spells it.
        """
        walk = self.take(base, after) or start(None if after is None else Cursor.key_of(after))
        nodes = await walk.take(limit)
        return nodes, self.keep(base, key_of(nodes[-1]), walk) if await walk.more() else None


async def list_pages(
    read: Callable[[Cursor | None], Awaitable[Page[Result]]],
) -> AsyncGenerator[Sequence[Result], None]:
    """Yield the items of all pages of a listing.

    Args:
        read: Reads the page after a cursor; after None the first one.
    """
    page = await read(None)
    yield page.items
    while page.next is not None:
        page = await read(page.next)
        yield page.items


async def flattened(pages: AsyncGenerator[Sequence[Result], None]) -> AsyncGenerator[Result, None]:
    """Yield the items of pages, and close those when it is closed."""
    async with aclosing(pages):
        async for page in pages:
            for item in page:
                yield item


def add_limit_checks(store_type: type[object]) -> None:
    """Wrap the calls of a class of stores that return pages: a limit below 1 raises ValueError."""
    for name in PAGED_CALLS:
        if (method := vars(store_type).get(name)) is not None:
            setattr(store_type, name, _with_limit_check(method))


def _with_limit_check(method: Callable[Params, Awaitable[Result]]) -> Callable[Params, Awaitable[Result]]:
    @wraps(method)
    async def call(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        limit = kwargs.get("limit")
        if isinstance(limit, int) and limit < 1:
            message = f"limit must be 1 or more, not {limit}"
            raise ValueError(message)
        return await method(*args, **kwargs)

    return call
