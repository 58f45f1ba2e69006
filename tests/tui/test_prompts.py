"""A prompt opens whenever its key is pressed, and keeps the focus: what is typed into it never runs an action."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from textual.events import AppBlur, DescendantFocus, Hide, Key
from textual.widgets import Input

from explorer.codecs.codecs import Codecs
from explorer.model.errors import NotReachable
from explorer.session.session import Session
from explorer.tui.app import Keyscope
from explorer.tui.widgets.key_tree import KeyTree
from explorer.tui.widgets.prompt import Prompt
from tests.session.fixtures import CuttableStore, Place
from tests.tui.app_harness import NARROW, Page, browsing
from tests.tui.browse_helpers import filled
from tests.tui.test_inputs import burst

SIGNS = {"#go": "colon", "#filter": "slash"}


@pytest.fixture
async def place() -> Place:
    place = Place()
    await filled(place)
    return place


@asynccontextmanager
async def connecting(
    place: Place, monkeypatch: pytest.MonkeyPatch, *, writable: bool = False
) -> AsyncGenerator[tuple[Page, asyncio.Event], None]:
    """Run the app on a store that answers once an event is set."""
    answered, connect = asyncio.Event(), CuttableStore.connect

    async def slow(store: CuttableStore) -> None:
        await answered.wait()
        await connect(store)

    monkeypatch.setattr(CuttableStore, "connect", slow)
    async with Session(place.connect, Codecs(), writable=writable) as session:
        app = Keyscope(session)
        app.typing_pause = 0.0
        async with app.run_test(size=NARROW, notifications=True) as pilot:
            page = Page(app, session, pilot)
            await page.shows("1 Keys", "connecting")
            yield page, answered


def prompt(page: Page, name: str) -> Prompt:
    return page.app.screen.query_one(name, Prompt)


def typed_into(page: Page, name: str) -> str:
    return prompt(page, name).query_one(Input).value


async def test_go_opens_before_store_answers(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key may be typed while the first connection is made; it is gone to as soon as there is one."""
    async with connecting(place, monkeypatch) as (page, answered):
        burst(page.app, "colon", "ctrl+u", *"flags/b")
        await page.shows(": flags/b")
        assert not prompt(page, "#filter").is_open
        burst(page.app, "enter")
        await page.until(lambda: not prompt(page, "#go").is_open, "the prompt is closed")
        answered.set()
        await page.shows("off", "rev")
        assert page.session.selected == "flags/b"


async def test_go_completes_once_store_answers(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connecting(place, monkeypatch) as (page, answered):
        burst(page.app, "colon", *"conf", "tab")
        await page.shows(": conf")
        answered.set()
        await page.shows(": config/")


async def test_go_without_store_says_why(place: Place) -> None:
    """A key typed while there is no connection runs nothing; enter says why it is not gone to."""
    place.refusal = NotReachable("the wire is cut")
    async with browsing(place.connect, Codecs()) as page:
        await page.press("colon")
        await page.type("wq")
        await page.shows(": wq")
        await page.pilot.press("enter")
        await page.shows("▌ the wire is cut")
        assert page.app.is_running
        assert not page.session.writable


@pytest.mark.parametrize("pane", ["1", "2", "3", "4"])
@pytest.mark.parametrize("name", SIGNS)
async def test_prompt_opens_from_every_pane(place: Place, pane: str, name: str) -> None:
    async with browsing(place.connect, Codecs()) as page:
        burst(page.app, pane, SIGNS[name], "ctrl+u", *"wq")
        await page.until(lambda: typed_into(page, name) == "wq", "the text is in the prompt")
        assert not page.session.writable


@pytest.mark.parametrize("name", SIGNS)
async def test_prompt_reopened_at_once_keeps_focus(place: Place, name: str) -> None:
    """The message that it was hidden may arrive after it was opened again."""
    async with browsing(place.connect, Codecs()) as page:
        await page.press(SIGNS[name], "escape", SIGNS[name])
        field = prompt(page, name).query_one(Input)
        field.post_message(Hide())
        await page.press("ctrl+u")
        await page.type("wq")
        assert typed_into(page, name) == "wq"
        assert field.has_focus
        assert not page.session.writable


@pytest.mark.parametrize("name", SIGNS)
async def test_prompt_survives_lost_terminal_focus(place: Place, name: str) -> None:
    """The focus of another widget, handled while the terminal has no focus, does not close the prompt."""
    async with browsing(place.connect, Codecs()) as page:
        await page.press(SIGNS[name], "ctrl+u")
        page.app.post_message(AppBlur())
        await page.until(lambda: page.app.screen.focused is None, "nothing has the focus")
        tree = page.app.screen.query_one(KeyTree)
        tree.post_message(DescendantFocus(tree))
        await page.settle()
        burst(page.app, *"wq")
        await page.until(lambda: typed_into(page, name) == "wq", "the text is in the prompt")
        assert prompt(page, name).is_open
        assert not page.session.writable


async def test_key_that_reaches_a_closed_prompt_is_not_lost(place: Place) -> None:
    """Textual has given the key to the input already when the prompt is closed by the one before it."""
    async with browsing(place.connect, Codecs()) as page:
        await page.press("/", "a", "enter")
        await page.shows("/a  esc clears it")
        page.app.screen.query_one("#filter PromptInput").post_message(Key("escape", None))
        await page.hides("esc clears it")
