"""Text that is typed on at a person's speed, after its screen did not open, or another one did."""

from pathlib import Path

import pytest
from textual.events import Key

from explorer.codecs.codecs import Codecs
from explorer.drivers.memory import MemoryStore
from explorer.model.errors import NotReachable
from explorer.session.actions import TYPING_IGNORED
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.screens.browse import BrowseScreen
from explorer.tui.screens.conflict import ConflictScreen
from explorer.tui.screens.edit import EditScreen
from explorer.tui.screens.review import ReviewScreen
from tests.session.fixtures import Place
from tests.tui.app_harness import Page, browsing
from tests.tui.browse_helpers import filled
from tests.tui.test_inputs import burst
from tests.tui.test_type_ahead import (
    TYPED,
    assert_nothing_ran,
    draft_of,
    edit_top,
    edited_text,
    pressed_at,
    until_screen,
)


@pytest.fixture
async def place() -> Place:
    place = Place()
    await filled(place)
    return place


NEVER = 3600.0
"""Seconds of a pause that no test makes."""


async def press_after_pause(page: Page, key: str) -> None:
    """Press a key as if nothing had been pressed for as long as the app waits."""
    event = Key(key, key)
    event.time += page.app.typing_pause
    page.app.post_message(event)
    await page.settle()


@pytest.mark.parametrize("key", ["n", "d", "e"])
async def test_refused_action_ignores_typing(place: Place, key: str) -> None:
    """A letter of the text that follows does not unlock writing; the notice goes on saying why nothing opened."""
    async with browsing(place.connect, Codecs(), typing_pause=NEVER) as page:
        await page.press("G", key)
        await page.shows("unlocks writing")
        await page.press("w")
        await page.shows("unlocks writing", TYPING_IGNORED)
        await page.press("enter", "w", "tab", "w", "backspace", "w")
        assert not page.session.writable
        await press_after_pause(page, "w")
        assert page.session.writable


async def test_refused_action_takes_other_key(place: Place) -> None:
    """A key that is not part of a text ends it: the next letter is a command."""
    async with browsing(place.connect, Codecs(), typing_pause=NEVER) as page:
        await page.press("n", "w", "down", "w")
        assert page.session.writable


async def test_refused_action_without_text_takes_next_key(place: Place) -> None:
    """Nobody types a text after a key that opens none."""
    async with browsing(place.connect, Codecs(), typing_pause=NEVER) as page:
        await page.press("3", "m", "w")
        assert page.session.writable


async def test_refused_action_in_editor_loses_no_text(place: Place) -> None:
    """Text typed right behind it is in the editor."""
    async with browsing(place.connect, Codecs(), writable=True, typing_pause=NEVER) as page:
        await edit_top(page, "x")
        burst(page.app, "ctrl+r", *TYPED)
        await page.shows("the outcome of the last save is known", f"x{TYPED}a value")


async def test_failed_flow_ignores_typing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preview does not open: the word that is typed for it runs nothing."""

    async def fail(store: MemoryStore, key: str, **options: object) -> object:
        del store, key, options
        raise NotReachable("the wire is cut")

    async with browsing(place.connect, Codecs(), writable=True, typing_pause=NEVER) as page:
        await page.press("G")
        monkeypatch.setattr(MemoryStore, "get", fail)
        await page.press("d")
        await page.shows("▌ the wire is cut")
        await page.press("w", "q")
        await page.shows(TYPING_IGNORED)
        assert_nothing_ran(page)


async def test_conflict_ignores_typing(place: Place) -> None:
    """The view opens while somebody types: letters neither overwrite theirs nor take it, until there was a pause."""
    async with browsing(place.connect, Codecs(), writable=True, typing_pause=NEVER) as page, place.other() as store:
        await edit_top(page, "x")
        await store.put("top", b"theirs")
        await page.shows("Another client has changed this key")
        await page.press("ctrl+s")
        await until_screen(page, ConflictScreen)
        await page.press("m", "t", "q")
        await page.shows(TYPING_IGNORED)
        assert isinstance(page.app.screen, ConflictScreen)
        assert (await store.get("top")).value == b"theirs"
        await press_after_pause(page, "m")
        await page.shows("saved top")
        assert (await store.get("top")).value == b"xa value at the top"


async def test_unexpected_drafts_question_ignores_typing(place: Place, tmp_path: Path) -> None:
    """Text for the editor answers nothing: a 3 does not delete the forgotten draft; an arrow shows that it is read."""
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path, typing_pause=NEVER) as page:
        await draft_of(page, "top", "kept")
        await page.press("G", "e", "3", "enter")
        assert isinstance(page.app.screen, ChoiceDialog)
        assert len(page.session.editor.drafts) == 1
        await page.press("down", "up", "1")
        assert edited_text(page) == "kept"


async def test_large_text_view_ignores_typing(place: Place) -> None:
    """Instead of the editor: a letter of the text does not quit."""
    async with place.other() as store:
        await store.put("top", b"line\n" * 100_000)
    async with browsing(place.connect, Codecs(), writable=True, typing_pause=NEVER) as page:
        await page.press("G", "e", "q")
        assert isinstance(page.app.screen, EditScreen)
        assert page.app.is_running


async def test_text_behind_saved_editor_is_ignored(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The editor closes while somebody types: letters are ignored that are typed on."""
    async with browsing(place.connect, Codecs(), writable=True, typing_pause=NEVER) as page:
        await edit_top(page, "x")
        await page.press("ctrl+s")
        await until_screen(page, ReviewScreen)
        pressed_at(monkeypatch, page, EditScreen, "_close", "y")
        await page.pilot.press("ctrl+s")
        await page.until(lambda: isinstance(page.app.screen, BrowseScreen), "the editor is closed")
        await page.press("w", "q")
        assert_nothing_ran(page)


async def test_key_behind_saved_editor_runs_action(place: Place) -> None:
    """Nothing was typed while it was saved: the next key is for the tree."""
    async with browsing(place.connect, Codecs(), writable=True, typing_pause=0.01) as page:
        await edit_top(page, "x")
        await page.press("ctrl+s")
        await until_screen(page, ReviewScreen)
        await page.press("ctrl+s", "w")
        await page.until(lambda: not page.session.writable, "writing is locked")
