"""Finding keys: the filter, the prompt for a key, and what is copied of one; nothing is written."""

import asyncio
from typing import Any

import pytest
from textual.widgets import Input

from explorer.codecs.codecs import Codecs
from explorer.drivers.memory import MemoryStore
from explorer.model.entries import Child, Entry, Page
from explorer.model.key_text import escape_key
from explorer.model.sanitize import sanitize
from explorer.tui.panes.tree import TreePane
from explorer.tui.widgets.prompt import Prompt
from tests.session.fixtures import Place
from tests.tui.app_harness import browsing
from tests.tui.browse_helpers import filled


@pytest.fixture
async def place() -> Place:
    place = Place()
    await filled(place)
    return place


class TestFinding:
    async def test_filter_shows_matches_and_esc_clears_it(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("l", "down", "down", "/")
            await page.type("emp")
            await page.shows("1 of")
            assert "flags" not in "\n".join(line[:30] for line in page.lines())
            await page.press("enter")
            await page.shows("config/empty")
            await page.press("escape")
            await page.shows("flags/", "config/empty")

    async def test_selection_follows_row_under_cursor(self, place: Place) -> None:
        """The value pane follows the row under the cursor while a filter hides the selected key, and afterwards."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press("G", "/")
            await page.type("flags")
            await page.until(lambda: page.session.selected == "flags", "the only row is selected")
            await page.type("zzz")
            await page.press("enter", "down")
            await page.shows("no key is selected", "/flagszzz  esc clears it", "0 of 3 loaded rows")
            await page.press("escape")
            await page.shows("a value at the top")
            assert page.session.selected == "top"

    async def test_action_scrolls_its_row_into_sight(self, place: Place) -> None:
        """An action on the selected key shows its row first, wherever the view was scrolled to."""
        async with place.other() as store:
            for number in range(100):
                await store.put(f"k{number:02}", b"")
        async with browsing(place.connect, Codecs()) as page:
            await page.press("g", "down")
            view = page.app.screen.query_one(TreePane).key_tree
            view.scroll_to(y=60, animate=False)
            await page.until(lambda: view.scroll_offset.y > view.cursor.row, "it is scrolled away")
            await page.press("d")
            await page.until(lambda: view.scroll_offset.y <= view.cursor.row == 1, "the row is in sight")

    async def test_deleted_key_stays_selected_until_cursor_moves(self, place: Place) -> None:
        """The row of the selected key stays, shown as deleted with its last value, until the cursor moves."""
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await page.press("down", "l", "down")
            await page.shows("flags/a", "on")
            await other.delete_tree("flags")
            await page.shows("deleted; this is its last value")
            tree = page.session.tree
            await page.until(lambda: tree.rows.at(1).tombstone, "the folder is gone, too")
            while tree.sweep(tree.clock() + 60):
                pass
            page.app.screen.query_one(TreePane).draw()
            await page.settle()
            assert page.session.selected == "flags/a"
            await page.shows("deleted; this is its last value")
            assert tree.rows.at(2).tombstone
            await page.press("down")
            assert [tree.rows.at(row).name for row in range(len(tree.rows))] == ["config", "top"]
            assert page.session.selected == "top"

    async def test_filter_found_folder_opens_to_its_keys(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("/")
            await page.type("conf")
            await page.press("enter", "g", "l")
            await page.shows("app/", "empty", "3 of")
            assert "flags" not in page.text()

    async def test_go_to_filtered_out_key_clears_filter(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("l", "/")
            await page.type("emp")
            await page.press("enter", ":", "ctrl+u")
            await page.type("flags/b")
            await page.press("enter")
            await page.shows("off", "flags/b")
            assert page.session.tree.filter.progress is not None, "its folder was opened, and shows what is in it"
            await page.press(":", "ctrl+u")
            await page.type("config/app")
            await page.press("enter")
            await page.shows("config/app", "valid JSON", "top")
            assert page.session.selected == "config/app"
            assert page.session.tree.filter.progress is None

    async def test_go_to_key_by_name(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press(":")
            await page.type("flags/b")
            await page.press("enter")
            await page.shows("off", "rev")
            assert page.session.selected == "flags/b"

    async def test_go_to_missing_key_selects_nearest_folder(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press(":")
            await page.type("flags/nothing")
            await page.press("enter")
            await page.shows("no such key")
            assert page.session.selected == "flags"


class TestKeysTypedAhead:
    """An action is for the key that is gone to, or moved to, however long the store takes."""

    @pytest.mark.parametrize("act", ["e", "d", "y"])
    async def test_actions_wait_for_key_that_is_gone_to(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, act: str
    ) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            answered, children = asyncio.Event(), MemoryStore.children

            async def slow(store: MemoryStore, prefix: str, **options: Any) -> Page[Child]:  # noqa: ANN401 - passed on
                await answered.wait()
                return await children(store, prefix, **options)

            monkeypatch.setattr(MemoryStore, "children", slow)
            await page.pilot.press(":", *"flags", "slash", "b", "enter", act)
            await page.shows("loading")
            answered.set()
            await page.shows("flags/b", {"e": "(from rev", "d": "Delete this key?", "y": "Copy"}[act])
            assert page.session.selected == "flags/b"

    async def test_edit_waits_for_value_being_read(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            answered, get = asyncio.Event(), MemoryStore.get

            async def slow(store: MemoryStore, key: str, **options: Any) -> Entry:  # noqa: ANN401 - passed on
                await answered.wait()
                return await get(store, key, **options)

            monkeypatch.setattr(MemoryStore, "get", slow)
            await page.pilot.press("G", "e")
            await page.pilot.pause()
            assert page.session.current_edit is None
            answered.set()
            await page.shows("top  (from rev")

    async def test_ctrl_c_names_quit_keys(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("ctrl+c")
            await page.shows("q or ctrl+q quits")
            await page.press("G", "e", "ctrl+c")
            await page.shows("top  (from rev", "▌ ctrl+q quits")


class TestCopying:
    async def test_copy_offers_value_being_read(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        async with browsing(place.connect, Codecs()) as page:
            answered, get = asyncio.Event(), MemoryStore.get

            async def slow(store: MemoryStore, key: str) -> Entry:
                await answered.wait()
                return await get(store, key)

            monkeypatch.setattr(MemoryStore, "get", slow)
            await page.pilot.press("G", "y")
            await page.shows("Value  being read", "Key and value")
            await page.pilot.press("down", "enter")
            await page.shows("nothing was copied: the value is not read yet")
            await page.pilot.press("y")
            await page.shows("Value  being read")
            answered.set()
            await page.settle()
            await page.press("down", "enter")
            await page.shows("copied: value")
            assert page.app.clipboard == "a value at the top"

    async def test_copy_without_value_offers_none(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("y")
            await page.shows("Key  config", "keyscope ls")
            assert "Key and value" not in page.text()


class TestThePromptOfKeys:
    """`:` completes from the store, understands what the app shows and copies, and lets nothing become a command."""

    async def test_prompt_tab_completes(self, place: Place) -> None:
        """Tab accepts the completion, also one that is still asked for; what is typed then belongs to the text."""
        async with browsing(place.connect, Codecs()) as page:
            await page.pilot.press(":", *"conf", "tab")
            await page.shows(": config/")
            await page.type("a")
            await page.press("shift+tab")
            await page.shows(": config/app")
            await page.type("q")
            assert page.app.is_running
            await page.press("escape")
            await page.hides(": config")

    async def test_prompt_completes_folder_not_loaded(self, place: Place) -> None:
        """The store is asked below the folder typed; the tree itself stays as it is."""
        async with place.other() as store:
            for number in range(1200):
                await store.put(f"far/{number:04}/deep/key", b"")
        async with browsing(place.connect, Codecs()) as page:
            rows = len(page.session.tree.rows)
            for text, completed in (("far/119", "far/1190/"), ("far/1199", "far/1199/"), ("far/0003/deep/", "key")):
                await page.press(":", "ctrl+u")
                await page.type(text)
                await page.press("tab")
                field = page.app.screen.query_one("#go Input", Input)
                await page.until(lambda end=completed: field.value.endswith(end), completed)  # type: ignore[misc]  # noqa: B023 - read at once
                await page.press("escape")
            assert len(page.session.tree.rows) == rows

    async def test_prompt_trailing_slash_is_folder(self, place: Place) -> None:
        """`config/` is the folder, be it completed or typed; no toast says that it does not exist."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press(":")
            await page.type("config/")
            await page.press("enter")
            assert page.session.selected == "config"
            assert "no such key" not in page.text()

    @pytest.mark.parametrize(
        "key", ["odd/bin-\udcff\udcfe\x00-key", "odd/esc-\x1b[31mred", "odd/C:\\dir", "odd/new\nline"]
    )
    async def test_prompt_reads_escapes_as_shown(self, place: Place, key: str) -> None:
        """The spelling that the app shows and copies is understood; a backslash of the key itself, too."""
        async with place.other() as store:
            await store.put(key, b"found it")
        for text in {sanitize(key), escape_key(key)}:
            async with browsing(place.connect, Codecs()) as page:
                await page.press(":")
                page.app.screen.query_one("#go Input", Input).value = text
                await page.press("enter")
                assert page.session.selected == key

    async def test_prompt_arrows_recall_history(self, place: Place) -> None:
        """Up and down go through what was entered before."""
        async with browsing(place.connect, Codecs()) as page:
            for text in ("top", "flags"):
                await page.press(":", "ctrl+u")
                await page.type(text)
                await page.press("enter")
            await page.press(":", "up", "up")
            await page.shows(": top")
            await page.press("down", "enter")
            assert page.session.selected == "flags"

    async def test_prompt_keys_after_enter_go_to_tree(self, place: Place) -> None:
        """Keys right after enter are for the tree; those after a click, for where was clicked."""
        async with browsing(place.connect, Codecs()) as page:
            await page.pilot.press(":", "ctrl+u", *"flags", "enter", "w")
            await page.settle()
            assert page.session.writable
            await page.press(":")
            await page.pilot.click("KeyTree")
            await page.settle()
            assert not page.app.screen.query_one("#go", Prompt).is_open
