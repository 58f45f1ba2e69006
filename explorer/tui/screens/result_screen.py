"""Base of the screens with a list of results: found keys, differences, the journal."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from explorer.session.results.result_list import ResultList
from explorer.session.session import Session
from explorer.session.states import Part, Tone
from explorer.tui.cells import Piece, safe_content
from explorer.tui.dialogs.base import Dialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.pane import StatusLabel
from explorer.tui.panes.status import StatusLine
from explorer.tui.screens.base import LiveScreen
from explorer.tui.type_ahead import release_keys
from explorer.tui.widgets.virtual_list import VirtualList

Item = TypeVar("Item")

TONES = {
    Tone.PLAIN: "",
    Tone.QUIET: "$text-muted",
    Tone.GOOD: "$text-success",
    Tone.WARNING: "$text-warning",
    Tone.BAD: "$text-error",
}


class ItemRows(VirtualList, Generic[Item]):
    """The results, one in a row; the cursor is the one that all views of the session share."""

    def __init__(self, results: ResultList[Item]) -> None:
        super().__init__(cursor=True)
        self.results = results
        self.cursor = results.cursor

    def count(self) -> int:
        """Return the number of rows."""
        return len(self.results.items)

    def item_pieces(self, item: Item, width: int) -> list[Piece]:
        """Return the row of a result."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row."""
        return self.item_pieces(self.results.items[index], width)


class ResultScreen(Dialog[str], LiveScreen[str], Generic[Item]):
    """A list of results with a title and how far it is; returns the key to go to."""

    DEFAULT_CSS = """
    ResultScreen .result--title {
        height: 1; background: $primary; color: $text; text-style: bold; padding: 0 1; text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    ResultScreen .result--progress { height: auto; max-height: 4; padding: 0 1; background: $panel; }
    ResultScreen ItemRows { height: 1fr; padding: 0 1; }
    """

    FILE_QUESTION: ClassVar[str] = "Write the list to which file?"
    FILE_HELP: ClassVar[str] = "a new file, one JSON object a line; enter writes it, esc goes back"

    def __init__(self, session: Session, results: ResultList[Item]) -> None:
        super().__init__(session)
        self.results = results
        self._revealed: int | None = None
        """Cursor that was scrolled to."""

    def compose(self) -> ComposeResult:
        """Compose title, progress, list and footer."""
        yield StatusLine(self.session)
        yield Static(classes="result--title", markup=False)
        yield StatusLabel(classes="result--progress")
        yield self.make_rows()
        yield from self.compose_details()
        yield Footer(self.session)

    def make_rows(self) -> ItemRows[Item]:
        """Return the list."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def compose_details(self) -> Iterator[Widget]:
        """Yield what is shown of the current result."""
        yield from ()

    def title_text(self) -> str:
        """Return what the results are of."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def progress(self) -> Iterator[tuple[str, Tone]]:
        """Yield lines about how far it is, and what was left out."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def key_of(self, item: Item) -> str | None:
        """Return the key of a result; None if the tree cannot have it."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def file_lines(self) -> Sequence[str]:
        """Return the lines of the file that the list is saved to."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    @property
    def file_name(self) -> str:
        """Name of the file that is proposed."""
        return f"{self.results.job_name}.jsonl"

    @property
    def rows(self) -> ItemRows[Item]:
        """The list."""
        return self.query_one(ItemRows)

    def on_mount(self) -> None:
        """Focus the list."""
        self.set_focus(self.rows)
        self.query_one(Footer).show(self.place)
        self.draw()
        self.call_after_refresh(self.rows.move_by, 0)  # the cursor may be out of sight

    def redraw(self, parts: Part) -> None:
        """Redraw what shows one of the parts."""
        super().redraw(parts)
        if parts & Part.RESULTS and self.is_mounted:
            self.draw()

    def tick(self) -> None:
        """Redraw rate and time left."""
        super().tick()
        if self.is_mounted and self.results.is_running:
            self._draw_progress()

    def draw(self) -> None:
        """Show the results as they are now."""
        self.query_one(".result--title", Static).update(safe_content(self.title_text()))
        self._draw_progress()
        rows = self.rows
        rows.cursor = self.results.cursor
        rows.update_rows()

    def _draw_progress(self) -> None:
        lines = [safe_content(text, TONES[tone]) for text, tone in self.progress() if text]
        self.query_one(".result--progress", StatusLabel).set_content(Content("\n").join(lines))

    @on(VirtualList.Highlighted)
    def select_highlighted(self) -> None:
        """Make the row under the cursor the current result."""
        self.results.select(self.rows.cursor or 0)
        self.on_current()

    def on_current(self) -> None:
        """Show what belongs to the current result."""

    # Actions

    @on(VirtualList.Selected)
    def do_show(self) -> None:
        """Go to the key of the current result."""
        item = self.results.current
        key = None if item is None else self.key_of(item)
        if key is not None:
            self.results.is_visited = True
            self.dismiss(key)

    def do_back(self) -> None:
        """Stop what runs, else close the screen."""
        if self.results.is_running:
            self.results.stop()
        else:
            self.dismiss()

    def do_stop(self) -> None:
        """Stop, and keep what there is."""
        self.results.stop()

    def do_again(self) -> None:
        """Do the same again."""
        self.results.refresh()

    async def do_save_list(self) -> None:
        """Ask for a file, and write the list to it."""
        from explorer.session.results.result_file import write_list  # noqa: PLC0415 - rarely used

        name, problem = self.file_name, ""
        while name:
            dialog = TextDialog(self.FILE_QUESTION, name, help=self.FILE_HELP, problem=problem)
            answer: str | None = await self.app.push_screen_wait(dialog)
            name = answer or ""
            if name and not (problem := await write_list(name, self.file_lines())):
                self.notify(f"written to {name}")
                name = ""
        release_keys()
