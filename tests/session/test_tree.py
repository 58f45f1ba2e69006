"""The tree of keys: what it shows of a store, case by case."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from explorer.model.entries import Entry
from explorer.model.errors import NotReachable
from explorer.model.events import Put
from explorer.session import loading
from explorer.session import marks as aging
from explorer.session.folding import Fold
from explorer.session.marks import Change, Stage
from explorer.session.nodes import Extent, Node
from explorer.session.tree import Tree
from tests.session.branching import Request, Store


class Garden:
    """A store, a tree of it, and the time."""

    def __init__(self, *keys: str, page: int = 100) -> None:
        self.store = Store(page=page)
        self.now = 0.0
        self.told = 0
        self.tree = Tree(self.store.load, clock=lambda: self.now, told=self._tell, gathered=0)
        for key in keys:
            self.store.put(key)
        self.store.told()

    def _tell(self) -> None:
        self.told += 1

    @property
    def rows(self) -> list[str]:
        """The visible rows: set in by depth, folders with a slash, changed ones with their glyph."""
        return [self._row(line.row, line.depth) for line in self.tree.window(0, len(self.tree))]

    def _row(self, node: Node, depth: int) -> str:
        if node.tail:
            assert node.parent is not None
            return "  " * depth + f"<{node.parent.extent.name.lower()}>"
        mark = self.tree.mark(node)
        return (
            "  " * depth
            + (mark.change.value if mark else "")
            + node.name
            + ("/" if node.has_children else "")
            + ("=" if node.has_value and node.has_children else "")
        )

    def node(self, key: str) -> Node:
        node = self.tree.node(key)
        assert node is not None, key
        return node

    def tell(self) -> bool:
        """Have the tree hear everything that happened."""
        return self.tree.apply(self.store.told())

    async def expand(self, *keys: str) -> None:
        for key in keys:
            self.tree.expand(self.node(key))
            await self.tree.idle()

    async def request(self) -> Request:
        """Wait for the tree to ask for a page, which the test then has read and arrive."""
        async with asyncio.timeout(5):
            return await self.store.next_request()

    async def answer(self) -> None:
        """Have everything that is asked for read and arrive."""
        self.store.held = False
        for request in list(self.store.requests):
            if request.answer is None:
                self.store.read(request)
            self.store.arrive(request)
        await self.tree.idle()


@asynccontextmanager
async def growing(*keys: str, page: int = 100) -> AsyncIterator[Garden]:
    """Give a garden whose first page is in."""
    garden = Garden(*keys, page=page)
    running: asyncio.Task[None] | None = None
    with suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            running = group.create_task(garden.tree.run())
            async with asyncio.timeout(20):
                await garden.tree.idle()
                yield garden
            running.cancel()


async def test_every_key_has_its_place_however_it_is_spelled() -> None:
    async with growing("a//b", "/a", "a/", "a", "b", "", "//", "\udcff/x") as garden:
        await garden.expand("", "a", "a/", "/", "\udcff")
        assert garden.rows == ["/=", "  /", "    ", "  a", "a/=", "  /=", "    b", "b", "\udcff/", "  x"]
        for key in garden.store.keys:
            assert garden.tree.key(garden.node(key)) == key
            assert garden.node(key).has_value


async def test_another_separator_of_any_length() -> None:
    store = Store(separator="::")
    for key in ("a::b", "a:c", "a::b::c"):
        store.put(key)
    tree = Tree(store.load, "::")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(tree.run())
        node = await tree.reveal("a::b::c")
        assert node is not None
        assert tree.key(node) == "a::b::c"
        assert [line.row.name for line in tree.window(0, 9)] == ["a", "b", "c", "a:c"]
        running.cancel()


async def test_a_level_is_read_when_it_is_opened_and_not_before() -> None:
    async with growing("a/b/c", "a/d") as garden:
        assert garden.store.asked == 1
        assert garden.node("a").extent is Extent.UNLOADED
        garden.store.held = True
        garden.tree.expand(garden.node("a"))
        assert garden.rows == ["a/", "  <loading>"]
        await garden.request()
        await garden.answer()
        assert garden.rows == ["a/", "  b/", "  d"]
        garden.tree.collapse(garden.node("a"))
        garden.tree.expand(garden.node("a"))
        assert garden.store.asked == 2


async def test_further_pages_follow_the_more_row() -> None:
    async with growing(*(f"{number}" for number in range(7)), page=3) as garden:
        assert garden.rows == ["0", "1", "2", "<partial>"]
        garden.tree.load_more(garden.tree.at(3))
        await garden.tree.idle()
        assert garden.rows == ["0", "1", "2", "3", "4", "5", "<partial>"]
        garden.tree.load_more(garden.tree.root)
        await garden.tree.idle()
        assert garden.rows == ["0", "1", "2", "3", "4", "5", "6"]


async def test_what_lies_behind_the_pages_that_were_read_is_not_shown_before() -> None:
    async with growing("b", "c", "d", "e", page=2) as garden:
        garden.store.put("f")
        garden.store.put("a")
        assert garden.tell()
        assert garden.rows == ["+a", "b", "c", "<partial>"]


async def test_a_level_that_cannot_be_read_says_so_and_is_tried_again() -> None:
    async with growing("a/b") as garden:
        garden.store.held = True
        garden.tree.expand(garden.node("a"))
        request = await garden.request()
        request.answer = NotReachable("no route")
        garden.store.arrive(request)
        await garden.tree.idle()
        assert garden.rows == ["a/", "  <failed>"]
        assert str(garden.node("a").error) == "no route"
        garden.store.held = False
        garden.tree.load_more(garden.tree.at(1))
        await garden.tree.idle()
        assert garden.rows == ["a/", "  <failed>"]
        garden.tree.reload(garden.tree.at(1))
        await garden.tree.idle()
        assert garden.rows == ["a/", "  b"]


async def test_a_page_that_is_older_than_an_event_brings_nothing_back() -> None:
    async with growing("a/gone", "a/kept", "a/sub/gone") as garden:
        garden.store.held = True
        garden.tree.expand(garden.node("a"))
        request = await garden.request()
        garden.store.read(request)
        garden.store.delete("a/gone")
        garden.store.delete("a/sub/gone")
        garden.store.put("a/new/deep")
        garden.store.put("a/later")
        garden.tell()
        garden.store.arrive(request)
        await garden.answer()
        garden.now += 31
        garden.tree.sweep(garden.now)
        assert garden.rows == ["a/", "  kept", "  later", "  new/"]


async def test_the_end_of_a_value_at_the_end_of_a_page_lets_nothing_be_left_out() -> None:
    """Behind `a` with a value comes `a-b`; behind `a` without one comes what is behind all of `a/`."""
    async with growing("a", "a-b", "a/c", "z", page=1) as garden:
        assert garden.rows == ["a/=", "<partial>"]
        garden.store.delete("a")
        garden.tree.load_more(garden.tree.root)
        await garden.tree.idle()
        garden.tell()
        await garden.tree.idle()
        while garden.tree.root.extent is Extent.PARTIAL:
            garden.tree.load_more(garden.tree.root)
            await garden.tree.idle()
        assert [row.lstrip("+-~") for row in garden.rows] == ["a/", "a-b", "z"]


async def test_a_folder_of_which_nobody_knows_is_verified_by_one_small_read() -> None:
    async with growing("a/1", "a/2", "b/1") as garden:
        garden.store.delete("a/1")
        garden.store.delete("b/1")
        garden.tell()
        before = garden.store.asked
        await garden.tree.idle()
        assert garden.store.asked == before + 2
        assert garden.rows == ["a/", "-b"]


async def test_what_comes_while_a_folder_is_verified_counts() -> None:
    async with growing("a/1") as garden:
        garden.store.held = True
        garden.store.delete("a/1")
        garden.tell()
        request = await garden.request()
        garden.store.read(request)
        garden.store.put("a/2")
        garden.tell()
        garden.store.arrive(request)
        await garden.answer()
        assert garden.rows == ["a/"]


async def test_a_folder_emptied_by_events_goes_and_an_open_one_comes_back_open() -> None:
    async with growing("locks/x/1", "z") as garden:
        await garden.expand("locks", "locks/x")
        garden.store.delete("locks/x/1")
        garden.tell()
        await garden.tree.idle()
        assert garden.rows == ["-locks", "  -x", "    -1", "z"]
        garden.store.put("locks/x/2")
        garden.tell()
        assert garden.rows == ["+locks/", "  +x/", "    -1", "    +2", "z"]
        garden.now += aging.GHOST
        garden.tree.sweep(garden.now)
        assert garden.rows == ["+locks/", "  +x/", "    +2", "z"]


async def test_a_deleted_row_is_shown_a_little_longer() -> None:
    async with growing("a", "b") as garden:
        garden.store.delete("a")
        assert garden.tell()
        assert garden.tree.node("a") is None
        assert garden.rows == ["-a", "b"]
        garden.now = aging.GHOST - 0.1
        assert garden.tree.sweep(garden.now)
        assert garden.rows == ["-a", "b"]
        garden.now = aging.GHOST
        assert garden.tree.sweep(garden.now)
        assert garden.rows == ["b"]
        assert garden.tree.loaded == 1


async def test_marks_age_in_stages_and_end() -> None:
    async with growing("a", "b", "c") as garden:
        for key in ("a", "n"):
            garden.store.put(key)
        garden.tell()
        garden.store.put("n")
        garden.tell()
        assert garden.rows == ["~a", "b", "c", "+n"]
        stages = []
        for moment in (0, 2.9, 3, 29, 30):
            garden.now = moment
            garden.tree.sweep(garden.now)
            mark = garden.tree.mark(garden.node("n"))
            stages.append(mark and mark.stage)
        assert stages == [Stage.FRESH, Stage.FRESH, Stage.RECENT, Stage.RECENT, None]
        assert not garden.tree.sweep(garden.now)


async def test_a_value_that_ends_above_children_is_marked_and_the_folder_stays() -> None:
    async with growing("a", "a/b") as garden:
        garden.store.delete("a")
        garden.tell()
        await garden.tree.idle()
        assert garden.rows == ["-a/"]
        assert not garden.node("a").has_value


async def test_closed_folders_count_what_changes_below_until_they_are_opened() -> None:
    async with growing("a/b/c", "a/b/d") as garden:
        await garden.expand("a")
        for key in ("a/b/c", "a/b/e"):
            garden.store.put(key)
        garden.store.delete("a/b/d")
        assert garden.tell()
        assert garden.tree.changes_below(garden.node("a/b")) == 3
        assert garden.tree.changes_below(garden.node("a")) == 0
        await garden.expand("a/b")
        assert garden.tree.changes_below(garden.node("a/b")) == 0


async def test_what_nobody_sees_is_said_to_change_nothing() -> None:
    async with growing("a/b/c", "x") as garden:
        await garden.expand("a", "a/b")
        garden.tree.collapse(garden.node("a"))
        garden.store.put("a/b/c")
        assert garden.tell(), "the count of a closed folder is seen"
        garden.store.put("none/of/it")
        garden.tell()
        assert not garden.tree.apply([])


async def test_reading_again_keeps_nodes_and_marks_what_differs() -> None:
    async with growing("a/1", "a/2", "b", "c/1", "d/1") as garden:
        await garden.expand("a", "c")
        kept = garden.node("a/1")
        for key in ("a/2", "b", "c/1"):
            garden.store.delete(key)
        garden.store.put("a/3")
        garden.store.put("e")
        garden.store.told()
        await garden.tree.resync()
        await garden.tree.idle()
        assert garden.node("a/1") is kept
        assert garden.rows == ["a/", "  1", "  -2", "  +3", "-b", "-c", "d/", "+e"]


async def test_what_comes_while_all_is_read_again_is_not_taken_for_gone() -> None:
    async with growing("a", "b") as garden:
        garden.store.held = True
        garden.tree.reload(garden.tree.root)
        request = await garden.request()
        garden.store.read(request)
        garden.store.put("new")
        garden.tell()
        garden.store.arrive(request)
        await garden.answer()
        assert garden.rows == ["a", "b", "+new"]
        assert not garden.node("new").ghost


async def test_reading_again_tells_what_could_not_be_read() -> None:
    async with growing("a/1", "b") as garden:
        await garden.expand("a")
        garden.store.held = True

        async def read_again() -> None:
            with pytest.raises(NotReachable):
                await garden.tree.resync()

        async with asyncio.TaskGroup() as group:
            group.create_task(read_again())
            await garden.request()
            await asyncio.sleep(0)
            for request in list(garden.store.requests):
                garden.store.read(request)
                if request.prefix:
                    request.answer = NotReachable("no route")
                garden.store.arrive(request)
        assert garden.rows == ["a/", "  1", "  <failed>", "b"]
        garden.store.held = False
        await garden.tree.resync()
        assert garden.rows == ["a/", "  1", "b"]


async def test_a_key_is_revealed_far_into_its_level() -> None:
    async with growing(*(f"a/{number:02}/x" for number in range(20)), page=3) as garden:
        node = await garden.tree.reveal("a/11/x")
        assert node is garden.node("a/11/x")
        assert garden.tree.row_of(node) == 13
        assert await garden.tree.reveal("a/11/y") is None
        assert await garden.tree.reveal("a/035") is None


async def test_a_filter_shows_what_matches_and_what_is_around_it() -> None:
    async with growing("ab/cd/ef", "ab/x", "cd", "y/cd") as garden:
        await garden.expand("ab", "ab/cd")
        garden.tree.collapse(garden.node("ab"))
        garden.tree.filter("ef")
        await garden.tree.idle()
        assert garden.rows == ["ab/", "  cd/", "    ef"]
        assert str(garden.tree.findings) == "1 of 6 loaded"
        garden.tree.filter(None)
        await garden.tree.idle()
        assert garden.rows == ["ab/", "cd", "y/"]
        assert garden.tree.findings is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("c", ["ab/", "  cd", "  Cx", "cat"]),
        ("C", ["ab/", "  Cx"]),
        ("c?", ["ab/", "  cd", "  Cx"]),
        ("!c", ["ab/"]),
        ("ab/c", ["ab/", "  cd", "  Cx"]),
        ("!ab/*", ["ab/", "cat"]),
        ("[", []),
    ],
)
async def test_what_a_filter_means(text: str, found: list[str]) -> None:
    async with growing("ab/cd", "ab/Cx", "cat") as garden:
        await garden.expand("ab")
        garden.tree.filter(text)
        await garden.tree.idle()
        assert sorted(garden.rows) == sorted(found)


async def test_what_comes_while_a_filter_is_set_is_filtered_and_opened() -> None:
    async with growing("a/b/c", "z") as garden:
        await garden.expand("a", "a/b")
        garden.tree.collapse(garden.node("a"))
        garden.tree.filter("new")
        await garden.tree.idle()
        assert garden.rows == []
        garden.store.put("a/b/new")
        garden.store.put("other")
        garden.tell()
        assert garden.rows == ["a/", "  b/", "    +new"]
        garden.tree.filter(None, keep=garden.node("a/b/new"))
        await garden.tree.idle()
        assert garden.rows == ["a/", "  b/", "    c", "    +new", "+other", "z"]


async def test_a_deep_tree_is_no_different() -> None:
    key = "/".join("d" * 1500)
    async with growing(key) as garden:
        assert await garden.tree.reveal(key) is garden.tree.at(1499)
        garden.store.delete(key)
        garden.tell()
        await garden.tree.idle()
        garden.now = 31
        while garden.tree.sweep(garden.now):
            pass
        assert garden.rows == []


async def test_a_page_is_taken_in_by_slices_and_what_happens_between_them_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "SLICE", 0)
    async with growing(page=1000) as garden:
        for number in range(640):
            garden.store.put(f"{number:04}")
        garden.store.told()
        garden.tree.reload(garden.tree.root)
        lengths = set()
        while garden.tree.busy:
            await asyncio.sleep(0)
            if len(garden.tree) == 320 and "0001" in garden.store.keys:
                garden.store.delete("0001")
                garden.store.delete("0600")
                garden.tell()
            lengths.add(len(garden.tree))
        assert len(lengths) > 640 // 32
        garden.now = aging.GHOST
        while garden.tree.sweep(garden.now):
            pass
        assert len(garden.tree) == 638


def test_a_fold_keeps_the_last_word_on_each_key() -> None:
    store, fold = Store(), Fold()
    for _ in range(3):
        store.put("a")
    store.put("b")
    store.delete("b")
    store.put("c")
    store.delete("c")
    store.put("c")
    for event in store.told():
        fold.add(event)
    assert (len(fold), fold.told) == (3, 8)
    told = [(type(event).__name__, event.key) for event in fold.drain()]
    assert told == [("Put", "a"), ("Deleted", "b"), ("Deleted", "c"), ("Put", "c")]
    assert not fold.behind()


def test_a_fold_that_cannot_keep_up_says_so() -> None:
    fold = Fold(most=100)
    for number in range(100):
        fold.add(Put(Entry(f"{number}", b"", number)))
    assert not fold.overflown
    assert len(list(fold.drain(0))) == 32
    assert len(fold) == 68
    assert fold.behind() > 0
    for number in range(100, 150):
        fold.add(Put(Entry(f"{number}", b"", number)))
    assert fold.overflown
    assert list(fold.drain()) == []
    fold.reset()
    fold.add(Put(Entry("a", b"", 1)))
    assert len(list(fold.drain())) == 1


async def test_marks_and_ghosts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aging, "MOST", 10)
    async with growing(*(f"{number:04}" for number in range(600)), page=1000) as garden:
        for key in list(garden.store.keys)[:500]:
            garden.store.delete(key)
        garden.tell()
        while garden.tree.sweep(garden.now):
            pass
        assert len(garden.tree) == 110
        assert [garden.tree.at(row).ghost for row in (0, 9, 10)] == [True, True, False]
        assert garden.tree.mark(garden.tree.at(0)) == (Change.DELETED, Stage.FRESH, 0.0)
