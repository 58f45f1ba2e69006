"""What a tree shows of a store: levels, pages, failures, and all of it read again."""

import asyncio

import pytest

from explorer.drivers.common.reverse_pages import children_before
from explorer.model.errors import NotReachable
from explorer.model.events import Deleted
from explorer.session.keytree import level_loader
from explorer.session.keytree import marks as aging
from explorer.session.keytree.nodes import LevelState
from explorer.session.keytree.tree import Tree
from tests.session.fake_store import Store, children
from tests.session.tree_harness import growing


async def test_any_spelling_of_a_key_has_its_row() -> None:
    async with growing("a//b", "/a", "a/", "a", "b", "", "//", "\udcff/x") as garden:
        await garden.expand("", "a", "a/", "/", "\udcff")
        assert garden.rows == ["/=", "  /", "    ", "  a", "a/=", "  /=", "    b", "b", "\udcff/", "  x"]
        for key in garden.store.keys:
            assert garden.tree.key(garden.node(key)) == key
            assert garden.node(key).has_value


async def test_separator_of_any_length_splits_keys() -> None:
    store = Store(separator="::")
    for key in ("a::b", "a:c", "a::b::c"):
        store.put(key)
    tree = Tree(store.load, "::", load_before=store.load_before)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(tree.run())
        node = await tree.reveal("a::b::c")
        assert node is not None
        assert tree.key(node) == "a::b::c"
        assert [line.row.name for line in tree.window(0, 9)] == ["a", "b", "c", "a:c"]
        running.cancel()


async def test_expand_reads_the_level() -> None:
    async with growing("a/b/c", "a/d") as garden:
        assert garden.store.asked == 1
        assert garden.node("a").load_state is LevelState.UNLOADED
        garden.store.held = True
        garden.tree.expand(garden.node("a"))
        assert garden.rows == ["a/", "  <loading>"]
        await garden.request()
        await garden.answer()
        assert garden.rows == ["a/", "  b/", "  d"]
        garden.tree.collapse(garden.node("a"))
        garden.tree.expand(garden.node("a"))
        assert garden.store.asked == 2


async def test_load_more_reads_the_next_page() -> None:
    async with growing(*(f"{number}" for number in range(7)), page=3) as garden:
        assert garden.rows == ["0", "1", "2", "<partial>"]
        garden.tree.load_more(garden.tree.at(3))
        await garden.tree.idle()
        assert garden.rows == ["0", "1", "2", "3", "4", "<partial>"], "the last one is read again"
        garden.tree.load_more(garden.tree.root)
        await garden.tree.idle()
        assert garden.rows == ["0", "1", "2", "3", "4", "5", "6"]


async def test_apply_beyond_the_pages_read_shows_nothing() -> None:
    async with growing("b", "c", "d", "e", page=2) as garden:
        garden.store.put("f")
        garden.store.put("a")
        assert garden.tell()
        assert garden.rows == ["+a", "b", "c", "<partial>"]


async def test_failed_level_shows_the_error_and_is_retried() -> None:
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


async def test_resync_raises_the_error_of_a_level() -> None:
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


async def test_reveal_reads_the_page_of_the_key() -> None:
    async with growing(*(f"a/{number:02}/x" for number in range(20)), page=3) as garden:
        node = await garden.tree.reveal("a/11/x")
        assert node is garden.node("a/11/x")
        assert garden.rows == [
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
        asked = garden.store.asked
        assert await garden.tree.reveal("a/11/y") is None
        assert await garden.tree.reveal("a/035") is None
        assert await garden.tree.reveal("a/131") is None
        assert garden.store.asked <= asked + 4


async def test_load_more_and_previous_close_a_gap() -> None:
    """A page behind a run and one before the next make a gap smaller; without anything between them it is gone."""
    async with growing(*(f"{number:02}" for number in range(20)), page=4) as garden:
        assert await garden.tree.reveal("12") is not None
        gap = "<partial>"
        assert garden.rows == ["00", "01", "02", "03", gap, "12", "13", "14", "15", gap]
        garden.tree.load_previous(garden.tree.at(4))
        await garden.tree.idle()
        assert garden.rows == ["00", "01", "02", "03", gap, "08", "09", "10", "11", "12", "13", "14", "15", gap]
        garden.store.put("05")
        garden.store.delete("09")
        garden.tell()
        assert "05" not in garden.rows
        assert "-09" in garden.rows
        garden.tree.load_more(garden.tree.at(4))
        await garden.tree.idle()
        assert garden.rows[:8] == ["00", "01", "02", "03", "04", "05", "06", gap]
        garden.tree.load_more(garden.tree.at(7))
        await garden.tree.idle()
        assert garden.rows[6:10] == ["06", "07", "08", "-09"]
        garden.tree.load_previous(garden.tree.at(len(garden.tree) - 1))
        await garden.tree.idle()
        assert garden.rows[-6:] == ["15", gap, "16", "17", "18", "19"], "nobody knows yet that nothing is between"
        garden.tree.load_previous(garden.tree.at(len(garden.tree) - 5))
        await garden.tree.idle()
        assert garden.rows[-5:] == ["15", "16", "17", "18", "19"]


async def test_load_previous_reads_the_end_of_a_level() -> None:
    """The last page of a level is read by itself; reading all again reads what was read and no more."""
    async with growing(*(f"{number:03}" for number in range(200)), page=5) as garden:
        garden.tree.load_previous(garden.tree.at(5))
        await garden.tree.idle()
        shown = ["000", "001", "002", "003", "004", "<partial>", "195", "196", "197", "198", "199"]
        assert garden.rows == shown
        asked = garden.store.asked
        garden.store.keys.pop("197")
        garden.store.put("100")
        garden.store.put("1960")
        garden.store.done.append(Deleted("197", None))
        garden.store.told()
        await garden.tree.resync()
        assert garden.rows == [*shown[:8], "+1960", "-197", *shown[9:]]
        assert garden.store.asked <= asked + 4


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


async def test_merge_in_slices_keeps_events_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(level_loader, "SLICE_SECONDS", 0)
    async with growing(page=1000) as garden:
        for number in range(640):
            garden.store.put(f"{number:04}")
        garden.store.told()
        garden.tree.reload(garden.tree.root)
        lengths = set()
        while garden.tree.is_busy:
            await asyncio.sleep(0)
            if len(garden.tree) == 320 and "0001" in garden.store.keys:
                garden.store.delete("0001")
                garden.store.delete("0600")
                garden.tell()
            lengths.add(len(garden.tree))
        assert len(lengths) > 640 // 32
        garden.now = aging.TOMBSTONE_SECONDS
        while garden.tree.sweep(garden.now):
            pass
        assert len(garden.tree) == 638
