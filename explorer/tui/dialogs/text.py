"""A dialog for a line of text: a pattern of keys, the name of a file, the other side of a comparison."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from explorer.model.sanitize import sanitize
from explorer.tui.cells import safe_content
from explorer.tui.dialogs.base import Dialog
from explorer.tui.widgets.inputs import OrderedInput


class TextDialog(ModalScreen[str | None], Dialog[str | None]):
    """An input for a line of text; esc returns None."""

    DEFAULT_CSS = """
    TextDialog { align: center middle; }
    TextDialog > .box {
        width: 80%; max-width: 90; height: auto; background: $panel; border: round $primary; padding: 0 1;
    }
    TextDialog .box--title { text-style: bold; }
    TextDialog .box--problem { color: $error; }
    TextDialog Input { padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False, priority=True)]

    def __init__(self, title: str, start: str, *, help: str, problem: str = "", allows_empty: bool = False) -> None:  # noqa: A002 - as in the registry
        """Initialise the dialog.

        Args:
            title: What the text is for.
            start: The text to begin with.
            help: A line about what can be typed.
            problem: What is wrong with the text that was given before.
            allows_empty: Whether an empty text is an answer.
        """
        super().__init__()
        self._title, self._problem, self._help, self._allows_empty = title, problem, help, allows_empty
        self._start = start if sanitize(start) == start else ""

    def compose(self) -> ComposeResult:
        """Compose title, input and help."""
        with Vertical(classes="box"):
            yield Static(safe_content(self._title), classes="box--title", markup=False)
            yield OrderedInput(self._start, select_on_focus=False, compact=True)
            if self._problem:
                yield Static(safe_content(f"✗ {self._problem}"), classes="box--problem", markup=False)
            yield Static(safe_content(self._help, "$text-muted"), markup=False)

    def on_mount(self) -> None:
        """Focus the input."""
        field = self.query_one(Input)
        self.set_focus(field)
        field.cursor_position = len(self._start)

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        """Return the text."""
        self.dismiss(event.value if event.value or self._allows_empty else None)

    def action_leave(self) -> None:
        """Return None."""
        self.dismiss(None)
