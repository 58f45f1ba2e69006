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
    async def test_a_filter_keeps_what_matches_and_esc_brings_the_rest_back(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("l", "down", "down", "/")
            await page.type("emp")
            await page.shows("1 of")
            assert "flags" not in "\n".join(line[:30] for line in page.lines())
            await page.press("enter")
            await page.shows("config/empty")
            await page.press("escape")
            await page.shows("flags/", "config/empty")

    async def test_what_is_selected_is_the_row_that_is_shown_as_selected(self, place: Place) -> None:
        """The value pane follows the row under the cursor while a filter hides the selected key, and afterwards."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press("G", "/")
            await page.type("flags")
            await page.until(lambda: page.session.selected == "flags", "the only row is selected")
            await page.type("zzz")
            await page.press("enter", "down")
            await page.shows("no key is selected", "/flagszzz  esc clears it", "0 of 3 loaded keys")
            await page.press("escape")
            await page.shows("a value at the top")
            assert page.session.selected == "top"

    async def test_an_action_brings_its_row_into_sight(self, place: Place) -> None:
        """What acts on the selected key shows its row first, wherever the view was scrolled to."""
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

    async def test_a_deleted_key_stays_selected_until_one_moves(self, place: Place) -> None:
        """The row of the selected key stays, shown as deleted with its last value, until the cursor moves."""
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await page.press("down", "l", "down")
            await page.shows("flags/a", "on")
            await other.delete_tree("flags")
            await page.shows("deleted; this is its last value")
            tree = page.session.tree
            await page.until(lambda: tree.at(1).tombstone, "the folder is gone, too")
            while tree.sweep(tree.clock() + 60):
                pass
            page.app.screen.query_one(TreePane).draw()
            await page.settle()
            assert page.session.selected == "flags/a"
            await page.shows("deleted; this is its last value")
            assert tree.at(2).tombstone
            await page.press("down")
            assert [tree.at(row).name for row in range(len(tree))] == ["config", "top"]
            assert page.session.selected == "top"

    async def test_a_folder_that_a_filter_found_shows_what_is_in_it(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("/")
            await page.type("conf")
            await page.press("enter", "g", "l")
            await page.shows("app/", "empty", "3 of")
            assert "flags" not in page.text()

    async def test_a_key_that_a_filter_hides_is_gone_to_and_ends_the_filter(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("l", "/")
            await page.type("emp")
            await page.press("enter", ":", "ctrl+u")
            await page.type("flags/b")
            await page.press("enter")
            await page.shows("off", "flags/b")
            assert page.session.tree.filter_progress is not None, "its folder was opened, and shows what is in it"
            await page.press(":", "ctrl+u")
            await page.type("config/app")
            await page.press("enter")
            await page.shows("config/app", "valid JSON", "top")
            assert page.session.selected == "config/app"
            assert page.session.tree.filter_progress is None

    async def test_a_key_is_gone_to_by_its_name(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press(":")
            await page.type("flags/b")
            await page.press("enter")
            await page.shows("off", "rev")
            assert page.session.selected == "flags/b"

    async def test_a_key_that_is_not_there_says_so_and_goes_as_near_as_there_is(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press(":")
            await page.type("flags/nothing")
            await page.press("enter")
            await page.shows("no such key")
            assert page.session.selected == "flags"


class TestKeysTypedAhead:
    """An action is for the key that is gone to, or moved to, however long the store takes."""

    @pytest.mark.parametrize("act", ["e", "d", "y"])
    async def test_act_on_the_key_that_is_gone_to(
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

    async def test_edit_a_value_that_is_being_read(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
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

    async def test_ctrl_c_names_the_keys_that_quit_here(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("ctrl+c")
            await page.shows("q or ctrl+q quits")
            await page.press("G", "e", "ctrl+c")
            await page.shows("top  (from rev", "▌ ctrl+q quits")


class TestCopying:
    async def test_offers_a_value_that_is_being_read(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
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

    async def test_offers_no_value_where_there_is_none(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("y")
            await page.shows("Key  config", "keyscope ls")
            assert "Key and value" not in page.text()


class TestThePromptOfKeys:
    """`:` completes from the store, understands what the app shows and copies, and lets nothing become a command."""

    async def test_tab_completes_and_goes_on_typing(self, place: Place) -> None:
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

    async def test_a_folder_that_is_not_loaded_is_completed(self, place: Place) -> None:
        """The store is asked below the folder typed; the tree itself stays as it is."""
        async with place.other() as store:
            for number in range(1200):
                await store.put(f"far/{number:04}/deep/key", b"")
        async with browsing(place.connect, Codecs()) as page:
            rows = len(page.session.tree)
            for text, completed in (("far/119", "far/1190/"), ("far/1199", "far/1199/"), ("far/0003/deep/", "key")):
                await page.press(":", "ctrl+u")
                await page.type(text)
                await page.press("tab")
                field = page.app.screen.query_one("#go Input", Input)
                await page.until(lambda end=completed: field.value.endswith(end), completed)  # type: ignore[misc]  # noqa: B023 - read at once
                await page.press("escape")
            assert len(page.session.tree) == rows

    async def test_a_trailing_slash_means_the_folder(self, place: Place) -> None:
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
    async def test_keys_are_gone_to_as_they_are_shown(self, place: Place, key: str) -> None:
        """The spelling that the app shows and copies is understood; a backslash of the key itself, too."""
        async with place.other() as store:
            await store.put(key, b"found it")
        for text in {sanitize(key), escape_key(key)}:
            async with browsing(place.connect, Codecs()) as page:
                await page.press(":")
                page.app.screen.query_one("#go Input", Input).value = text
                await page.press("enter")
                assert page.session.selected == key

    async def test_arrows_bring_back_what_was_entered(self, place: Place) -> None:
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

    async def test_keys_after_enter_go_to_the_tree(self, place: Place) -> None:
        """What is pressed right behind enter is for the tree; what is pressed after a click, for where was clicked."""
        async with browsing(place.connect, Codecs()) as page:
            await page.pilot.press(":", "ctrl+u", *"flags", "enter", "w")
            await page.settle()
            assert page.session.writable
            await page.press(":")
            await page.pilot.click("KeyTree")
            await page.settle()
            assert not page.app.screen.query_one("#go", Prompt).is_open
