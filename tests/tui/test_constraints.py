"""Constraints in the app: shown while typing, and a broken one is overridden by name."""

from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.codecs.settings import read
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, browsing

RULES = """\
version = 1
[[constraint]]
name = "threads"
key = "app"
path = "threads"
maximum = 8
"""


def codecs(folder: Path) -> Codecs:
    file = folder / "codecs.toml"
    file.write_text(RULES)
    return Codecs(constraints=read(file).constraints)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])
async def test_broken_constraint_is_overridden_by_name(tmp_path: Path, size: tuple[int, int]) -> None:
    """The save key alone does not save it, nor does enter; the option that names it does."""
    place = Place()
    async with place.other() as store:
        await store.put("app", b"threads: 8\nname: x\n")
    async with browsing(place.connect, codecs(tmp_path), size=size, writable=True) as page:
        await page.press("e", "ctrl+home", "end", "0")
        await page.shows("✗ threads: threads: 80 is greater than 8", "modified; ctrl+s reviews the change")
        await page.press("ctrl+s")
        await page.shows("Save app?", "✗ threads: threads: 80 is greater than 8", "Override (ctrl+s)")
        await page.press("ctrl+s")
        await page.shows("This value breaks threads: nothing was saved", "Override threads, and save")
        await page.press("enter")  # back to the review
        await page.shows("Save app?", "-threads: 8", "+threads: 80")
        await page.press("ctrl+s", "2")
        await page.shows("saved app")
    async with place.other() as store:
        assert (await store.get("app")).value == b"threads: 80\nname: x\n"


async def test_stored_value_that_breaks_one_is_noted(tmp_path: Path) -> None:
    place = Place()
    async with place.other() as store:
        await store.put("app", b"threads: 80\nname: x\n")
    async with browsing(place.connect, codecs(tmp_path)) as page:
        await page.shows("▪ breaks the rule threads: threads: 80 is", "greater than 8")
        async with place.other() as store:
            await store.put("app", b"threads: 8\nname: x\n")
        await page.hides("breaks the rule")


async def test_value_that_keeps_constraints_is_saved_as_ever(tmp_path: Path) -> None:
    place = Place()
    async with place.other() as store:
        await store.put("app", b"threads: 80\nname: x\n")
    async with browsing(place.connect, codecs(tmp_path), writable=True) as page:
        await page.press("e")
        await page.shows("✗ threads: threads: 80 is greater than 8", "not modified")
        await page.press("ctrl+home", "end", "backspace", "ctrl+s")
        await page.shows("Save app?", "Save (ctrl+s)")
        await page.press("ctrl+s")
        await page.shows("saved app")
