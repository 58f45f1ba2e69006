"""The editor left while a save has no outcome: the save goes on, and the tree says what came of it."""

import asyncio
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.model.errors import NotReachable
from tests.session.failing_store import FailingPlace
from tests.tui.app_harness import browsing
from tests.tui.test_edit_screen import APP, SIZES, files, replace_line, stored


class TestLeavingASave:
    """The editor can be left while a save has no outcome; what comes of it is said in the tree."""

    @SIZES
    @pytest.mark.parametrize("failure", [None, NotReachable("connection refused")])
    async def test_left_save_outcome_is_shown_in_tree(
        self, tmp_path: Path, size: tuple[int, int], failure: Exception | None
    ) -> None:
        """The save goes on; the draft goes once it is saved, and stays when it is refused."""
        place = FailingPlace()
        async with place.other() as store:
            await store.put("app", APP)
        async with browsing(place.connect, Codecs(), size=size, writable=True, drafts=tmp_path) as page:
            hold = place.main.hold = asyncio.Event()
            place.main.failure = failure
            await page.press("e")
            await replace_line(page, 1, '  "threads": 16,')
            await page.press("ctrl+s")
            await page.shows("Save app?")
            await page.pilot.press("ctrl+s")
            await page.shows("saving … ", "esc leaves, and the save goes on")
            await page.pilot.press("escape")
            await page.shows("1 Keys", "app is still being saved; its draft is kept")
            await page.pilot.press("e")
            await page.shows("the key is still being saved")
            hold.set()
            if failure is None:
                await page.shows("saved app (rev")
                await page.until(lambda: not files(tmp_path), "the draft is gone")
                assert await stored(place, "app") == APP.replace(b"8", b"16")
            else:
                await page.shows("app was not saved: connection refused. Its draft is kept.")
                await page.press("e")
                await page.shows("Continue the draft")
                assert await stored(place, "app") == APP

    async def test_letters_while_saving_perform_no_action(self, tmp_path: Path) -> None:
        """The app ended at the q of what was typed on while the store did not answer."""
        place = FailingPlace()
        async with place.other() as store:
            await store.put("app", APP)
        async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
            hold = place.main.hold = asyncio.Event()
            await page.press("e")
            await replace_line(page, 1, '  "threads": 16,')
            await page.press("ctrl+s")
            await page.shows("Save app?")
            await page.pilot.press("ctrl+s")
            await page.shows("saving … ")
            await page.pilot.press(*"sequ?")
            await page.shows("not typed: saving … ")
            await page.pilot.press("ctrl+c")
            await page.shows("ctrl+q quits")
            hold.set()
            await page.shows("saved app (rev")
            await page.shows("1 Keys")

    async def test_save_without_draft_is_not_left(self) -> None:
        """Where no draft can be kept the text would be lost with a save that fails."""
        place = FailingPlace()
        async with place.other() as store:
            await store.put("app", APP)
        async with browsing(place.connect, Codecs(), writable=True) as page:
            hold = place.main.hold = asyncio.Event()
            await page.press("e")
            await replace_line(page, 1, '  "threads": 16,')
            await page.press("ctrl+s")
            await page.shows("Save app?")
            await page.pilot.press("ctrl+s")
            await page.shows("saving … ")
            await page.pilot.press("escape")
            await page.shows("not left: the save goes on, and no draft can be kept", "saving … ")
            hold.set()
            await page.shows("saved app (rev")
            await page.shows("1 Keys")
