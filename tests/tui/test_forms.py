"""The forms in which a value is shown and edited, and what differs inside a line."""

from pathlib import Path

import pytest

from explorer.codecs.documents import Codecs
from tests.session.ground import Place
from tests.tui.page import NARROW, WIDE, browsing

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])
LINE = b'{"on":false,"rps":20,"hosts":["a","b"]}'


@pytest.fixture
async def place() -> Place:
    """A store with JSON in one line."""
    place = Place()
    async with place.other() as store:
        await store.put("app", LINE)
    return place


async def stored(place: Place, key: str = "app") -> bytes | None:
    """Return what is stored."""
    async with place.other() as store:
        return (await store.get(key)).value


@SIZES
async def test_one_line_json_is_read_and_edited_indented(place: Place, size: tuple[int, int]) -> None:
    """The pane says which form it is, the form key switches it, and an edit changes one value of the stored line."""
    async with browsing(place.connect, Codecs(), size=size, writable=True) as page:
        await page.shows("json, indented: valid JSON", '  "on": false,', '    "a",')
        await page.press("i")
        await page.shows("json, as stored", '{"on":false,"rps":20')
        await page.press("i")
        await page.shows('  "on": false,')
        await page.press("e")
        await page.shows("json, indented)", '  "rps": 20,')
        await page.press("ctrl+home", "down", "down", "end", "left", "backspace", "5", "ctrl+s")
        await page.shows('-  "rps": 20,', '+  "rps": 25,', "^^", "the layout that is stored is kept")
        await page.press("ctrl+s")
        await page.shows("saved app")
    assert await stored(place) == LINE.replace(b"20", b"25")


async def test_editor_switches_the_form_and_keeps_what_was_typed(place: Place) -> None:
    """In the editor the form key goes on with the same edit as stored, and back."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("e", "ctrl+home", "down", "down", "end", "left", "7", "ctrl+t")
        await page.shows("json, as stored)", '"rps":207,')
        await page.press("ctrl+s")
        await page.shows('-  "rps": 20,', '+  "rps": 207,')
        await page.press("escape", "ctrl+t")
        await page.shows("json, indented)", '  "rps": 207,')
        await page.press("ctrl+s", "ctrl+s")
        await page.shows("saved app")
    assert await stored(place) == LINE.replace(b"20", b"207")


async def test_editor_says_when_there_is_no_other_form(place: Place) -> None:
    """Text has one form; a text that is not valid has none but its own."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("e", "ctrl+end", "x", "ctrl+t")
        await page.shows("not valid JSON")
        await page.press("escape", "down", "down", "enter")
        await page.shows("1 Keys")


async def test_draft_of_an_indented_value_is_gone_on_with(place: Place, tmp_path: Path) -> None:
    """A draft typed in one form is opened in the same form."""
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
        await page.press("i", "e")
        await page.shows("json, as stored)")
        await page.press("end", "x", "escape", "down", "enter")
        await page.press("e", "enter")
        await page.shows("json, as stored)", "]}x")


async def test_review_shows_white_space_that_changed(place: Place) -> None:
    """A trailing space is a dot, a tab an arrow, each with carets below; no colour is needed to see them."""
    async with place.other() as store:
        await store.put("app", b"one two\nthree\n")
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.shows("text: ")
        await page.press("e")
        await page.shows("nothing changed yet")
        await page.press("ctrl+home", "end", "space", "down", "down", "backspace")
        await page.press("ctrl+s")
        await page.shows("-one two", "+one two·", "        ^", "no line feed at the end")
