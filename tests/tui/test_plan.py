"""Plans in the app: copied, moved and saved together, each shown before it is applied and taken back after."""

from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, Page, browsing
from tests.tui.test_constraints import codecs


async def filled() -> Place:
    place = Place()
    async with place.other() as store:
        for key in ("app/a", "app/b"):
            await store.put(key, f"value of {key}".encode())
    return place


async def values(place: Place) -> dict[str, bytes | None]:
    async with place.other() as store:
        return {entry.key: entry.value async for entry in store.walk("")}


async def plan_copy(page: Page, key: str, target: str) -> None:
    """Ask for a copy, or with `M` for a move, of the first key."""
    await page.press(key)
    await page.shows("a URL or @PROFILE")
    await page.press("ctrl+u", *target, "enter")


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])
async def test_folder_is_moved_after_a_question_and_back(tmp_path: Path, size: tuple[int, int]) -> None:
    """Nothing is changed before `y`, and `u` plans the way back."""
    place = await filled()
    before = await values(place)
    async with browsing(place.connect, Codecs(), size=size, writable=True, plans=tmp_path) as page:
        await plan_copy(page, "M", "new")
        await page.shows("Plan: move app to new", "2 to create, 2 to delete", "+ new/a", "- app/b", "+value of app/a")
        await page.press("down", "down")
        await page.shows("-value of app/b")
        await page.press("ctrl+s")
        await page.shows("Apply 4 changes?", "2 to create, 2 to delete")
        await page.press("n")
        assert await values(place) == before
        await page.press("ctrl+s", "y")
        await page.shows("all 4 changes done at", "u takes them back")
        assert await values(place) == {"new/a": b"value of app/a", "new/b": b"value of app/b"}
        await page.press("u")
        await page.shows("Plan: undo: move app to new")
        await page.press("ctrl+s", "y")
        await page.shows("all 4 changes done at")
        assert await values(place) == before


async def test_plan_leads_to_its_keys_and_is_shown_again(tmp_path: Path) -> None:
    place = await filled()
    async with browsing(place.connect, Codecs(), writable=True, plans=tmp_path) as page:
        await page.press("P")
        await page.shows("there is no plan yet")
        await plan_copy(page, "C", "new")
        await page.shows("2 to create")
        await page.press("ctrl+s", "y")
        await page.shows("all 2 changes done")
        await page.press("enter")
        await page.shows("new/a")
        assert page.session.selected == "new/a"
        await page.press("P")
        await page.shows("all 2 changes done")


async def test_plan_is_written_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `keyscope apply` reads it."""
    monkeypatch.chdir(tmp_path)
    async with browsing((await filled()).connect, Codecs(), writable=True) as page:
        await plan_copy(page, "C", "new")
        await page.shows("2 to create")
        await page.press("s")
        await page.shows("Write the plan to which file?")
        await page.press("enter")
        await page.shows("written to plan.json")
        assert '"title": "copy app to new"' in (tmp_path / "plan.json").read_text()
        await page.press("ctrl+s")
        await page.shows("Apply: no applied plan can be kept here")


async def test_plan_that_breaks_a_rule_is_overridden_by_name(tmp_path: Path) -> None:
    place = Place()
    async with place.other() as store:
        await store.put("big", b"threads: 80\nname: x\n")
    async with browsing(place.connect, codecs(tmp_path), writable=True, plans=tmp_path / "plans") as page:
        await plan_copy(page, "C", "app")
        await page.shows(
            "✗ 1 broken rule, such as app: threads: threads: 80 is greater", "+ app  ✗ threads: threads: 80"
        )
        await page.press("ctrl+s")
        await page.shows("breaks threads", "Override threads")
        await page.press("2", "y")
        await page.shows("all 1 change done")
    assert (await values(place))["app"] == b"threads: 80\nname: x\n"


async def test_locked_app_shows_the_plan_and_applies_none(tmp_path: Path) -> None:
    async with browsing((await filled()).connect, Codecs(), plans=tmp_path) as page:
        await plan_copy(page, "C", "new")
        await page.shows("2 to create")
        await page.press("ctrl+s")
        await page.shows("Apply: read-only: w unlocks writing")
