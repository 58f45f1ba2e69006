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


async def test_deletions_are_staged_and_unstaged(place: Place, tmp_path: Path) -> None:
    """The rows show them, `u` takes them out, and `S` shows them in the plan of all staged changes."""
    drafts, plans = tmp_path / "drafts", tmp_path / "plans"
    async with browsing(place.connect, Codecs(), writable=True, drafts=drafts, plans=plans) as page:
        await page.press("j", "l", "v", "j", "x")
        await page.shows("✖", "✚ 2 staged", "2 deletions staged")
        await page.press("u")
        await page.shows("✚ 1 staged", "1 change unstaged")
        await page.press("S")
        await page.shows("Plan: save 1 staged change", "1 to delete", "- flags/a")
        await page.press("ctrl+s", "y")
        await page.shows("all 1 change done")
        assert "flags/a" not in {entry.key for entry in await everything(place)}


async def test_marked_rows_are_exported(place: Place, tmp_path: Path) -> None:
    """A file that exists is asked about; it is replaced only by a yes."""
    file = tmp_path / "x.jsonl"
    async with browsing(place.connect, Codecs()) as page:
        await page.press("j", "v", "W")
        await page.shows("Export flags to which file?", "flags.jsonl")
        await page.press("ctrl+u")
        await page.type(f"{tmp_path}/x.txt")
        await page.press("enter")
        await page.shows("ends with none of")
        await page.press("ctrl+u")
        await page.type(str(file))
        await page.press("enter")
        await page.shows("2 keys written")
        assert len(file.read_text().splitlines()) == 2
        await page.press("G", "W", "ctrl+u")
        await page.type(str(file))
        await page.press("enter")
        await page.shows("Replace", "The file exists already.")
        await page.press("n")
        await page.shows("Export top to which file?")
        await page.press("enter", "y")
        await page.shows("1 key written")
        assert len(file.read_text().splitlines()) == 1


async def test_key_is_duplicated_beside_itself(place: Place, tmp_path: Path) -> None:
    async with browsing(place.connect, Codecs(), writable=True, plans=tmp_path) as page:
        await page.press("G", "c")
        await page.shows("Duplicate top as", "top-copy")
        await page.press("enter")
        await page.shows("Plan: copy top to top-copy", "+ top-copy")
