"""The differences between a folder and another side, with how the values of the current key differ."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.model.line_diff import DiffLine, LinePart
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.results.comparison import DifferingKey
from explorer.session.results.difference_text import (
    ONLY_THERE,
    SIGNS,
    TONES,
    difference_line,
    difference_progress,
    difference_title,
)
from explorer.session.session import Session
from explorer.session.states import Tone
from explorer.tui.cells import Piece, safe_content, shorten_middle
from explorer.tui.flows import plan_review
from explorer.tui.flows.result_questions import ask_ignored, ask_other_side
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import StatusLabel
from explorer.tui.screens.result_screen import ItemRows, ResultScreen
from explorer.tui.type_ahead import release_keys
from explorer.tui.widgets.diff_view import DiffView

_STYLES: Final = {Tone.GOOD: "virtual-list--good", Tone.BAD: "virtual-list--bad", Tone.PLAIN: "virtual-list--key"}


class DifferenceRows(ItemRows[DifferingKey]):
    """Keys that differ, below the folders that are compared."""

    def item_pieces(self, item: DifferingKey, width: int) -> list[Piece]:
        """Return a row: sign and key."""
        key = shorten_middle(sanitize(item.key), width - 2)
        return [(_STYLES[TONES[item.kind]], f"{SIGNS[item.kind]} "), ("", key)]


class DifferencesScreen(ResultScreen[DifferingKey]):
    """Keys that differ with the diff of the current one; returns the key to go to."""

    DEFAULT_CSS = """
    DifferencesScreen .differences--key { height: 1; padding: 0 1; background: $panel; }
    DifferencesScreen DiffView { height: 1fr; padding: 0 1; }
    """
    place = Place.DIFFERENCES
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.DIFFERENCES)
    _drawn: DifferingKey | None = None

    def __init__(self, session: Session) -> None:
        super().__init__(session, session.results.comparison)
        self.comparison = session.results.comparison

    def _leave_for(self, key: str) -> None:
        self.dismiss(key)

    def make_rows(self) -> DifferenceRows:
        """Return the list."""
        return DifferenceRows(self.comparison)

    def compose_details(self) -> Iterator[Widget]:
        """Yield the diff of the current key."""
        yield StatusLabel(classes="differences--key")
        yield DiffView(())

    def title_text(self) -> str:
        """Return which sides are compared."""
        return difference_title(self.comparison.request)

    def progress(self) -> Iterator[tuple[str, Tone]]:
        """Yield how far the comparison is."""
        return difference_progress(self.comparison, self.session.clock.now())

    def key_of(self, item: DifferingKey) -> str | None:
        """Return the key in this store."""
        key = self.comparison.key_here(item)
        if key is None:
            self.notify(ONLY_THERE, severity="warning")
        return key

    def file_lines(self) -> Sequence[str]:
        """Return the differences as the command prints them."""
        return [difference_line(item) for item in self.comparison.items]

    def draw(self) -> None:
        """Show the differences as they are now."""
        super().draw()
        self.on_current()

    def on_current(self) -> None:
        """Show how the values of the current key differ."""
        item = self.comparison.current
        if item is not self._drawn:
            self._drawn = item
            self.run_worker(self._show_details(item), group="details", exclusive=True)

    async def _show_details(self, item: DifferingKey | None) -> None:
        name = Content() if item is None else safe_content(f"{item.kind.value.replace('-', ' ')}: {item.key}")
        self.query_one(".differences--key", StatusLabel).set_content(name)
        lines: Sequence[DiffLine] = ()
        if item is not None:
            try:
                lines = await self.comparison.diff(item)
            except ExplorerError as error:
                lines = (DiffLine("\\", (LinePart(error.message),)),)
        self.query_one(DiffView).show(lines)

    # Actions

    def do_next_difference(self) -> None:
        """Go to the next key that differs."""
        self.rows.move_by(1)

    async def do_compare(self) -> None:
        """Ask again what to compare with."""
        request = self.comparison.request
        await ask_other_side(self, self.session, request.prefix, request.keys)
        release_keys()

    async def do_ignore(self) -> None:
        """Ask which keys to leave out."""
        await ask_ignored(self, self.session)

    async def do_plan_copy(self) -> None:
        """Plan the changes that make the other side like this one."""
        await plan_review.copy_differences(self, self.session, self._leave_for)
