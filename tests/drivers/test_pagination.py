from bisect import bisect_right

from explorer.drivers.common.pagination import MAX_CACHED_LISTINGS, LevelPages, TreeWalk, WalkPages
from explorer.model.entries import Cursor

LEVEL = list("abcde")


class Levels:
    """A store with one level, and the number of times that it was read."""

    def __init__(self) -> None:
        self.pages: LevelPages[list[str]] = LevelPages()
        self.reads = 0

    async def page(self, after: Cursor | str | None = None, *, base: str = "") -> tuple[list[str], Cursor | None]:
        return await self.pages.page(
            base, after, 2, read=self._read, index_after=bisect_right, last_key=lambda page: page[-1]
        )

    async def _read(self) -> list[str]:
        self.reads += 1
        return LEVEL


class Letters(TreeWalk[str]):
    """A walk over letters after one of them."""

    def __init__(self, after: str | None) -> None:
        super().__init__()
        self._letters = iter(letter for letter in LEVEL if after is None or letter > after)

    async def _fill(self, wanted: int) -> None:
        while len(self._pending) < wanted and (letter := next(self._letters, None)) is not None:
            self._pending.append(letter)


async def test_level_is_read_once_for_all_its_pages() -> None:
    levels, pages, cursor = Levels(), list[list[str]](), None
    while not pages or cursor is not None:
        page, cursor = await levels.page(cursor)
        pages.append(page)
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert levels.reads == 1


async def test_level_after_a_key_begins_behind_it() -> None:
    levels = Levels()
    assert (await levels.page("c"))[0] == ["d", "e"]
    assert (await levels.page("bb"))[0] == ["c", "d"]


async def test_level_with_a_dropped_rest_is_read_again() -> None:
    """The cache drops the oldest listings beyond its size."""
    levels = Levels()
    _, first = await levels.page()
    for number in range(MAX_CACHED_LISTINGS):
        await levels.page(base=str(number))
    reads = levels.reads
    assert (await levels.page(first))[0] == ["c", "d"]
    assert levels.reads == reads + 1


async def test_walk_goes_on_where_its_last_page_ended() -> None:
    pages, starts = WalkPages[str](), list[str | None]()

    def start(after: str | None) -> Letters:
        starts.append(after)
        return Letters(after)

    first, cursor = await pages.page("", None, 3, start=start, key_of=str)
    last, end = await pages.page("", cursor, 3, start=start, key_of=str)
    assert (first, last, end) == (["a", "b", "c"], ["d", "e"], None)
    assert starts == [None]
    assert (await pages.page("", cursor, 3, start=start, key_of=str))[0] == ["d", "e"]
    assert starts == [None, "c"]
