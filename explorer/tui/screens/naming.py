"""Asking for the name of a key."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from explorer.tui.drawing import told
from explorer.tui.screens.answering import Answering
from explorer.tui.widgets.ordered import Field


class Naming(ModalScreen[str | None], Answering[str | None]):
    """Asks for a key; esc gives none."""

    DEFAULT_CSS = """
    Naming { align: center middle; }
    Naming > .box { width: 80%; max-width: 90; height: auto; background: $panel; border: round $primary; padding: 0 1; }
    Naming .box--title { text-style: bold; }
    Naming Input { padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, title: str, start: str) -> None:
        super().__init__()
        self._title, self._start = title, start

    def compose(self) -> ComposeResult:
        """Put title and input together."""
        with Vertical(classes="box"):
            yield Static(told(self._title), classes="box--title", markup=False)
            yield Field(self._start, select_on_focus=False, compact=True)
            yield Static(told("enter opens the editor; the key is written when that is saved", "$text-muted"))

    def on_mount(self) -> None:
        """Go on behind what stands there."""
        field = self.query_one(Input)
        self.set_focus(field)
        field.cursor_position = len(self._start)

    @on(Input.Submitted)
    def named(self, event: Input.Submitted) -> None:
        """Take the name."""
        self.dismiss(event.value or None)

    def action_leave(self) -> None:
        """Give none."""
        self.dismiss(None)
