"""What events do to a tree, and how long it can be seen."""

import pytest

from explorer.model.entries import Entry
from explorer.model.errors import NotReachable
from explorer.model.events import Put
from explorer.session.keytree import level_loader
from explorer.session.keytree import marks as aging
from explorer.session.keytree.marks import MarkAge, MarkKind
from explorer.session.keytree.nodes import LevelState
from tests.servers.waiting import eventually
from tests.session.tree_harness import growing


async def test_page_older_than_an_event_adds_nothing() -> None:
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


async def test_put_below_a_loading_level_survives_a_deletion() -> None:
    """A put into a folder counts although another key of it was deleted while its level was read."""
    async with growing("a/kept") as garden:
        garden.store.held = True
        garden.tree.expand(garden.node("a"))
        request = await garden.request()
        garden.store.read(request)
        garden.store.put("a/new/deep")
        garden.store.put("a/new/gone")
        garden.store.delete("a/new/gone")
        garden.tell()
        garden.store.arrive(request)
        await garden.answer()
        assert garden.rows == ["a/", "  kept", "  +new/"]


async def test_first_event_without_version_is_a_change() -> None:
    async with growing("a", "b") as garden:
        garden.tree.apply([Put(Entry("a", b"", "0x1:1", created=1, version=1))])
        garden.tree.apply([Put(Entry("b", b"", "0x2:0", created=2, version=0))])
        assert garden.rows == ["~a", "+b"]


async def test_resync_does_not_add_a_known_key() -> None:
    """What a gap in the history tells is only inferred: the key that is as it was made may be the one that is shown."""
    async with growing("a", "b/c") as garden:
        await garden.expand("b")
        for key in ("a", "b/c", "new"):
            garden.tree.apply([Put(Entry(key, b"", 7, created=7, version=1), inferred=True)])
        assert garden.rows == ["~a", "b/", "  ~c", "+new"]


async def test_value_deleted_at_a_page_end_skips_nothing() -> None:
    """Behind `a` with a value comes `a-b`; behind `a` without one comes what is behind all of `a/`."""
    async with growing("a", "a-b", "a/c", "z", page=1) as garden:
        assert garden.rows == ["a/=", "<partial>"]
        garden.store.delete("a")
        garden.tree.load_more(garden.tree.root)
        await garden.tree.idle()
        garden.tell()
        await garden.tree.idle()
        while garden.tree.root.load_state is LevelState.PARTIAL:
            garden.tree.load_more(garden.tree.root)
            await garden.tree.idle()
        assert [row.lstrip("+-~") for row in garden.rows] == ["a/", "a-b", "z"]


async def test_deletion_at_a_page_end_rereads_nothing() -> None:
    async with growing("a", "b", "c", "d", page=2) as garden:
        while garden.tree.root.load_state is LevelState.PARTIAL:
            garden.tree.load_more(garden.tree.root)
            await garden.tree.idle()
        asked = garden.store.asked
        garden.store.delete("b")
        garden.tell()
        await garden.tree.idle()
        assert garden.store.asked == asked, "in a level of a million keys that happens all the time"


async def test_unloaded_folder_is_verified_by_one_small_read() -> None:
    async with growing("a/1", "a/2", "b/1") as garden:
        garden.store.delete("a/1")
        garden.store.delete("b/1")
        garden.tell()
        before = garden.store.asked
        await garden.tree.idle()
        assert garden.store.asked == before + 2
        assert garden.rows == ["a/", "-b"]


async def test_event_during_a_verification_counts() -> None:
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


async def test_folder_found_empty_is_removed() -> None:
    async with growing("a/1", "b") as garden:
        garden.store.delete("a/1")
        garden.store.told()
        await garden.expand("a")
        assert garden.rows == ["-a", "b"]


@pytest.mark.parametrize("last", ["a/1", "a/b/1"])
async def test_unread_folder_is_removed_with_its_last_key(last: str) -> None:
    async with growing(last, "b") as garden:
        garden.store.held = True
        garden.tree.expand(garden.node("a"))
        request = await garden.request()
        request.answer = NotReachable("no route")
        garden.store.arrive(request)
        await garden.tree.idle()
        garden.store.held = False
        garden.store.delete(last)
        garden.tell()
        await garden.tree.idle()
        assert garden.tree.node("a") is None


async def test_verified_folder_with_keys_is_read_again() -> None:
    async with growing("a/1") as garden:
        await garden.expand("a")
        garden.store.delete("a/1")
        garden.tell()
        garden.store.put("a/2")
        garden.store.told()
        await garden.tree.idle()
        assert garden.rows == ["a/", "  -1", "  +2"]


async def test_listing_without_children_is_verified() -> None:
    async with growing("a", "a/1") as garden:
        await garden.expand("a")
        garden.store.delete("a/1")
        garden.store.told()
        garden.tree.reload(garden.tree.root)
        await garden.tree.idle()
        assert garden.rows == ["a"]


async def test_key_without_children_becomes_a_leaf() -> None:
    async with growing("a", "a/1") as garden:
        await garden.expand("a")
        garden.store.delete("a/1")
        garden.tell()
        await garden.tree.idle()
        assert garden.rows == ["a", "  -1"]
        garden.now = aging.TOMBSTONE_SECONDS
        garden.tree.sweep(garden.now)
        assert garden.rows == ["a"]
        assert garden.node("a").load_state is LevelState.UNLOADED
        assert not garden.node("a").expanded


async def test_emptied_folder_returns_expanded() -> None:
    async with growing("locks/x/1", "z") as garden:
        await garden.expand("locks", "locks/x")
        garden.store.delete("locks/x/1")
        garden.tell()
        await garden.tree.idle()
        assert garden.rows == ["-locks", "  -x", "    -1", "z"]
        garden.store.put("locks/x/2")
        garden.tell()
        assert garden.rows == ["+locks/", "  +x/", "    -1", "    +2", "z"]
        garden.now += aging.TOMBSTONE_SECONDS
        garden.tree.sweep(garden.now)
        assert garden.rows == ["+locks/", "  +x/", "    +2", "z"]


async def test_deleted_row_stays_for_a_moment() -> None:
    async with growing("a", "b") as garden:
        garden.store.delete("a")
        assert garden.tell()
        assert garden.tree.node("a") is None
        assert garden.rows == ["-a", "b"]
        garden.now = aging.TOMBSTONE_SECONDS - 0.1
        assert garden.tree.sweep(garden.now)
        assert garden.rows == ["-a", "b"]
        garden.now = aging.TOMBSTONE_SECONDS
        assert garden.tree.sweep(garden.now)
        assert garden.rows == ["b"]
        assert garden.tree.loaded == 1


async def test_marks_age_and_expire() -> None:
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
            stages.append(mark and mark.age)
        assert stages == [MarkAge.FRESH, MarkAge.FRESH, MarkAge.RECENT, MarkAge.RECENT, None]
        assert not garden.tree.sweep(garden.now)


async def test_value_deleted_above_children_keeps_the_folder() -> None:
    async with growing("a", "a/b") as garden:
        garden.store.delete("a")
        garden.tell()
        await garden.tree.idle()
        assert garden.rows == ["-a/"]
        assert not garden.node("a").has_value


async def test_collapsed_folder_counts_changes_below() -> None:
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


async def test_apply_below_a_collapsed_folder_returns_false() -> None:
    async with growing("a/b/c", "x") as garden:
        await garden.expand("a", "a/b")
        garden.tree.collapse(garden.node("a"))
        garden.store.put("a/b/c")
        assert garden.tell(), "the count of a closed folder is seen"
        garden.store.put("none/of/it")
        garden.tell()
        assert not garden.tree.apply([])


async def test_resync_keeps_nodes_and_marks_differences() -> None:
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


async def test_key_added_during_a_resync_stays() -> None:
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
        assert not garden.node("new").tombstone


async def test_marks_and_tombstones_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aging, "MAX_MARKS", 10)
    async with growing(*(f"{number:04}" for number in range(600)), page=1000) as garden:
        for key in list(garden.store.keys)[:500]:
            garden.store.delete(key)
        garden.tell()
        while garden.tree.sweep(garden.now):
            pass
        assert len(garden.tree) == 110
        assert [garden.tree.at(row).tombstone for row in (0, 9, 10)] == [True, True, False]
        assert garden.tree.mark(garden.tree.at(0)) == (MarkKind.DELETED, MarkAge.FRESH, 0.0)


class TestAStoreThatKeepsQuietAboutWhatCameAndWent:
    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(level_loader, "CONFIRM_DELAY", 0.01)

    async def test_unreported_key_is_removed_by_confirmation(self) -> None:
        async with growing("a/kept", "b/gone", unsure=True) as garden:
            garden.store.put("a/seen")
            await garden.expand("a")
            for key in ("a/seen", "b/gone"):
                garden.store.delete(key)
            garden.store.told()  # and nobody hears it
            await eventually(lambda: garden.rows == ["a/", "  kept", "  -seen", "-b"], "both are gone")

    async def test_level_is_confirmed_once(self) -> None:
        async with growing("a/1", "a/2", unsure=True) as garden:
            await garden.expand("a")
            await eventually(lambda: garden.store.asked == 4, "both levels were read twice")
            garden.store.put("a/3")
            garden.tell()
            with pytest.raises(TimeoutError):
                await eventually(lambda: garden.store.asked > 4, "it is read again", within=0.2)
