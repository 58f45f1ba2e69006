"""Asking for the name of a key."""

from collections.abc import Awaitable, Callable
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
    Naming .box--problem { color: $error; height: auto; display: none; }
    Naming .box--problem.-shown { display: block; }
    Naming Input { padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, title: str, start: str, find_problem: Callable[[str], Awaitable[str | None]]) -> None:
        """Prepare.

        Args:
            title: What the key is for.
            start: A text to go on from.
            find_problem: Returns why a name cannot be used, or None.
        """
        super().__init__()
        self._title, self._start, self._find_problem = title, start, find_problem

    def compose(self) -> ComposeResult:
        """Put title and input together."""
        with Vertical(classes="box"):
            yield Static(told(self._title), classes="box--title", markup=False)
            yield Field(self._start, select_on_focus=False, compact=True)
            yield Static("", classes="box--problem", markup=False)
            yield Static(told("enter opens the editor; the key is written when that is saved", "$text-muted"))

    def on_mount(self) -> None:
        """Go on behind what stands there."""
        field = self.query_one(Input)
        self.set_focus(field)
        field.cursor_position = len(self._start)

    @on(Input.Changed)
    def typing(self) -> None:
        """Let what was wrong with another name go."""
        self._show_problem("")

    @on(Input.Submitted)
    def named(self, event: Input.Submitted) -> None:
        """Take the name, if it can be used."""
        if event.value:
            self.run_worker(self._check(event.value), group="check", exclusive=True)
        else:
            self.dismiss(None)

    async def _check(self, name: str) -> None:
        problem = await self._find_problem(name)
        if problem is None:
            self.dismiss(name)
        else:
            self._show_problem(problem)

    def _show_problem(self, problem: str) -> None:
        line = self.query_one(".box--problem", Static)
        line.update(told(problem))
        line.set_class(bool(problem), "-shown")

    def action_leave(self) -> None:
        """Give none."""
        self.dismiss(None)
