"""A dialog for a pattern of keys."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from explorer.model.sanitize import sanitize
from explorer.session.type_options import PATTERN_HELP
from explorer.tui.dialogs.base import Dialog
from explorer.tui.rendering import safe_content
from explorer.tui.widgets.inputs import OrderedInput

_HELP: Final = f"{PATTERN_HELP}; enter stores it, esc goes back"


class PatternDialog(ModalScreen[str | None], Dialog[str | None]):
    """An input for a pattern; esc returns None."""

    DEFAULT_CSS = """
    PatternDialog { align: center middle; }
    PatternDialog > .box {
        width: 80%; max-width: 90; height: auto; background: $panel; border: round $primary; padding: 0 1;
    }
    PatternDialog .box--title { text-style: bold; }
    PatternDialog .box--problem { color: $error; }
    PatternDialog Input { padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False, priority=True)]

    def __init__(self, title: str, start: str, problem: str = "") -> None:
        super().__init__()
        self._title, self._problem = title, problem
        self._start = start if sanitize(start) == start else ""

    def compose(self) -> ComposeResult:
        """Compose title, input and help."""
        with Vertical(classes="box"):
            yield Static(safe_content(self._title), classes="box--title", markup=False)
            yield OrderedInput(self._start, select_on_focus=False, compact=True)
            if self._problem:
                yield Static(safe_content(f"✗ {self._problem}"), classes="box--problem", markup=False)
            yield Static(safe_content(_HELP, "$text-muted"), markup=False)

    def on_mount(self) -> None:
        """Focus the input."""
        field = self.query_one(Input)
        self.set_focus(field)
        field.cursor_position = len(self._start)

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        """Return the pattern."""
        self.dismiss(event.value or None)

    def action_leave(self) -> None:
        """Return None."""
        self.dismiss(None)
