"""Lists of rows: only what differs from what was drawn is drawn again."""

from textual import on
from textual.app import App, ComposeResult
from textual.strip import Strip

from explorer.session.states import Option
from explorer.tui.cells import Piece
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.widgets.virtual_list import VirtualList


class Numbers(VirtualList):
    """Rows that note when they are drawn."""

    def __init__(self) -> None:
        super().__init__(cursor=True)
        self.texts = [f"row {number}" for number in range(100)]
        self.rows_drawn: list[int] = []

    def count(self) -> int:
        return len(self.texts)

    def pieces(self, index: int, width: int) -> list[Piece]:
        del width
        return [("", self.texts[index])]

    def render_line(self, y: int) -> Strip:
        self.rows_drawn.append(y)
        return super().render_line(y)


class OneList(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[int | None] = []

    @on(VirtualList.Selected)
    def note(self, event: VirtualList.Selected) -> None:
        self.chosen.append(event.virtual_list.cursor)

    def compose(self) -> ComposeResult:
        yield Numbers()


async def test_virtual_list_redraws_only_changed_rows() -> None:
    app = OneList()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        rows = app.query_one(Numbers)
        rows.rows_drawn.clear()
        rows.update_rows()
        await pilot.pause()
        assert rows.rows_drawn == []
        rows.texts[3] = "another"
        rows.texts[50] = "out of sight"
        rows.update_rows()
        await pilot.pause()
        assert rows.rows_drawn == [3]
        rows.move_by(20)
        rows.texts[20] = "at the cursor"
        rows.update_rows()
        await pilot.pause()
        assert "at the cursor" in "".join(strip.text for strip in app.screen._compositor.render_strips())  # noqa: SLF001 - Textual has no other way to its text
        rows.rows_drawn.clear()
        del rows.texts[15:]
        rows.update_rows()
        await pilot.pause()
        assert set(rows.rows_drawn) >= {9}
        assert "row 14" in "".join(strip.text for strip in app.screen._compositor.render_strips())  # noqa: SLF001 - Textual has no other way to its text


async def test_virtual_list_double_click_selects() -> None:
    app = OneList()
    async with app.run_test(size=(40, 10)) as pilot:
        rows = app.query_one(Numbers)
        await pilot.click(Numbers, offset=(3, 4), times=3)
        await pilot.pause()
        assert app.chosen == [4]
        await pilot.click(Numbers, offset=(3, 5), button=3)
        assert rows.cursor == 4
        del rows.texts[3:]
        rows.update_rows()
        await pilot.click(Numbers, offset=(3, 7), times=2)
        await pilot.pause()
        assert app.chosen == [4]


async def test_choice_dialog_shortens_long_details() -> None:
    """They end with an ellipsis, also after wide letters and escapes."""
    app = App[None]()
    async with app.run_test(size=(40, 12)) as pilot:
        app.push_screen(ChoiceDialog("Which?", [Option("One", 1, "\x1b漢" * 20), Option("Two", 2, "short")]))
        await pilot.pause()
        screen = app.screen
        lines = [strip.text for strip in screen._compositor.render_strips()]  # noqa: SLF001 - Textual has no other way
        assert any("1 One  \\x1b漢" in line and line.rstrip(" │").endswith("…") for line in lines), lines
        assert any("2 Two  short" in line for line in lines)


async def test_choice_dialog_double_click_selects() -> None:
    app = App[None]()
    async with app.run_test(size=(60, 20)) as pilot:
        answers: list[str | None] = []
        app.push_screen(ChoiceDialog("Which?", [Option("One", "1"), Option("Two", "2")]), answers.append)
        await pilot.pause()
        await pilot.click(VirtualList, offset=(4, 1))
        await pilot.pause()
        assert answers == []
        await pilot.click(VirtualList, offset=(5, 1), times=2)
        await pilot.pause()
        assert answers == ["2"]
