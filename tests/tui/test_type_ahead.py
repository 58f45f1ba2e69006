"""Keys that are pressed before their dialog is there: they go to it or nowhere, and never run an action below it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, TextArea

from explorer.codecs.codecs import Codecs
from explorer.drivers.memory import MemoryStore
from explorer.model.errors import KeyNotFound, NotReachable
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Reviewing, State
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog
from explorer.tui.dialogs.deletion_preview import DeletionPreview
from explorer.tui.palette import Palette
from explorer.tui.screens.browse import BrowseScreen
from explorer.tui.screens.conflict import ConflictScreen
from explorer.tui.screens.edit import EditScreen
from explorer.tui.screens.review import ReviewScreen
from tests.session.fixtures import Place
from tests.tui.app_harness import Page, browsing
from tests.tui.browse_helpers import filled
from tests.tui.test_inputs import burst
from tests.tui.test_prompts import connecting

TYPED = "wqdn"
"""Text whose letters lock writing, quit, delete and create, if they run as actions."""


@pytest.fixture
async def place() -> Place:
    place = Place()
    await filled(place)
    return place


def slow(monkeypatch: pytest.MonkeyPatch, call: str) -> asyncio.Event:
    """Let a call of the store wait for the returned event."""
    answered, original = asyncio.Event(), getattr(MemoryStore, call)

    async def wait(store: MemoryStore, *arguments: Any, **options: Any) -> object:  # noqa: ANN401 - passed on
        await answered.wait()
        return await original(store, *arguments, **options)

    monkeypatch.setattr(MemoryStore, call, wait)
    return answered


async def until_screen(page: Page, kind: type[object]) -> None:
    await page.until(lambda: isinstance(page.app.screen, kind), f"{kind.__name__} is open")
    await page.settle()


def assert_nothing_ran(page: Page) -> None:
    """Fail if a letter of `TYPED` ran an action of the tree."""
    assert page.app.is_running
    assert page.session.writable


def edited_text(page: Page) -> str:
    return page.app.screen.query_one(TextArea).text


async def draft_of(page: Page, key: str, text: str) -> None:
    """Leave a draft of a key."""
    await page.session.idle()
    page.session.select(key)
    await page.session.idle()
    edit = page.session.edit()
    edit.set_text(text)
    await page.session.editor.leave(keep=True)
    await page.settle()


async def test_new_key_text_goes_to_editor(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text typed right behind the name is in the editor, however long the store takes to check the name."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        answered = slow(monkeypatch, "get")
        burst(page.app, "n", "ctrl+u", *"fresh", "enter", *TYPED)
        await page.shows("New key")
        answered.set()
        await until_screen(page, EditScreen)
        await page.until(lambda: edited_text(page) == TYPED, "the text is in the editor")
        assert page.session.current_edit is not None
        assert page.session.current_edit.key == "fresh"
        assert_nothing_ran(page)


async def test_new_key_refused_name_drops_text(place: Place) -> None:
    """The editor does not open, so its text is dropped; the name stays to be changed."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        burst(page.app, "n", "ctrl+u", *"top", "enter", *TYPED)
        await page.shows("this key exists")
        assert page.app.screen.query_one(Input).value == "top"
        await page.press("2")
        assert page.app.screen.query_one(Input).value == "top2"
        assert_nothing_ran(page)


async def test_drafts_open_gets_text(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """List, question, and editor: each gets its keys, also while the key is looked for."""
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
        await draft_of(page, "top", "kept")
        answered = slow(monkeypatch, "children")
        burst(page.app, "D", "1", "1", *TYPED)
        await page.until(lambda: isinstance(page.app.screen, BrowseScreen), "both questions are answered")
        answered.set()
        await until_screen(page, EditScreen)
        await page.until(lambda: edited_text(page) == f"{TYPED}kept", "the text is in the editor")
        assert_nothing_ran(page)


async def test_drafts_delete_is_not_confirmed_unseen(place: Place, tmp_path: Path) -> None:
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
        await draft_of(page, "top", "kept")
        burst(page.app, "D", "1", "2", "y", *TYPED)
        await page.shows("Delete the draft of top?")
        assert len(page.session.editor.drafts) == 1
        await page.press("y")
        await page.shows("draft deleted")
        assert_nothing_ran(page)


async def test_edit_unexpected_draft_drops_text(place: Place, tmp_path: Path) -> None:
    """The 3 of a text does not delete the draft that somebody had forgotten."""
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
        await draft_of(page, "top", "kept")
        await page.press("G")
        burst(page.app, "e", "3", *TYPED)
        await until_screen(page, ChoiceDialog)
        assert len(page.session.editor.drafts) == 1
        await page.press("1")
        await until_screen(page, EditScreen)
        assert edited_text(page) == "kept"
        assert_nothing_ran(page)


@pytest.mark.parametrize("call", ["get", ""])
async def test_delete_is_not_confirmed_unseen(place: Place, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Typed ahead, `y` confirms nothing, whether it was pressed before the preview was read or behind it."""
    async with browsing(place.connect, Codecs(), writable=True) as page, place.other() as store:
        await page.press("G")
        answered = slow(monkeypatch, call) if call else asyncio.Event()
        burst(page.app, "d", "y", *TYPED)
        await page.pilot.pause()
        answered.set()
        await until_screen(page, ConfirmDialog)
        assert_nothing_ran(page)
        await store.get("top")
        await page.press("y")
        await page.shows("deleted 1 entry")
        with pytest.raises(KeyNotFound):
            await store.get("top")


async def test_delete_scope_then_confirmation(place: Place) -> None:
    """The first question is answered by its number; the second one has to be seen."""
    async with browsing(place.connect, Codecs(), writable=True) as page, place.other() as store:
        burst(page.app, "colon", "ctrl+u", *"config/app", "enter")
        await page.until(lambda: page.session.selected == "config/app", "the key is selected")
        burst(page.app, "d", "1", "y", *TYPED)
        await page.shows("Delete this key?")
        await store.get("config/app")
        assert_nothing_ran(page)


async def test_delete_folder_word_is_not_typed_unseen(place: Place) -> None:
    async with browsing(place.connect, Codecs(), writable=True) as page, place.other() as store:
        await page.press("g")
        burst(page.app, "d", *"config", "enter", *TYPED)
        await until_screen(page, DeletionPreview)
        assert page.app.screen.query_one(Input).value == ""
        await store.get("config/app")
        assert_nothing_ran(page)


async def test_delete_failed_preview_drops_word(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preview does not open: what was typed for it runs nothing."""

    async def fail(store: MemoryStore, key: str, **options: object) -> object:
        del store, key, options
        raise NotReachable("the wire is cut")

    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("G")
        monkeypatch.setattr(MemoryStore, "get", fail)
        burst(page.app, "d", *TYPED)
        await page.shows("▌ the wire is cut")
        assert isinstance(page.app.screen, BrowseScreen)
        assert_nothing_ran(page)


async def test_type_then_keys_then_pattern(place: Place) -> None:
    """Keys typed ahead of a question answer it, or nothing; the text of a pattern is in its dialog."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("G")
        await page.shows("a value at the top")
        burst(page.app, "t", "5", *TYPED)
        await page.shows("hex: for which keys?")
        number = page.find("Another pattern").strip("│ ")[0]
        burst(page.app, number, "ctrl+u", *TYPED)
        await page.shows("Keys read as hex", TYPED)
        assert_nothing_ran(page)


@pytest.mark.parametrize(
    "keys", [("y", "1"), ("n", "escape"), ("t", "escape"), ("d", "escape"), ("question_mark", "escape")]
)
async def test_keys_behind_last_dialog_go_to_tree(place: Place, keys: tuple[str, ...]) -> None:
    """After the last dialog of a flow, keys run actions of the tree again, in their order."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("G")
        await page.shows("a value at the top")
        burst(page.app, *keys, "w", "g")
        await page.until(lambda: page.session.selected == "config", "the first key is selected")
        assert not page.session.writable


async def test_keys_behind_closed_prompt_keep_order(place: Place) -> None:
    """Keys that the prompt held come before those that had not reached it yet."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        burst(page.app, "colon", "ctrl+u", *"top", "enter", "g", "j", "j")
        await page.until(lambda: page.session.selected == "top", "the last key is selected")
        burst(page.app, "slash", *"flags", "enter", "escape", "g", "j")
        await page.until(lambda: page.session.selected == "flags", "the second key is selected")


async def test_palette_command_gets_text(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys typed when the palette closes go to the prompt that its command opens."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        browse = page.app.screen
        await page.press("ctrl+p")
        await page.type("go to key")
        await page.until(lambda: "Find: Go to key" in page.text(), "the command is found")
        pressed_at(monkeypatch, page, Palette, "dismiss", TYPED)
        await page.press("enter")
        await page.until(lambda: browse.query_one("#go Input", Input).value == TYPED, "the text is in the prompt")
        assert_nothing_ran(page)


@pytest.mark.parametrize("keys", ["n", "d", "e"])
async def test_refused_action_drops_text(place: Place, keys: str) -> None:
    """While writing is locked no dialog opens: what was typed for it does not unlock writing, nor quit."""
    async with browsing(place.connect, Codecs()) as page:
        await page.press("G")
        await page.shows("a value at the top")
        burst(page.app, keys, *TYPED)
        await page.shows("unlocks writing")
        assert page.app.is_running
        assert not page.session.writable


async def test_new_waits_for_first_connection(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connecting(place, monkeypatch, writable=True) as (page, answered):
        burst(page.app, "n", *TYPED)
        await page.pilot.pause()
        answered.set()
        await page.until(lambda: bool(page.app.screen.query("KeyNameDialog Input")), "the dialog is open")
        await page.until(lambda: page.app.screen.query_one(Input).value.endswith(TYPED), "the name is typed")
        assert_nothing_ran(page)


async def test_edit_waits_for_value_and_gets_text(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys typed while the value is read are text of the editor."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        answered = slow(monkeypatch, "get")
        burst(page.app, "G", "e", *TYPED)
        await page.pilot.pause()
        answered.set()
        await until_screen(page, EditScreen)
        await page.until(lambda: edited_text(page).startswith(TYPED), "the text is in the editor")
        assert_nothing_ran(page)


async def edit_top(page: Page, text: str) -> None:
    await page.press("G")
    await page.shows("a value at the top")
    await page.press("e")
    await until_screen(page, EditScreen)
    await page.type(text)


async def test_unsaved_text_is_not_discarded_unseen(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 3 behind escape, typed as text, does not discard the text."""
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
        await edit_top(page, "x")
        pressed_at(monkeypatch, page, ChoiceDialog, "compose", f"3{TYPED}")
        await page.press("escape")
        await page.shows("is not saved")
        assert edited_text_below(page) == "xa value at the top"
        await page.press("3")
        await page.shows("the text was discarded")
        assert_nothing_ran(page)


def edited_text_below(page: Page) -> str:
    return next(screen for screen in page.app.screen_stack if isinstance(screen, EditScreen)).query_one(TextArea).text


def pressed_at(monkeypatch: pytest.MonkeyPatch, page: Page, owner: type[object], call: str, keys: str) -> None:
    """Press keys right before a method is called: that is, before anybody sees what comes of it."""
    original = getattr(owner, call)

    def press(self: object, *arguments: Any, **options: Any) -> object:  # noqa: ANN401 - passed on
        burst(page.app, *keys)
        return original(self, *arguments, **options)

    monkeypatch.setattr(owner, call, press)


async def test_text_behind_save_is_text(place: Place) -> None:
    """Keys typed right after a save began are text of the editor, which stays open."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await edit_top(page, "x")
        await page.press("ctrl+s")
        await until_screen(page, ReviewScreen)
        burst(page.app, "ctrl+s", *TYPED)
        await page.until(lambda: f"x{TYPED}a value" in page.text(), "the text is in the editor")
        assert_nothing_ran(page)


async def test_text_before_editor_closes_runs_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The editor closes by itself once the value is saved: text typed on is dropped."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await edit_top(page, "x")
        await page.press("ctrl+s")
        await until_screen(page, ReviewScreen)
        pressed_at(monkeypatch, page, EditScreen, "_close", TYPED)
        await page.pilot.press("ctrl+s")
        await page.shows("saved top")
        await page.until(lambda: isinstance(page.app.screen, BrowseScreen), "the editor is closed")
        await page.settle()
        assert_nothing_ran(page)


@pytest.mark.parametrize("typed", ["q", "m", "t"])
async def test_text_before_conflict_decides_nothing(place: Place, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """The view opens by itself: a letter typed as text neither overwrites theirs nor takes it, nor quits."""
    async with browsing(place.connect, Codecs(), writable=True) as page, place.other() as store:
        await edit_top(page, "x")
        await store.put("top", b"theirs")
        await page.shows("Another client has changed this key")
        pressed_at(monkeypatch, page, ConflictScreen, "compose", typed)
        await page.press("ctrl+s")
        await until_screen(page, ConflictScreen)
        await page.settle()
        assert isinstance(page.app.screen, ConflictScreen)
        assert (await store.get("top")).value == b"theirs"
        assert_nothing_ran(page)


async def test_text_before_review_runs_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter typed while the review opens does not quit."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await edit_top(page, "x")
        pressed_at(monkeypatch, page, ReviewScreen, "compose", TYPED)
        await page.press("ctrl+s")
        await until_screen(page, ReviewScreen)
        assert_nothing_ran(page)


async def test_quit_key_works_while_flow_waits(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer does not keep the app from ending."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("G")
        slow(monkeypatch, "get")
        burst(page.app, "d", "ctrl+q")
        await page.until(lambda: not page.app.is_running, "the app has ended")


async def test_save_key_before_review_opens_saves(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The review accepts the key however early it is pressed; it does not open a second one."""
    set_state = Edit._set_state  # noqa: SLF001 - a key between a state and its screen

    def press_first(edit: Edit, state: State) -> None:
        if isinstance(state, Reviewing):
            burst(page.app, "ctrl+s")
        set_state(edit, state)

    async with browsing(place.connect, Codecs(), writable=True) as page, place.other() as store:
        await edit_top(page, "x")
        monkeypatch.setattr(Edit, "_set_state", press_first)
        await page.press("ctrl+s")
        await page.shows("saved top")
        await page.until(lambda: isinstance(page.app.screen, BrowseScreen), "editor and review are closed")
        assert (await store.get("top")).value == b"xa value at the top"
