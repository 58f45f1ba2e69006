"""Rows are marked with the keyboard; the marks are signs that need no colour, and the status line counts them."""

from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.model.entries import Entry
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


async def test_marked_rows_are_deleted_by_a_reviewed_plan(place: Place, tmp_path: Path) -> None:
    """Several keys ask for their number; what is done unmarks them."""
    async with browsing(place.connect, Codecs(), writable=True, plans=tmp_path) as page:
        await page.press("j", "v", "v", "d")
        await page.shows("Plan: delete 2 keys", "3 to delete", "- flags/b", "- flags/a", "- top")
        await page.press("ctrl+s", "y")
        await page.shows("Type 3 to delete 3 keys")
        await page.press("2", "enter")
        await page.hides("Type 3")
        assert "top" in {entry.key for entry in await everything(place)}
        await page.press("ctrl+s", "y", "3", "enter")
        await page.shows("all 3 changes done")
        assert {entry.key.partition("/")[0] for entry in await everything(place)} == {"config"}
        await page.press("escape")
        await page.hides("marked")


async def everything(place: Place) -> list[Entry]:
    async with place.other() as store:
        return [entry async for entry in store.walk("")]


async def test_reviewed_edits_are_staged_and_saved_together(place: Place, tmp_path: Path) -> None:
    async with browsing(place.connect, Codecs(), writable=True, plans=tmp_path, drafts=tmp_path / "drafts") as page:
        await page.press("S")
        await page.shows("no change is staged")
        for keys in (["G"], ["k", "l", "j"]):
            await page.press(*keys, "e", "ctrl+end", "x", "ctrl+s")
            await page.shows("Stage (a)", "+")
            await page.press("a")
            await page.shows("S shows what saving")
        await page.shows("✚ 2 staged")
        assert sum("✚▕" in line for line in page.lines()) == 2
        await page.press("S")
        await page.shows("Plan: save 2 staged changes", "2 to update", "~ flags/a", "~ top")
        await page.press("ctrl+s", "y")
        await page.shows("all 2 changes done")
        await page.press("escape")
        await page.hides("✚")
        values = {entry.key: entry.value for entry in await everything(place)}
        assert (values["top"], values["flags/a"]) == (b"a value at the topx", b"onx")
