"""Widgets that are hidden at first: they are laid out and drawn once they are displayed."""

import pytest
from textual.screen import Screen

from explorer.codecs.codecs import Codecs
from tests.session.fixtures import Place
from tests.tui.app_harness import browsing
from tests.tui.browse_helpers import filled


async def test_value_is_drawn_after_folder_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value is drawn, although Textual has arranged the widgets anew between its display and its layout.

    It does so for an Update message of any widget after a hidden one was refreshed.
    """
    original = Screen._on_timer_update  # noqa: SLF001 - where Textual lays out

    def arrange_before(screen: Screen[object]) -> None:
        screen._compositor._full_map_invalidated = True  # noqa: SLF001 - by the refresh of a hidden widget
        assert screen._compositor.full_map is not None  # noqa: SLF001 - as an Update message reads it
        original(screen)

    place = Place()
    await filled(place)
    async with browsing(place.connect, Codecs()) as page:
        await page.press("j")
        await page.shows("a folder without a value of its own")
        monkeypatch.setattr(Screen, "_on_timer_update", arrange_before)
        await page.press("G")
        await page.shows("a value at the top")
