"""A dialog for what to find: a part of a key, a part of a value, and where."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from explorer.session.results.finder import FindRequest
from explorer.tui.cells import safe_content, short_key
from explorer.tui.dialogs.base import Dialog
from explorer.tui.widgets.inputs import OrderedInput

_HELP = "tab next   ctrl+r pattern   ctrl+t where   enter find   esc back"


class FindDialog(ModalScreen[FindRequest | None], Dialog[FindRequest | None]):
    """Inputs for keys and values; esc returns None."""

    DEFAULT_CSS = """
    FindDialog { align: center middle; }
    FindDialog > .box {
        width: 90%; max-width: 90; height: auto; background: $panel; border: round $primary; padding: 0 1;
    }
    FindDialog .box--title { text-style: bold; }
    FindDialog .box--problem { color: $error; height: auto; display: none; }
    FindDialog .-shown { display: block; }
    FindDialog Input { padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("tab,down", "app.focus_next", show=False),
        Binding("shift+tab,up", "app.focus_previous", show=False),
        Binding("ctrl+r", "switch_pattern", show=False, priority=True),
        Binding("ctrl+t", "switch_scope", show=False, priority=True),
    ]

    def __init__(self, start: FindRequest, folder: str) -> None:
        """Initialise the dialog.

        Args:
            start: What was found last.
            folder: Folder that the search may be limited to; empty if the cursor is in none.
        """
        super().__init__()
        self._start = start
        self._folders = list(dict.fromkeys(("", folder, start.prefix)))
        """Places to search in; the first is everywhere."""
        self._prefix = start.prefix
        self._regex = start.regex

    def compose(self) -> ComposeResult:
        """Compose title, inputs and options."""
        with Vertical(classes="box"):
            yield Static("Find", classes="box--title", markup=False)
            yield Static("Keys: a part, or a pattern of the whole key (app/*/port)", markup=False)
            yield OrderedInput(self._start.key, id="find-key", compact=True)
            yield Static("Values: a part of the text; of a message, of its fields", markup=False)
            yield OrderedInput(self._start.value, id="find-value", compact=True)
            yield Static("", classes="box--options", markup=False)
            yield Static("", classes="box--problem", markup=False)
            yield Static(safe_content(_HELP, "$text-muted"), markup=False)

    def on_mount(self) -> None:
        """Focus the input that was used last."""
        name = "#find-value" if self._start.value and not self._start.key else "#find-key"
        self.set_focus(self.query_one(name, Input))
        self._show_options()

    def _show_options(self) -> None:
        where = f"below {short_key(self._prefix)}" if self._prefix else "everywhere"
        how = "regular expression" if self._regex else "text"
        line = f"{where} · {how} · capital letters count where there are any"
        self.query_one(".box--options", Static).update(safe_content(line, "$text-accent"))

    def action_switch_pattern(self) -> None:
        """Switch between texts and regular expressions."""
        self._regex = not self._regex
        self._show_options()
        self._show_problem("")

    def action_switch_scope(self) -> None:
        """Switch between everywhere and the folder under the cursor."""
        at = self._folders.index(self._prefix)
        self._prefix = self._folders[(at + 1) % len(self._folders)]
        self._show_options()

    @on(Input.Changed)
    def clear_problem(self) -> None:
        """Hide the problem of another text."""
        self._show_problem("")

    @on(Input.Submitted)
    def submit(self) -> None:
        """Return what to find, if it can be."""
        key, value = (self.query_one(name, Input).value for name in ("#find-key", "#find-value"))
        request = FindRequest(key, value, self._regex, self._prefix)
        if problem := request.problem():
            self._show_problem(problem)
        else:
            self.dismiss(request)

    def _show_problem(self, text: str) -> None:
        line = self.query_one(".box--problem", Static)
        line.update(safe_content(f"✗ {text}"))
        line.set_class(bool(text), "-shown")

    def action_leave(self) -> None:
        """Return None."""
        self.dismiss(None)
