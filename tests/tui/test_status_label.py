"""Lines that are said again and again: the room is that of the text, and nothing is done for what is the same."""

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Static

from explorer.tui.panes.pane import StatusLabel
from tests.session.fixtures import wait_for_value


class Speaker(App[None]):
    """Words above something else."""

    def compose(self) -> ComposeResult:
        """Show both."""
        yield StatusLabel()
        yield Static("below")

    def on_mount(self) -> None:
        """Count how often the screen is laid out."""
        self.laid_out = 0
        self.screen.screen_layout_refresh_signal.subscribe(self, self._count, immediate=True)

    def _count(self, _: object) -> None:
        self.laid_out += 1


@pytest.mark.parametrize("before", ["a", "a\nb\nc", "y" * 30])
async def test_status_label_height_follows_text(before: str) -> None:
    """Each text follows the same one, which may be shorter or longer."""
    heights = {"one": 1, "one\ntwo": 2, "x" * 45: 3, "漢" * 15: 2, "one\n" + "x" * 25: 3, "": 1}
    app = Speaker()
    async with app.run_test(size=(20, 10)) as pilot:
        words = app.query_one(StatusLabel)
        for text, height in heights.items():
            words.set_content(Content(before))
            await pilot.pause()
            words.set_content(Content(text))
            await pilot.pause()
            await wait_for_value(lambda: words.size.height, height)


async def test_status_label_same_height_needs_no_layout() -> None:
    app = Speaker()
    async with app.run_test(size=(20, 10)) as pilot:
        words = app.query_one(StatusLabel)
        words.set_content(Content("one\ntwo"))
        await wait_for_value(lambda: words.size.height, 2)
        await pilot.pause()
        laid_out = app.laid_out
        words.set_content(Content("three\nfour"))
        await wait_for_value(
            lambda: [line.text.strip() for line in words.render_lines(words.region)], ["three", "four"]
        )
        await pilot.pause()
        assert app.laid_out == laid_out


async def test_status_label_other_style_is_drawn() -> None:
    app = Speaker()
    async with app.run_test(size=(20, 10)) as pilot:
        words = app.query_one(StatusLabel)
        words.set_content(Content("one"))
        await pilot.pause()
        words.set_content(Content.styled("one", "bold"))
        await wait_for_value(
            lambda: any(segment.style and segment.style.bold for segment in words.render_line(0)), wanted=True
        )
