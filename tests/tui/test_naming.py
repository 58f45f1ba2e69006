"""The name of a new key: by the escapes that the app shows and copies, or as it is written."""

import pytest
from textual.widgets import Input

from explorer.codecs.codecs import Codecs
from explorer.model.key_text import escape_key
from explorer.model.sanitize import sanitize
from tests.session.fixtures import Place
from tests.tui.app_harness import browsing


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (r"odd/bin-\xff\xfe\x00-key", "odd/bin-\udcff\udcfe\x00-key", "read with escapes, 15 bytes"),
        (r"odd/C:\\new", "odd/C:\\new", "read with escapes, 10 bytes"),
        (r"odd/C:\dir", "odd/C:\\dir", "not an escape: the backslash is part of the name"),
    ],
)
async def test_new_key_name_reads_escapes(text: str, key: str, said: str) -> None:
    """The key is the one that the text stands for, and the dialog says how backslashes are read."""
    place = Place()
    async with place.other() as store:
        await store.put("app", b"selected at the start")
    async with place.other() as store, browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("n")
        page.app.screen.query_one(Input).value = text
        await page.shows("New key", said)
        await page.press("enter")
        await page.shows("new key", sanitize(key))
        await page.type("hello")
        await page.press("ctrl+s", "ctrl+s")
        await page.until(lambda: page.session.selected == key, "the new key selected")
        assert (await store.get(key)).value == b"hello"


async def test_new_key_name_starts_with_escaped_folder() -> None:
    """The folder that is selected is offered as the text that stands for it."""
    place = Place()
    async with place.other() as store:
        await store.put("bin\udcff\\/a", b"x")
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("n")
        assert page.app.screen.query_one(Input).value == escape_key("bin\udcff\\/")
