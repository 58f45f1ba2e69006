"""Where notices stand, and what the small questions say about their keys."""

import pytest
from textual.widgets._toast import Toast

from explorer.codecs.codecs import Codecs
from explorer.tui.app import MIN_NOTICE_TIME
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, Page, browsing

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])
KEY = "config/a folder with a name/that is long enough/to be cut where a list has only one line for it"


@pytest.fixture
async def place() -> Place:
    place = Place()
    async with place.other() as store:
        await store.put("app", "".join(f"line {number}\n" for number in range(60)).encode())
        await store.put(KEY, b"x")
    return place


async def noticed(page: Page, text: str) -> list[str]:
    """Show a notice and return the lines above it that are still to be seen."""
    page.app.notify(text)
    await page.shows(text)
    regions = [toast.region for toast in page.app.screen.query(Toast)]
    assert [region.height for region in regions] == [1]
    assert regions[0].bottom == page.app.size.height
    return page.lines()[:-1]


@SIZES
async def test_notice_covers_only_last_line(place: Place, size: tuple[int, int]) -> None:
    """Neither a row of the tree, nor the editor's own line, nor the question and the buttons of a review."""
    async with browsing(place.connect, Codecs(), size=size, writable=True) as page:
        before = page.lines()[:-1]
        assert await noticed(page, "a notice in the tree") == before
        await page.press("e", "x")
        await page.shows("modified; ctrl+s reviews the change")
        before = page.lines()[:-1]
        assert await noticed(page, "a notice in the editor") == before
        await page.press("ctrl+a", "x", "ctrl+s")
        await page.shows("Save app?", "Back (esc)", "Save (ctrl+s)")
        before = page.lines()[:-1]
        assert await noticed(page, "a notice in the review") == before


@pytest.mark.heavy
@SIZES
async def test_copy_command_is_shown_whole(place: Place, size: tuple[int, int]) -> None:
    """It is read before it is pasted into a shell."""
    async with browsing(place.connect, Codecs(), size=size) as page:
        await page.press(":")
        await page.press("ctrl+u")
        await page.type(KEY)
        await page.press("enter", "y")
        await page.shows("Copy", "Command")
        shown = "".join(line.partition("│")[2].partition("│")[0].strip() for line in page.lines() if "│" in line)
        assert f"keyscope get memory: '{KEY}'".replace(" ", "") in shown.replace(" ", "")


async def test_dialog_question_mark_explains_keys(place: Place) -> None:
    """In a list that is chosen from by number, and where y and n answer; neither is answered by it."""
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("y", "question_mark")
        await page.shows("a number selects its option", "Key and value")
        await page.press("escape", "d", "question_mark")
        await page.shows("y: Delete; n, esc: Cancel", "Delete this key?")


@SIZES
async def test_click_on_tab_name_shows_tab(place: Place, size: tuple[int, int]) -> None:
    """The names in the title of the value pane react like the keys that turn the tabs."""
    async with browsing(place.connect, Codecs(), size=size) as page:
        for tab, words in (("metadata", "revision: "), ("history", "rev "), ("value", "line 1")):
            title = next(line for line in page.lines() if "2 Value" in line)
            x = title.index(tab, title.index("2 Value")) + 2
            await page.pilot.click(offset=(x, 1))
            await page.shows(f"[{tab}]", words)


async def test_read_warning_is_replaced_by_next(place: Place) -> None:
    """Those that come together are all shown; a later one does not pile up on them."""
    async with browsing(place.connect, Codecs()) as page:
        page.app.notify("the first", severity="warning")
        page.app.notify("the second", severity="warning")
        await page.shows("the first", "the second")
        for notice in page.app._notifications:  # noqa: SLF001 - Textual has no other way to their age
            notice.raised_at -= MIN_NOTICE_TIME
        page.app.notify("the third", severity="warning")
        await page.shows("the third")
        assert "the first" not in page.text()
        assert "the second" not in page.text()
