"""Rows are marked with the keyboard; the marks are signs that need no colour, and the status line counts them."""

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
async def test_space_marks_rows_in_marking_mode(place: Place, size: tuple[int, int]) -> None:
    """Outside of it space opens folders, as ever. Escape leaves the mode, and the marks stay."""
    async with browsing(place.connect, Codecs(), size=size) as page:
        await page.press("v")
        await page.shows("▸✓config/", "✓ 1 marked", "space Mark", "V Range")
        await page.press("space")
        await page.shows("▸✓flags/", "✓ 2 marked")
        await page.press("k", "space")
        await page.shows("▸ flags/", "✓ 1 marked")
        await page.press("escape")
        await page.hides("space Mark")
        await page.press("g", "space")
        await page.shows("▾✓config/", "├╴▸•app/", "✓ 1 marked")
        await page.press("U")
        await page.hides("marked")
        assert "▾ config/" in page.text()


async def test_range_follows_the_cursor_and_outlasts_a_filter(place: Place) -> None:
    async with browsing(place.connect, Codecs()) as page:
        await page.press("j", "l", "l", "V", "j", "j")
        await page.shows("├╴✓ a", "└╴✓ b", "✓ top", "✓ 3 marked")
        await page.press("k")
        await page.shows("✓ 2 marked")
        await page.press("escape", "escape", "slash")
        await page.type("top")
        await page.press("enter")
        await page.hides("flags")
        assert list(page.session.marked) == ["flags/a", "flags/b"]
        await page.press("escape")
        await page.shows("├╴✓ a", "└╴✓ b", "  top")


async def test_marked_key_that_is_deleted_says_so(place: Place) -> None:
    async with browsing(place.connect, Codecs()) as page, place.other() as other:
        await page.press("G", "v")
        await page.shows("✓ top", "✓ 1 marked")
        await other.delete("top")
        await page.shows("✓ top", "✓ 1 marked, 1 deleted")


async def test_click_with_ctrl_marks_a_row(place: Place) -> None:
    async with browsing(place.connect, Codecs()) as page:
        await page.pilot.click("KeyTree", offset=(4, 1), control=True)
        await page.shows("▸✓flags/", "✓ 1 marked")
