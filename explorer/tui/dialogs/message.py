"""A dialog that shows a message until it is dismissed."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key, Paste
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from explorer.tui.cells import safe_content
from explorer.tui.dialogs.base import Dialog


class MessageDialog(ModalScreen[None], Dialog[None]):
    """A few lines of text; enter and esc dismiss it."""

    DEFAULT_CSS = """
    MessageDialog { align: center middle; }
    MessageDialog > .box {
        width: 80%; max-width: 90; height: auto; max-height: 90%; background: $panel; border: round $warning;
        padding: 0 1;
    }
    MessageDialog .box--title { text-style: bold; }
    MessageDialog .box--buttons { height: 1; align-horizontal: right; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False, priority=True)]

    def __init__(self, title: str, *lines: str) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """Compose the lines and the button."""
        with Vertical(classes="box"):
            yield Static(safe_content(self._title), classes="box--title", markup=False)
            for line in self._lines:
                yield Static(safe_content(line), markup=False)
            with Horizontal(classes="box--buttons"):
                yield Button("OK (enter)", compact=True, variant="primary")

    def on_mount(self) -> None:
        """Focus the button."""
        self.set_focus(self.query_one(Button))

    def accepts_type_ahead(self, event: Key | Paste) -> bool:
        """Accept no key: the message is read before it is dismissed."""
        del event
        return False

    @on(Button.Pressed)
    def submit(self) -> None:
        """Dismiss the dialog."""
        self.dismiss(None)

    def action_leave(self) -> None:
        """Dismiss the dialog."""
        self.dismiss(None)
