"""A dialog for the name of a new key."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from explorer.model.key_text import escape_key, typed_key
from explorer.session.editing.edit_text import NEW_KEY_HELP, escape_hint
from explorer.tui.cells import safe_content
from explorer.tui.dialogs.base import Dialog
from explorer.tui.type_ahead import release_keys, run_flow
from explorer.tui.widgets.inputs import OrderedInput


class KeyNameDialog(ModalScreen[str | None], Dialog[str | None]):
    """An input for a key, which may have the escapes that the app shows and copies; esc returns None."""

    DEFAULT_CSS = """
    KeyNameDialog { align: center middle; }
    KeyNameDialog > .box { width: 80%; max-width: 90; height: auto; background: $panel; padding: 0 1; }
    KeyNameDialog > .box { border: round $primary; }
    KeyNameDialog .box--title { text-style: bold; }
    KeyNameDialog .box--problem { color: $error; height: auto; display: none; }
    KeyNameDialog .box--escapes { color: $text-warning; height: auto; display: none; }
    KeyNameDialog .-shown { display: block; }
    KeyNameDialog Input { padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False, priority=True),
        Binding("enter", "submit", show=False, priority=True),  # at once: what is typed next is not for the name
    ]

    def __init__(self, title: str, start: str, find_problem: Callable[[str], Awaitable[str | None]]) -> None:
        """Initialise the dialog.

        Args:
            title: What the key is for.
            start: The beginning of the key.
            find_problem: Returns why a key cannot be used, or None.
        """
        super().__init__()
        self._title, self._start, self._find_problem = title, escape_key(start), find_problem

    def compose(self) -> ComposeResult:
        """Compose title, input and hints."""
        with Vertical(classes="box"):
            yield Static(safe_content(self._title), classes="box--title", markup=False)
            yield OrderedInput(self._start, select_on_focus=False, compact=True)
            yield Static("", classes="box--problem", markup=False)
            yield Static("", classes="box--escapes", markup=False)
            yield Static(safe_content(NEW_KEY_HELP, "$text-muted"))

    def on_mount(self) -> None:
        """Put the cursor behind the text."""
        field = self.query_one(Input)
        self.set_focus(field)
        field.cursor_position = len(self._start)

    @on(Input.Changed)
    def update_hints(self, event: Input.Changed) -> None:
        """Hide the problem of another name, and show how a backslash is read."""
        self._show(".box--problem", "")
        self._show(".box--escapes", escape_hint(event.value))

    def action_submit(self) -> None:
        """Return the name if it can be used; what is typed meanwhile is held."""
        run_flow(self, self._check, group="check")

    async def _check(self) -> None:
        field = self.query_one(Input)
        handled = asyncio.Event()
        field.call_later(handled.set)
        await handled.wait()  # the keys pressed before
        key = typed_key(field.value)
        problem = await self._find_problem(key) if key else None
        if problem is None:
            self.dismiss(key or None)
            release_keys()
        else:
            self._show(".box--problem", problem)

    def _show(self, selector: str, text: str) -> None:
        line = self.query_one(selector, Static)
        line.update(safe_content(text))
        line.set_class(bool(text), "-shown")

    def action_leave(self) -> None:
        """Return None."""
        self.dismiss(None)
