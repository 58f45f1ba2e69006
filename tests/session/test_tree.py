"""Tree of keys: levels, pages, failures, and resyncs."""

import asyncio

import pytest

from explorer.drivers.common.reverse_pages import children_before
from explorer.model.errors import NotReachable
from explorer.model.events import Deleted
from explorer.session.keytree import level_reader
from explorer.session.keytree import marks as aging
from explorer.session.keytree.navigator import TreeNavigator
from explorer.session.keytree.nodes import LevelState
from explorer.session.keytree.row_view import row_view
from explorer.session.keytree.tree import Tree
from tests.session.fake_store import Store, children
from tests.session.tree_harness import running_tree


async def test_any_spelling_of_a_key_has_its_row() -> None:
    async with running_tree("a//b", "/a", "a/", "a", "b", "", "//", "\udcff/x") as harness:
        await harness.expand("", "a", "a/", "/", "\udcff")
        assert harness.rows == ["/=", "  /", "    ", "  a", "a/=", "  /=", "    b", "b", "\udcff/", "  x"]
        for key in harness.store.keys:
            assert harness.tree.rows.key(harness.node(key)) == key
            assert harness.node(key).has_value


async def test_separator_of_any_length_splits_keys() -> None:
    store = Store(separator="::")
    for key in ("a::b", "a:c", "a::b::c"):
        store.put(key)
    tree = Tree(store.load, store.load_before, separator="::")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(tree.run())
        node = await tree.reveal("a::b::c")
        assert node is not None
        assert tree.rows.key(node) == "a::b::c"
        assert [line.row.name for line in tree.rows.window(0, 9)] == ["a", "b", "c", "a:c"]
        running.cancel()


async def test_expand_reads_the_level() -> None:
    async with running_tree("a/b/c", "a/d") as harness:
        assert harness.store.asked == 1
        assert harness.node("a").load_state is LevelState.UNLOADED
        harness.store.held = True
        harness.tree.expand(harness.node("a"))
        assert harness.rows == ["a/", "  <loading>"]
        await harness.request()
        await harness.answer()
        assert harness.rows == ["a/", "  b/", "  d"]
        harness.tree.collapse(harness.node("a"))
        harness.tree.expand(harness.node("a"))
        assert harness.store.asked == 2


async def test_load_more_reads_the_next_page() -> None:
    async with running_tree(*(f"{number}" for number in range(7)), page=3) as harness:
        assert harness.rows == ["0", "1", "2", "<partial>"]
        harness.tree.load_more(harness.tree.rows.at(3))
        await harness.tree.idle()
        assert harness.rows == ["0", "1", "2", "3", "4", "<partial>"], "the last one is read again"
        harness.tree.load_more(harness.tree.rows.root)
        await harness.tree.idle()
        assert harness.rows == ["0", "1", "2", "3", "4", "5", "6"]


async def test_apply_beyond_the_pages_read_shows_nothing() -> None:
    async with running_tree("b", "c", "d", "e", page=2) as harness:
        harness.store.put("f")
        harness.store.put("a")
        assert harness.apply_events()
        assert harness.rows == ["+a", "b", "c", "<partial>"]


async def test_failed_level_shows_the_error_and_is_retried() -> None:
    async with running_tree("a/b") as harness:
        harness.store.held = True
        harness.tree.expand(harness.node("a"))
        request = await harness.request()
        request.answer = NotReachable("no route")
        harness.store.arrive(request)
        await harness.tree.idle()
        assert harness.rows == ["a/", "  <failed>"]
        assert str(harness.node("a").error) == "no route"
        harness.store.held = False
        harness.tree.load_more(harness.tree.rows.at(1))
        await harness.tree.idle()
        assert harness.rows == ["a/", "  <failed>"]
        harness.tree.reload(harness.tree.rows.at(1))
        await harness.tree.idle()
        assert harness.rows == ["a/", "  b"]


async def test_resync_raises_the_error_of_a_level() -> None:
    async with running_tree("a/1", "b") as harness:
        await harness.expand("a")
        harness.store.held = True

        async def read_again() -> None:
            with pytest.raises(NotReachable):
                await harness.tree.resync()

        async with asyncio.TaskGroup() as group:
            group.create_task(read_again())
            await harness.request()
            await asyncio.sleep(0)
            for request in list(harness.store.requests):
                harness.store.read(request)
                if request.prefix:
                    request.answer = NotReachable("no route")
                harness.store.arrive(request)
        assert harness.rows == ["a/", "  1", "  <failed>", "b"]
        harness.store.held = False
        await harness.tree.resync()
        assert harness.rows == ["a/", "  1", "b"]


async def test_reveal_reads_the_page_of_the_key() -> None:
    async with running_tree(*(f"a/{number:02}/x" for number in range(20)), page=3) as harness:
        node = await harness.tree.reveal("a/11/x")
        assert node is harness.node("a/11/x")
        assert harness.rows == [
            "a/",
            "  00/",
            "  01/",
            "  02/",
            "  <partial>",
            "  11/",
            "    x",
            "  12/",
            "  13/",
            "  <partial>",
        ]
        asked = harness.store.asked
        assert await harness.tree.reveal("a/11/y") is None
        assert await harness.tree.reveal("a/035") is None
        assert await harness.tree.reveal("a/131") is None
        assert harness.store.asked <= asked + 4


async def test_load_more_and_previous_close_a_gap() -> None:
    """A page behind a run and one before the next make a gap smaller; without anything between them it is gone."""
    async with running_tree(*(f"{number:02}" for number in range(20)), page=4) as harness:
        assert await harness.tree.reveal("12") is not None
        gap = "<partial>"
        assert harness.rows == ["00", "01", "02", "03", gap, "12", "13", "14", "15", gap]
        harness.tree.load_previous(harness.tree.rows.at(4))
        await harness.tree.idle()
        assert harness.rows == ["00", "01", "02", "03", gap, "08", "09", "10", "11", "12", "13", "14", "15", gap]
        harness.store.put("05")
        harness.store.delete("09")
        harness.apply_events()
        assert "05" not in harness.rows
        assert "-09" in harness.rows
        harness.tree.load_more(harness.tree.rows.at(4))
        await harness.tree.idle()
        assert harness.rows[:8] == ["00", "01", "02", "03", "04", "05", "06", gap]
        harness.tree.load_more(harness.tree.rows.at(7))
        await harness.tree.idle()
        assert harness.rows[6:10] == ["06", "07", "08", "-09"]
        harness.tree.load_previous(harness.tree.rows.at(len(harness.tree.rows) - 1))
        await harness.tree.idle()
        assert harness.rows[-6:] == ["15", gap, "16", "17", "18", "19"], "nobody knows yet that nothing is between"
        harness.tree.load_previous(harness.tree.rows.at(len(harness.tree.rows) - 5))
        await harness.tree.idle()
        assert harness.rows[-5:] == ["15", "16", "17", "18", "19"]


async def test_load_previous_reads_the_end_of_a_level() -> None:
    """The last page of a level is read by itself; reading all again reads what was read and no more."""
    async with running_tree(*(f"{number:03}" for number in range(200)), page=5) as harness:
        harness.tree.load_previous(harness.tree.rows.at(5))
        await harness.tree.idle()
        shown = ["000", "001", "002", "003", "004", "<partial>", "195", "196", "197", "198", "199"]
        assert harness.rows == shown
        asked = harness.store.asked
        harness.store.keys.pop("197")
        harness.store.put("100")
        harness.store.put("1960")
        harness.store.done.append(Deleted("197", None))
        harness.store.take_events()
        await harness.tree.resync()
        assert harness.rows == [*shown[:8], "+1960", "-197", *shown[9:]]
        assert harness.store.asked <= asked + 4


@pytest.mark.parametrize("scrolled", [0, 1])
@pytest.mark.parametrize("reading", ["next page", "page again", "last one"])
async def test_end_is_reached_while_a_page_is_read(reading: str, scrolled: int) -> None:
    """It is read after the page, whatever a view scrolls meanwhile, and the cursor is on the very last key then."""
    keys = [f"{number:03}" for number in range(3 if reading == "last one" else 200)]
    async with running_tree(*keys, page=2 if reading == "last one" else 5) as harness:
        harness.store.held = True
        if reading == "page again":
            harness.tree.reload(harness.tree.rows.root)
        else:
            harness.tree.load_more(harness.tree.rows.root)
        first = await harness.request()
        navigator = TreeNavigator(harness.tree)
        navigator.follow(())
        navigator.move_to_end()
        navigator.cursor.direction = scrolled or navigator.cursor.direction
        harness.store.read(first)
        harness.store.arrive(first)
        if reading != "last one":
            await harness.request()
            navigator.follow(())
            assert navigator.cursor.row == len(harness.tree.rows) - 1
        await harness.answer()
        navigator.follow(())
        assert harness.rows[-1] == keys[-1]
        assert navigator.cursor.visible_node is harness.node(keys[-1])
        assert len(harness.rows) < 20, "what comes before the end is not read"


async def test_load_previous_without_numbers_reads_the_end() -> None:
    """Children before a place are found by bisection where the store has no call for that."""
    ends = ("", "m", "zz", "\udcff")
    names = sorted(f"{one}{two}{three}" for one in "abcxyzé" for two in "-_.kq" for three in ends)
    store = Store(page=4)
    for name in names:
        store.put(f"d/{name}/x" if name.endswith("m") else f"d/{name}")
    expected = [child.name for child in children(set(store.keys), "d/")]
    for number, before in enumerate([*expected, None]):
        place = None if before is None else "d/" + before + ("/" if before.endswith("m") else "")
        page = await children_before(store.load, "d/", place, after=None, limit=4, separator="/")
        found = [child.name for child in page.items]
        assert found == expected[max(0, number - len(found)) : number]
        assert found or not number
    assert store.asked < 60 * len(expected)


@pytest.mark.heavy
async def test_deep_tree_is_loaded() -> None:
    key = "/".join("d" * 1100)
    async with running_tree(key) as harness:
        assert await harness.tree.reveal(key) is harness.tree.rows.at(1099)
        harness.store.delete(key)
        harness.apply_events()
        await harness.tree.idle()
        harness.now = 31
        while harness.tree.sweep(harness.now):
            pass
        assert harness.rows == []


async def test_merge_in_slices_keeps_events_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(level_reader, "SLICE_SECONDS", 0)
    async with running_tree(page=1000) as harness:
        for number in range(640):
            harness.store.put(f"{number:04}")
        harness.store.take_events()
        harness.tree.reload(harness.tree.rows.root)
        lengths = set()
        while harness.tree.is_busy:
            await asyncio.sleep(0)
            if len(harness.tree.rows) == 320 and "0001" in harness.store.keys:
                harness.store.delete("0001")
                harness.store.delete("0600")
                harness.apply_events()
            lengths.add(len(harness.tree.rows))
        assert len(lengths) > 640 // 32
        harness.now = aging.TOMBSTONE_SECONDS
        while harness.tree.sweep(harness.now):
            pass
        assert len(harness.tree.rows) == 638


async def test_collapse_cancels_the_first_reading() -> None:
    """The store is no longer asked, other levels are read, and expanding reads again."""
    async with running_tree("a/b", "c/d") as harness:
        harness.store.held = True
        harness.tree.expand(harness.node("a"))
        request = await harness.request()
        harness.tree.collapse(harness.node("a"))
        await harness.tree.idle()
        assert request.answered.cancelled()
        assert harness.rows == ["a/", "c/"]
        harness.tree.expand(harness.node("c"))
        await harness.request()
        harness.tree.expand(harness.node("a"))
        await harness.answer()
        assert harness.rows == ["a/", "  b", "c/", "  d"]


@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "collapsed while loading"])
async def test_older_page_revives_no_empty_folder(*, loaded: bool) -> None:
    """The folder is verified again, whether its level is known to be empty or is no longer read."""
    async with running_tree("a/x", "b", page=1) as harness:
        harness.tree.load_more(harness.tree.rows.root)
        if loaded:
            harness.tree.expand(harness.node("a"))
        await harness.tree.idle()
        harness.store.held = True
        harness.tree.reload(harness.tree.rows.root)
        older = await harness.request()
        harness.store.read(older)
        harness.store.delete("a/x")
        harness.apply_events()
        await harness.answer_next("a/")
        assert harness.tree.node("a") is None
        harness.store.arrive(older)
        rest = await harness.request()
        if not loaded:
            harness.tree.expand(harness.node("a"))
            await harness.request("a/")
        harness.store.read(rest)
        harness.store.arrive(rest)
        await harness.settle()
        if not loaded:
            harness.tree.collapse(harness.node("a"))
        await harness.answer()
        assert harness.tree.node("a") is None


async def test_reveal_ends_when_its_folder_is_gone() -> None:
    """The folder is found to be gone, and its row is dropped, while the reveal waits for its level."""
    async with running_tree("a/x", "b") as harness:
        harness.store.held = True
        revealing = asyncio.create_task(harness.tree.reveal("a/y"))
        await harness.request("a/")
        harness.store.delete("a/x")
        harness.tree.reload(harness.tree.rows.root)
        await harness.settle()
        root = next(request for request in harness.store.requests if not request.prefix)
        harness.store.read(root)
        harness.store.arrive(root)
        await harness.settle()
        harness.now = aging.TOMBSTONE_SECONDS
        while harness.tree.sweep(harness.now):
            pass
        assert harness.rows == ["b"]
        await harness.answer()
        assert await revealing is None


async def test_reveal_expands_a_folder_that_is_collapsed_meanwhile() -> None:
    async with running_tree("a/x") as harness:
        harness.store.held = True
        revealing = asyncio.create_task(harness.tree.reveal("a/x"))
        await harness.request("a/")
        harness.tree.collapse(harness.node("a"))
        await harness.settle()
        await harness.answer()
        assert await revealing is harness.node("a/x")


async def test_loading_row_shows_the_progress_that_the_store_reports() -> None:
    """It is gone once the level is read."""
    async with running_tree("a/b") as harness:
        harness.store.held = True
        harness.tree.expand(harness.node("a"))
        request = await harness.request()
        before = harness.changes
        request.report("scanned 10 of about 20 keys")
        assert harness.changes > before
        loading = next(iter(harness.tree.rows.window(1, 2)))
        assert row_view(harness.tree, loading).placeholder == "… scanned 10 of about 20 keys"
        await harness.answer()
        assert harness.rows == ["a/", "  b"]
        level = harness.node("a").branch
        assert level is not None
        assert not level.progress
