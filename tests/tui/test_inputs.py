"""Keys that come in one go are taken in the order in which they were pressed, and by what the one before opened."""

import pytest
from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import Input, TextArea

from explorer.codecs.codecs import Codecs
from explorer.tui.widgets.inputs import OrderedInput
from explorer.tui.widgets.ordered_text_area import OrderedTextArea
from tests.session.fixtures import Place, wait_for_value
from tests.tui.app_harness import Page, browsing


class Form(App[None]):
    def compose(self) -> ComposeResult:
        yield OrderedTextArea("one\ntwo\n")
        yield OrderedInput("one")


def burst(app: App[None], *keys: str) -> None:
    """Send keys as a terminal does that hands over many at once: nothing is waited for."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize("kind", [OrderedTextArea, OrderedInput])
async def test_input_character_does_not_overtake_key(kind: type[TextArea | Input]) -> None:
    app = Form()
    async with app.run_test() as pilot:
        field = app.query_one(kind)
        field.focus()
        await wait_for_value(lambda: field.has_focus, wanted=True)
        await pilot.pause()
        burst(app, "end", "a", "b", "backspace", "c", "home", "x")
        await wait_for_value(lambda: "x" in _text(field), wanted=True)
        assert _text(field).startswith("xoneac")


async def test_text_area_ctrl_home_and_end_move() -> None:
    app = Form()
    async with app.run_test() as pilot:
        field = app.query_one(OrderedTextArea)
        field.focus()
        await wait_for_value(lambda: field.has_focus, wanted=True)
        await pilot.pause()
        burst(app, "ctrl+end", "z", "ctrl+home", "y")
        await wait_for_value(lambda: field.text, "yone\ntwo\nz")


def _text(field: TextArea | Input) -> str:
    return field.text if isinstance(field, TextArea) else field.value


async def typed(page: Page, *keys: str) -> None:
    burst(page.app, *keys)
    await page.settle()


async def test_keys_after_an_action_go_to_its_screen() -> None:
    place = Place()
    async with place.other() as store:
        await store.put("nodes", b"the nodes")
        await store.put("other", b"the other")
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await typed(page, "colon", *"other", "enter")
        await page.shows("the other")
        assert page.session.selected == "other"
        await typed(page, "slash", *"nod", "enter")
        await page.shows("1 of 2 loaded")


async def test_action_uses_row_of_earlier_keys() -> None:
    place = Place()
    async with place.other() as store:
        await store.put("a", b"1")
        await store.put("b", b"2")
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await typed(page, "down", "d")
        await page.shows("Delete this key?", "2")
        assert page.session.selected == "b"
