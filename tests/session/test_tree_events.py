"""Events and marks in the tree of keys."""

import pytest

from explorer.model.entries import Entry
from explorer.model.errors import NotReachable
from explorer.model.events import Put
from explorer.session.keytree import level_loader
from explorer.session.keytree import marks as aging
from explorer.session.keytree.marks import MarkAge, MarkKind
from explorer.session.keytree.nodes import LevelState
from tests.servers.waiting import eventually
from tests.session.tree_harness import running_tree


async def test_page_older_than_an_event_adds_nothing() -> None:
    async with running_tree("a/gone", "a/kept", "a/sub/gone") as harness:
        harness.store.held = True
        harness.tree.expand(harness.node("a"))
        request = await harness.request()
        harness.store.read(request)
        harness.store.delete("a/gone")
        harness.store.delete("a/sub/gone")
        harness.store.put("a/new/deep")
        harness.store.put("a/later")
        harness.apply_events()
        harness.store.arrive(request)
        await harness.answer()
        harness.now += 31
        harness.tree.sweep(harness.now)
        assert harness.rows == ["a/", "  kept", "  later", "  new/"]


async def test_put_below_a_loading_level_survives_a_deletion() -> None:
    """A put into a folder counts although another key of it was deleted while its level was read."""
    async with running_tree("a/kept") as harness:
        harness.store.held = True
        harness.tree.expand(harness.node("a"))
        request = await harness.request()
        harness.store.read(request)
        harness.store.put("a/new/deep")
        harness.store.put("a/new/gone")
        harness.store.delete("a/new/gone")
        harness.apply_events()
        harness.store.arrive(request)
        await harness.answer()
        assert harness.rows == ["a/", "  kept", "  +new/"]


async def test_first_event_without_version_is_a_change() -> None:
    async with running_tree("a", "b") as harness:
        harness.tree.event_applier.apply([Put(Entry("a", b"", "0x1:1", created=1, version=1))])
        harness.tree.event_applier.apply([Put(Entry("b", b"", "0x2:0", created=2, version=0))])
        assert harness.rows == ["~a", "+b"]


async def test_resync_does_not_add_a_known_key() -> None:
    """Events inferred after a gap prove no creation: the key may be the one that is shown."""
    async with running_tree("a", "b/c") as harness:
        await harness.expand("b")
        for key in ("a", "b/c", "new"):
            harness.tree.event_applier.apply([Put(Entry(key, b"", 7, created=7, version=1), inferred=True)])
        assert harness.rows == ["~a", "b/", "  ~c", "+new"]


async def test_value_deleted_at_a_page_end_skips_nothing() -> None:
    """Behind `a` with a value comes `a-b`; behind `a` without one comes what is behind all of `a/`."""
    async with running_tree("a", "a-b", "a/c", "z", page=1) as harness:
        assert harness.rows == ["a/=", "<partial>"]
        harness.store.delete("a")
        harness.tree.load_more(harness.tree.rows.root)
        await harness.tree.idle()
        harness.apply_events()
        await harness.tree.idle()
        while harness.tree.rows.root.load_state is LevelState.PARTIAL:
            harness.tree.load_more(harness.tree.rows.root)
            await harness.tree.idle()
        assert [row.lstrip("+-~") for row in harness.rows] == ["a/", "a-b", "z"]


async def test_deletion_at_a_page_end_rereads_nothing() -> None:
    async with running_tree("a", "b", "c", "d", page=2) as harness:
        while harness.tree.rows.root.load_state is LevelState.PARTIAL:
            harness.tree.load_more(harness.tree.rows.root)
            await harness.tree.idle()
        asked = harness.store.asked
        harness.store.delete("b")
        harness.apply_events()
        await harness.tree.idle()
        assert harness.store.asked == asked, "in a level of a million keys that happens all the time"


async def test_unloaded_folder_is_verified_by_one_small_read() -> None:
    async with running_tree("a/1", "a/2", "b/1") as harness:
        harness.store.delete("a/1")
        harness.store.delete("b/1")
        harness.apply_events()
        before = harness.store.asked
        await harness.tree.idle()
        assert harness.store.asked == before + 2
        assert harness.rows == ["a/", "-b"]


async def test_event_during_a_verification_counts() -> None:
    async with running_tree("a/1") as harness:
        harness.store.held = True
        harness.store.delete("a/1")
        harness.apply_events()
        request = await harness.request()
        harness.store.read(request)
        harness.store.put("a/2")
        harness.apply_events()
        harness.store.arrive(request)
        await harness.answer()
        assert harness.rows == ["a/"]


async def test_folder_found_empty_is_removed() -> None:
    async with running_tree("a/1", "b") as harness:
        harness.store.delete("a/1")
        harness.store.take_events()
        await harness.expand("a")
        assert harness.rows == ["-a", "b"]


@pytest.mark.parametrize("last", ["a/1", "a/b/1"])
async def test_unread_folder_is_removed_with_its_last_key(last: str) -> None:
    async with running_tree(last, "b") as harness:
        harness.store.held = True
        harness.tree.expand(harness.node("a"))
        request = await harness.request()
        request.answer = NotReachable("no route")
        harness.store.arrive(request)
        await harness.tree.idle()
        harness.store.held = False
        harness.store.delete(last)
        harness.apply_events()
        await harness.tree.idle()
        assert harness.tree.node("a") is None


async def test_verified_folder_with_keys_is_read_again() -> None:
    async with running_tree("a/1") as harness:
        await harness.expand("a")
        harness.store.delete("a/1")
        harness.apply_events()
        harness.store.put("a/2")
        harness.store.take_events()
        await harness.tree.idle()
        assert harness.rows == ["a/", "  -1", "  +2"]


async def test_listing_without_children_is_verified() -> None:
    async with running_tree("a", "a/1") as harness:
        await harness.expand("a")
        harness.store.delete("a/1")
        harness.store.take_events()
        harness.tree.reload(harness.tree.rows.root)
        await harness.tree.idle()
        assert harness.rows == ["a"]


async def test_key_without_children_becomes_a_leaf() -> None:
    async with running_tree("a", "a/1") as harness:
        await harness.expand("a")
        harness.store.delete("a/1")
        harness.apply_events()
        await harness.tree.idle()
        assert harness.rows == ["a", "  -1"]
        harness.now = aging.TOMBSTONE_SECONDS
        harness.tree.sweep(harness.now)
        assert harness.rows == ["a"]
        assert harness.node("a").load_state is LevelState.UNLOADED
        assert not harness.node("a").expanded


async def test_emptied_folder_returns_expanded() -> None:
    async with running_tree("locks/x/1", "z") as harness:
        await harness.expand("locks", "locks/x")
        harness.store.delete("locks/x/1")
        harness.apply_events()
        await harness.tree.idle()
        assert harness.rows == ["-locks", "  -x", "    -1", "z"]
        harness.store.put("locks/x/2")
        harness.apply_events()
        assert harness.rows == ["+locks/", "  +x/", "    -1", "    +2", "z"]
        harness.now += aging.TOMBSTONE_SECONDS
        harness.tree.sweep(harness.now)
        assert harness.rows == ["+locks/", "  +x/", "    +2", "z"]


async def test_deleted_row_stays_for_a_moment() -> None:
    async with running_tree("a", "b") as harness:
        harness.store.delete("a")
        assert harness.apply_events()
        assert harness.tree.node("a") is None
        assert harness.rows == ["-a", "b"]
        harness.now = aging.TOMBSTONE_SECONDS - 0.1
        assert harness.tree.sweep(harness.now)
        assert harness.rows == ["-a", "b"]
        harness.now = aging.TOMBSTONE_SECONDS
        assert harness.tree.sweep(harness.now)
        assert harness.rows == ["b"]
        assert harness.tree.rows.loaded == 1


async def test_marks_age_and_expire() -> None:
    async with running_tree("a", "b", "c") as harness:
        for key in ("a", "n"):
            harness.store.put(key)
        harness.apply_events()
        harness.store.put("n")
        harness.apply_events()
        assert harness.rows == ["~a", "b", "c", "+n"]
        stages = []
        for moment in (0, 2.9, 3, 29, 30):
            harness.now = moment
            harness.tree.sweep(harness.now)
            mark = harness.tree.marks.of(harness.node("n"))
            stages.append(mark and mark.age)
        assert stages == [MarkAge.FRESH, MarkAge.FRESH, MarkAge.RECENT, MarkAge.RECENT, None]
        assert not harness.tree.sweep(harness.now)


async def test_value_deleted_above_children_keeps_the_folder() -> None:
    async with running_tree("a", "a/b") as harness:
        harness.store.delete("a")
        harness.apply_events()
        await harness.tree.idle()
        assert harness.rows == ["-a/"]
        assert not harness.node("a").has_value


async def test_collapsed_folder_counts_changes_below() -> None:
    async with running_tree("a/b/c", "a/b/d") as harness:
        await harness.expand("a")
        for key in ("a/b/c", "a/b/e"):
            harness.store.put(key)
        harness.store.delete("a/b/d")
        assert harness.apply_events()
        assert harness.tree.marks.below(harness.node("a/b")) == 3
        assert harness.tree.marks.below(harness.node("a")) == 0
        await harness.expand("a/b")
        assert harness.tree.marks.below(harness.node("a/b")) == 0


async def test_apply_below_a_collapsed_folder_returns_false() -> None:
    async with running_tree("a/b/c", "x") as harness:
        await harness.expand("a", "a/b")
        harness.tree.collapse(harness.node("a"))
        harness.store.put("a/b/c")
        assert harness.apply_events(), "the count of a closed folder is seen"
        harness.store.put("none/of/it")
        harness.apply_events()
        assert not harness.tree.event_applier.apply([])


async def test_resync_keeps_nodes_and_marks_differences() -> None:
    async with running_tree("a/1", "a/2", "b", "c/1", "d/1") as harness:
        await harness.expand("a", "c")
        kept = harness.node("a/1")
        for key in ("a/2", "b", "c/1"):
            harness.store.delete(key)
        harness.store.put("a/3")
        harness.store.put("e")
        harness.store.take_events()
        await harness.tree.resync()
        await harness.tree.idle()
        assert harness.node("a/1") is kept
        assert harness.rows == ["a/", "  1", "  -2", "  +3", "-b", "-c", "d/", "+e"]


async def test_key_added_during_a_resync_stays() -> None:
    async with running_tree("a", "b") as harness:
        harness.store.held = True
        harness.tree.reload(harness.tree.rows.root)
        request = await harness.request()
        harness.store.read(request)
        harness.store.put("new")
        harness.apply_events()
        harness.store.arrive(request)
        await harness.answer()
        assert harness.rows == ["a", "b", "+new"]
        assert not harness.node("new").tombstone


async def test_event_after_the_last_page_is_applied_once() -> None:
    """Not again after the next reading, when the key may have been put since."""
    async with running_tree("a", "b") as harness:

        def change() -> None:
            harness.store.delete("a")
            harness.apply_events()

        harness.at_end_of_reading(change)
        harness.tree.reload(harness.tree.rows.root)
        await harness.tree.idle()
        assert harness.rows == ["-a", "b"]
        harness.store.put("a")
        harness.apply_events()
        harness.tree.reload(harness.tree.rows.root)
        await harness.tree.idle()
        assert harness.rows == ["+a", "b"]


async def test_level_requested_after_its_last_page_is_read() -> None:
    """A level that was requested again while its reading ended stayed as it was."""
    async with running_tree("a") as harness:

        def change() -> None:
            harness.store.put("b")
            harness.store.take_events()  # the watch was lost
            harness.tree.reload(harness.tree.rows.root)

        harness.at_end_of_reading(change)
        harness.tree.reload(harness.tree.rows.root)
        await harness.tree.idle()
        assert harness.rows == ["a", "+b"]


async def test_marks_and_tombstones_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aging, "MAX_MARKS", 10)
    async with running_tree(*(f"{number:04}" for number in range(600)), page=1000) as harness:
        for key in list(harness.store.keys)[:500]:
            harness.store.delete(key)
        harness.apply_events()
        while harness.tree.sweep(harness.now):
            pass
        assert len(harness.tree.rows) == 110
        assert [harness.tree.rows.at(row).tombstone for row in (0, 9, 10)] == [True, True, False]
        assert harness.tree.marks.of(harness.tree.rows.at(0)) == (MarkKind.DELETED, MarkAge.FRESH, 0.0)


class TestAStoreThatKeepsQuietAboutWhatCameAndWent:
    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(level_loader, "CONFIRM_DELAY", 0.01)

    async def test_unreported_key_is_removed_by_confirmation(self) -> None:
        async with running_tree("a/kept", "b/gone", unsure=True) as harness:
            harness.store.put("a/seen")
            await harness.expand("a")
            for key in ("a/seen", "b/gone"):
                harness.store.delete(key)
            harness.store.take_events()  # and nobody hears it
            await eventually(lambda: harness.rows == ["a/", "  kept", "  -seen", "-b"], "both are gone")

    async def test_level_is_confirmed_once(self) -> None:
        async with running_tree("a/1", "a/2", unsure=True) as harness:
            await harness.expand("a")
            await eventually(lambda: harness.store.asked == 4, "both levels were read twice")
            harness.store.put("a/3")
            harness.apply_events()
            with pytest.raises(TimeoutError):
                await eventually(lambda: harness.store.asked > 4, "it is read again", within=0.2)
