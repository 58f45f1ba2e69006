"""Borders between the panes are moved by keys, and the panes beside the value hidden."""

import pytest

from explorer.codecs.codecs import Codecs
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, Page, browsing

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])


@pytest.fixture
async def place() -> Place:
    place = Place()
    async with place.other() as store:
        await store.put("app", b"text")
    return place


def width(page: Page, name: str) -> int:
    return page.app.screen.query_one(f"#{name}").outer_size.width


@pytest.mark.heavy
@SIZES
async def test_wider_moves_tree_border(place: Place, size: tuple[int, int]) -> None:
    """It stays where it is through a zoom, in which the pane has the whole screen, and never hides a pane."""
    async with browsing(place.connect, Codecs(), size=size) as page:
        before = width(page, "left")
        await page.press("greater_than_sign", "greater_than_sign")
        assert width(page, "left") == before + 8
        assert width(page, "left") + width(page, "right") == size[0]
        await page.press("plus")
        assert width(page, "left") == size[0]
        await page.press("greater_than_sign")
        await page.shows("only one pane is shown")
        await page.press("plus", *["less_than_sign"] * 20)
        assert width(page, "left") == 16
        await page.press(*["greater_than_sign"] * 45)
        assert width(page, "right") == 16


async def test_wider_value_narrows_tree(place: Place) -> None:
    """At 80 columns the two share one border."""
    async with browsing(place.connect, Codecs()) as page:
        before = width(page, "right")
        await page.press("2", "greater_than_sign")
        assert width(page, "right") == before + 4


async def test_wider_value_narrows_side_panes(place: Place) -> None:
    """The value and the panes beside it share one border; the tree keeps its width."""
    async with browsing(place.connect, Codecs(), size=WIDE) as page:
        tree, value, locks = (width(page, name) for name in ("left", "value", "locks"))
        await page.press("2", "greater_than_sign")
        assert (width(page, "value"), width(page, "locks")) == (value + 4, locks - 4)
        await page.press("3", "greater_than_sign")
        assert (width(page, "value"), width(page, "locks"), width(page, "left")) == (value, locks, tree)


async def test_side_panes_toggle(place: Place) -> None:
    """The value has their room; a hidden pane is still gone to by its key, in the place of the value."""
    async with browsing(place.connect, Codecs(), size=WIDE) as page:
        await page.shows("2 Value", "3 Locks", "4 Changes")
        await page.press("s")
        assert width(page, "value") == width(page, "right")
        assert "3 Locks" not in page.text()
        assert "4 Changes" not in page.text()
        await page.press("3")
        await page.shows("3 Locks")
        assert "2 Value" not in page.text()
        await page.press("s")
        await page.shows("2 Value", "3 Locks", "4 Changes")


async def test_side_panes_on_narrow_screen_are_refused(place: Place) -> None:
    """At 80 columns there is nothing to hide."""
    async with browsing(place.connect, Codecs()) as page:
        await page.press("s")
        await page.shows("the screen is too narrow for side panes", "2 Value")
