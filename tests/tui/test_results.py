"""Lists of results in the app: found keys fill a list, enter goes to them, and the list stays."""

from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, browsing
from tests.tui.browse_helpers import filled


@pytest.fixture
async def place() -> Place:
    place = Place()
    await filled(place)
    return place


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_find_lists_and_goes_to_keys(place: Place, size: tuple[int, int]) -> None:
    """Enter goes to a key that was not loaded; the list is still there, and . and , go from one to the next."""
    async with browsing(place.connect, Codecs(), size=size) as page:
        await page.press("F")
        await page.type("a")
        await page.press("enter")
        await page.shows("Find keys with a, everywhere", "4 matches; looked at all 6 keys at", "config/app/below")
        await page.press("j", "j", "enter")
        await page.shows("flags/a", "1 Keys")
        assert page.session.selected == "flags/a"
        await page.press(".")
        await page.shows("4 of 4, as of ")
        assert page.session.selected == "flags/b"
        await page.press(",", ",")
        assert page.session.selected == "config/app/below"
        await page.press("H")
        await page.shows("4 matches; looked at all 6 keys at")
        await page.press("escape")
        await page.shows("1 Keys")


async def test_find_in_values_below_the_folder(place: Place) -> None:
    """Tab goes to the field for values, ctrl+t limits the search to the folder under the cursor."""
    async with browsing(place.connect, Codecs()) as page:
        await page.press("F", "tab")
        await page.type("o")
        await page.press("ctrl+t")
        await page.shows("below config/")
        await page.press("enter")
        await page.shows("0 matches; looked at all 3 keys")
        await page.press("F", "ctrl+t", "enter")
        await page.shows("flags/a  on", "top  a value at the top")
        await page.press("F", "ctrl+r")
        await page.type("(")
        await page.press("enter")
        await page.shows("no regular expression", "Values: a part of the text")
        await page.press("escape")
        await page.shows("flags/a  on")


async def test_stepping_before_any_search_says_how(place: Place) -> None:
    async with browsing(place.connect, Codecs()) as page:
        await page.press(".")
        await page.shows("nothing was searched for yet: F finds")


async def test_list_is_written_to_a_new_file(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that exists is not replaced."""
    monkeypatch.chdir(tmp_path)
    async with browsing(place.connect, Codecs()) as page:
        await page.press("F")
        await page.type("flags")
        await page.press("enter", "s")
        await page.shows("Write the list to which file?", "find.jsonl")
        await page.press("enter")
        await page.shows("written to find.jsonl")
        await page.press("s", "enter")
        await page.shows("File exists")
        await page.press("escape")
    file = tmp_path / "find.jsonl"
    assert file.read_text() == (
        '{"key": "flags/a", "where": "key", "match": "flags/a"}\n'
        '{"key": "flags/b", "where": "key", "match": "flags/b"}\n'
    )
    assert file.stat().st_mode & 0o777 == 0o600
