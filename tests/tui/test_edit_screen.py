"""Editing, creating and deleting through the screen: nothing is written unseen, nothing typed is lost."""

from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.model.errors import KeyNotFound
from tests.session.fixtures import Place, SteppedClock
from tests.tui.app_harness import NARROW, WIDE, Page, browsing

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])
APP = b'{\n  "threads": 8,\n  "pool": 4,\n  "host": "db",\n  "level": "info"\n}\n'


@pytest.fixture
async def place() -> Place:
    place = Place()
    async with place.other() as store:
        await store.put("app", APP)
        for number in range(3):
            await store.put(f"old/{number}", b"x" * number)
    return place


async def stored(place: Place, key: str) -> bytes | None:
    async with place.other() as store:
        return (await store.get(key)).value


async def replace_line(page: Page, down: int, text: str) -> None:
    """Write a line of the editor anew."""
    await page.press("ctrl+home", *["down"] * down, "end", "ctrl+u")
    await page.type(text)


def files(folder: Path) -> list[Path]:
    return [found for found in folder.rglob("*") if found.is_file()]


class TestAnEdit:
    @SIZES
    async def test_edit_is_checked_reviewed_and_saved(self, place: Place, size: tuple[int, int]) -> None:
        async with browsing(place.connect, Codecs(), size=size, writable=True) as page:
            await page.press("e")
            await page.shows("from rev", "not modified")
            await replace_line(page, 1, '  "threads": 16,')
            await page.shows("modified; ctrl+s reviews the change")
            await page.press("ctrl+s")
            await page.shows("Save app?", '-  "threads": 8,', '+  "threads": 16,')
            assert await stored(place, "app") == APP
            await page.press("ctrl+s")
            await page.shows("saved app (rev", "1 Keys")
        assert await stored(place, "app") == APP.replace(b"8", b"16")

    async def test_review_enter_presses_back_button(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("e")
            await replace_line(page, 1, '  "threads": 16,')
            await page.press("ctrl+s", "enter")
            await page.hides("Save app?")
            await page.shows("ctrl+s reviews the change again")
            assert await stored(place, "app") == APP

    async def test_edit_invalid_json_shows_position(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("e")
            await replace_line(page, 1, '  "threads": ,')
            await page.shows("line 2", "column")
            await page.press("ctrl+s")
            assert "Save app?" not in page.text()
            assert await stored(place, "app") == APP

    async def test_edit_unmodified_writes_nothing(self, place: Place) -> None:
        revision = place.keyspace.revision
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("e", "ctrl+s")
            await page.shows("nothing to save: not modified", "1 Keys")
        assert place.keyspace.revision == revision

    async def test_edit_unmodified_is_left_at_once(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("e", "escape")
            await page.shows("1 Keys")

    async def test_draft_of_left_edit_is_continued(self, place: Place, tmp_path: Path) -> None:
        async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
            await page.press("e")
            await replace_line(page, 1, '  "threads": 99,')
            await page.press("escape")
            await page.shows("app is not saved", "Leave and keep the draft")
            await page.press("down", "enter")
            await page.shows("1 Keys")
            await page.press("e")
            await page.shows("1 draft of this key")
            await page.press("enter")
            await page.shows('"threads": 99,')

    async def test_draft_discarded_is_not_offered(self, place: Place, tmp_path: Path) -> None:
        async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
            await page.press("e")
            await replace_line(page, 1, '  "threads": 99,')
            await page.leave_editor("down", "down", "enter")
            await page.shows("1 Keys")
            await page.press("e")
            await page.shows("not modified", '"threads": 8,')
        assert not files(tmp_path)


class TestDrafts:
    """Nothing that was typed is lost without being said."""

    @pytest.mark.heavy
    async def test_drafts_list_opens_and_deletes(self, place: Place, tmp_path: Path) -> None:
        """Two drafts of a key stand side by side; the list goes to the key, opens one, and asks before it deletes."""
        async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
            for line in ('  "threads": 1,', '  "threads": 2,'):
                await page.press("e")
                if line.endswith("2,"):
                    await page.shows("1 draft of this key", "each draft is kept")
                    await page.press("down", "enter")
                await replace_line(page, 1, line)
                await page.leave_editor("down", "enter")
                await page.shows("1 Keys")
            await page.press("j", "D")
            await page.shows("Drafts", "app")
            await page.press("down", "enter", "enter")
            await page.shows("from rev", '"threads": 1,')
            await page.leave_editor("down", "enter", "D", "enter")
            await page.shows("Draft of app", "Delete")
            await page.press("down", "enter")
            await page.shows("Delete the draft of app?")
            await page.press("tab", "enter")
            await page.shows("draft deleted")
        assert len(files(tmp_path)) == 1
        async with browsing(place.connect, Codecs(), drafts=tmp_path) as page:
            await page.shows("1 draft kept from earlier sessions: D lists them")

    async def test_draft_of_deleted_key_warns_without_revision(self, place: Place, tmp_path: Path) -> None:
        """A deletion found by reading has no revision; `rev None` must not be shown."""
        async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
            await page.press("e")
            await replace_line(page, 1, '  "threads": 1,')
            await page.leave_editor("down", "enter")
            await page.shows("1 Keys")
            async with place.other() as other:
                await other.delete("app")
            await page.press("D", "enter", "enter")
            await page.shows("Another client has deleted this key meanwhile;")

    async def test_take_theirs_keeps_draft(self, place: Place, tmp_path: Path) -> None:
        """One key press gives the edit up, so what was typed stays on disk."""
        async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
            await TestAConflict().met(place, page, b"theirs")
            await page.press("t")
            await page.shows("your text is kept as a draft", "theirs")
            assert page.session.editor.draft_keys == {"app"}
        assert len(files(tmp_path)) == 1


class TestALease:
    """A key whose TTL runs out while it is edited."""

    @pytest.mark.parametrize(("choice", "lives"), [(0, True), (-2, False), (-1, None)], ids=["ttl", "none", "cancel"])
    async def test_keep_mine_after_expiry_asks_for_ttl(self, choice: int, *, lives: bool | None) -> None:
        """It is said that the TTL ran out, and nothing is saved before a TTL, or none, is chosen."""
        clock = SteppedClock()
        place = Place(clock)
        async with place.other() as store:
            await store.put("short", b"value", ttl=60)
        async with browsing(place.connect, Codecs(), writable=True, clock=clock) as page:
            await page.press("e")
            await page.shows("expires in", "unless renewed")
            await page.type("typed ")
            await clock.advance(90)
            await page.shows("The lease of this key has expired")
            await page.press("ctrl+s", "ctrl+s", "m")
            await page.shows("expired and the key is gone", "Save with a TTL of 1m", "Save without a TTL")
            await page.press(*["down"] * (choice % 4), "enter")
            if lives is None:
                await page.shows("Theirs: deleted", "Mine: not saved")
            else:
                await page.shows("saved short")
        async with place.other() as store:
            if lives is None:
                with pytest.raises(KeyNotFound):
                    await store.get("short")
            else:
                assert ((await store.get("short")).ttl is not None) == lives


class TestAConflict:
    async def met(self, place: Place, page: Page, theirs: bytes) -> None:
        """Save an edit after somebody else has."""
        await page.press("e")
        await replace_line(page, 1, '  "threads": 16,')
        async with place.other() as other:
            await other.put("app", theirs)
        await page.shows("Another client has changed this key meanwhile")
        await page.press("ctrl+s", "ctrl+s")
        await page.shows("was changed by another client; nothing was written", "Base", "Theirs", "Mine")
        assert await stored(place, "app") == theirs

    @pytest.mark.heavy
    @SIZES
    async def test_conflict_in_different_lines_is_merged(self, place: Place, size: tuple[int, int]) -> None:
        theirs = APP.replace(b"info", b"debug")
        async with browsing(place.connect, Codecs(), size=size, writable=True) as page:
            await self.met(place, page, theirs)
            await page.shows("The changes can be merged without a conflict")
            await page.press("b")
            await page.shows('"threads": 16,', '"level": "debug"')
            await page.press("ctrl+s")
            await page.shows("Save app?")
            await page.press("ctrl+s")
            await page.shows("saved app")
        assert await stored(place, "app") == theirs.replace(b"8", b"16")

    async def test_conflict_take_theirs_shows_their_value(self, place: Place) -> None:
        theirs = APP.replace(b"8", b"32")
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await self.met(place, page, theirs)
            await page.press("t")
            await page.shows("kept the stored value", '"threads": 32,')
        assert await stored(place, "app") == theirs

    async def test_take_theirs_while_frozen_shows_their_value(self, place: Place) -> None:
        """No event shows their value while the display is frozen: taking theirs reads it."""
        theirs = APP.replace(b"8", b"32")
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("f")
            await page.shows("frozen")
            await page.press("e")
            await replace_line(page, 1, '  "threads": 16,')
            async with place.other() as other:
                await other.put("app", theirs)
            await page.press("ctrl+s")
            await page.shows("Save app?")
            await page.press("ctrl+s")
            await page.shows("was changed by another client; nothing was written")
            await page.press("t")
            await page.shows("kept the stored value", '"threads": 32,')

    async def test_conflict_keep_mine_saves(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await self.met(place, page, APP.replace(b"8", b"32"))
            await page.press("m")
            await page.shows("saved app")
        assert await stored(place, "app") == APP.replace(b"8", b"16")

    async def test_conflict_with_deletion_is_shown(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("e")
            await replace_line(page, 1, '  "threads": 16,')
            async with place.other() as other:
                await other.delete("app")
            await page.shows("Another client has deleted this key meanwhile")
            await page.press("ctrl+s", "ctrl+s")
            await page.shows("Theirs: deleted", "the key is gone")


async def test_edit_of_folder_is_refused(place: Place) -> None:
    """In the editor and in $EDITOR alike."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("G")
        assert page.session.selected == "old"
        for key in ("e", "E"):
            await page.press(key)
            await page.shows("a folder has no value")
            assert page.session.current_edit is None


async def test_notice_replaces_earlier_ones(place: Place) -> None:
    """The same notice, or another that asks for nothing, is one line; a warning stays beside it."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        page.app.notify("a warning", severity="warning")
        for _ in range(3):
            await page.press("d", "escape")
        await page.press("e", "escape")
        await page.shows("a warning", "nothing was changed")
        assert "nothing was deleted" not in page.text()


class TestANewKey:
    async def test_new_key_is_named_typed_and_created(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("n")
            await page.shows("New key")
            await page.type("fresh")
            await page.press("enter")
            await page.shows("new key")
            await page.type("hello")
            await page.press("ctrl+s", "ctrl+s")
            await page.shows("saved fresh", "fresh")
        assert await stored(place, "fresh") == b"hello"

    async def test_new_key_in_closed_folder_is_selected_once_saved(self, place: Place, tmp_path: Path) -> None:
        """Also from a draft; until then the selection was elsewhere."""
        async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
            await page.press("n")
            await page.type("old/new/fresh")
            await page.press("enter", *"hello")
            await page.press("escape", "2", "D", "1", "1")
            await page.shows("old/new/fresh  (new key")
            await page.press("ctrl+s")
            await page.shows("Create old/new/fresh?")
            await page.press("ctrl+s")
            await page.until(lambda: page.session.selected == "old/new/fresh", "the new key selected")
            await page.shows("▾ new/", "hello")

    async def test_new_key_with_invalid_name_is_refused(self, place: Place) -> None:
        """A key that exists is not named again; the name can be mended where it stands."""
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("n")
            await page.type("app")
            await page.press("enter")
            await page.shows("New key", "this key exists: e edits it")
            await page.type("2")
            await page.hides("this key exists")
            await page.press("enter")
            await page.shows("new key")

    async def test_new_key_created_meanwhile_is_conflict(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("n")
            await page.type("fresh")
            await page.press("enter", *"mine")
            async with place.other() as other:
                await other.put("fresh", b"theirs")
            await page.press("ctrl+s", "ctrl+s")
            await page.shows("Base: did not exist", "the key was created by another client")
        assert await stored(place, "fresh") == b"theirs"


class TestDeleting:
    async def test_delete_key_asks_with_focus_on_cancel(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("d")
            await page.shows("Delete this key?", "only if it has not changed since")
            await page.press("enter")
            await page.hides("Delete this key?")
            assert await stored(place, "app") == APP
            await page.press("d", "tab", "enter")
            await page.shows("deleted 1 entry")
        async with place.other() as store:
            assert not await store.exists("app")

    async def test_delete_folder_needs_its_name_typed(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("down", "d")
            await page.shows("Everything below old: 3 entries", "old/0", "old/2", "Type 'old' to confirm")
            await page.type("ol")
            await page.press("enter")
            await page.shows("Everything below old")
            await page.type("d")
            await page.press("enter")
            await page.shows("deleted 3")
        async with place.other() as store:
            assert not await store.exists("old/0")

    @pytest.mark.parametrize("size", [(40, 10), (50, 11), (70, 13)], ids=str)
    async def test_deletion_preview_buttons_visible_at_any_size(self, place: Place, size: tuple[int, int]) -> None:
        async with browsing(place.connect, Codecs(), size=size, writable=True) as page:
            await page.press("G", "d")
            await page.shows("Everything below old: 3", "old/0", "in memory", "before.", "Cancel", "Delete all", "╰")

    async def test_delete_changed_folder_deletes_nothing(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page, place.other() as other:
            await page.press("down", "d")
            await page.type("old")
            await other.put("old/3", b"new")
            await page.press("enter")
            await page.shows("changed since the preview; nothing was deleted", "1 Delete nothing")
            await page.press("1")
            await page.shows("Nothing was deleted")
            assert await other.exists("old/0")
            await page.press("d")
            await page.type("old")
            await other.put("old/1", b"changed")
            await page.press("enter", "2")
            await page.shows("deleted 3 entries; 1 entry changed or deleted meanwhile")
            assert [entry.key for entry in (await other.list("old/")).items] == ["old/1"]

    async def test_delete_key_with_its_children(self, place: Place) -> None:
        """The third choice is the key and all below it; esc and n say that nothing was deleted."""
        async with browsing(place.connect, Codecs(), writable=True) as page, place.other() as other:
            await other.put("old", b"own value")
            await page.press("down", "d")
            await page.shows("1 Only the key", "2 All keys below it", "3 The key and all keys below it")
            await page.press("escape")
            await page.shows("nothing was deleted")
            await page.press("d", "j", "k", "j", "j", "enter")
            await page.type("old")
            await page.press("enter")
            await page.shows("deleted 4 entries")
            assert not await other.exists("old")
            await page.press("g", "d", "n")
            await page.hides("Delete this key?")
            await page.press("d", "right", "left", "y")
            await page.shows("deleted 1 entry")
