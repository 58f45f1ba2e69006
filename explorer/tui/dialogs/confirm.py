"""Questions asked before something happens: the safe answer has the focus, and esc gives it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from explorer.model.sanitize import sanitize
from explorer.tui.dialogs.base import Dialog
from explorer.tui.rendering import Piece, middle, safe_content
from explorer.tui.widgets.inputs import OrderedInput
from explorer.tui.widgets.virtual_list import VirtualList

Answer = TypeVar("Answer")

_CSS = """
    align: center middle;
    & > .box {
        width: 80%; max-width: 90; min-width: 38; height: auto; max-height: 90%; background: $panel;
        border: round $primary; padding: 0 1;
    }
    & .box--title { text-style: bold; height: auto; max-height: 4; padding-bottom: 1; }
    & VerticalScroll { height: auto; max-height: 40vh; }
    & .box--below { margin-top: 1; }
    & .box--trouble { color: $error; height: auto; display: none; }
    & .box--trouble.-told { display: block; }
    & .box--buttons { height: auto; align-horizontal: right; padding-top: 1; }
    & Button { margin-left: 2; }
    &.-short > .box { max-height: 100%; }
    &.-short .box--title { max-height: 2; padding-bottom: 0; }
    &.-short VerticalScroll { max-height: 2; }
    &.-short .box--buttons { padding-top: 0; }
    & Input { padding: 0 1; background: $surface; }
"""


class ConfirmDialog(ModalScreen[bool], Dialog[bool]):
    """Asks whether to do something that cannot simply be taken back.

    With `typed` the word has to be typed before the answer can be yes.
    """

    DEFAULT_CSS = f"ConfirmDialog {{ {_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "Back", show=False),
        Binding("y", "answer(True)", show=False),
        Binding("question_mark,f1", "explain", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, body: Content, *, yes: str, no: str = "Cancel", typed: str | None = None) -> None:
        super().__init__()
        self._title, self._body, self._yes, self._no, self._typed = title, body, yes, no, typed

    def compose(self) -> ComposeResult:
        """Put the question together."""
        with Vertical(classes="box"):
            yield Static(safe_content(self._title), classes="box--title", markup=False)
            with VerticalScroll(can_focus=False):
                yield Static(self._body, markup=False)
            if self._typed is not None:
                yield Static(safe_content(f"Type '{self._typed}' to confirm:"), markup=False)
                yield OrderedInput(id="typed", compact=True)
            with Horizontal(classes="box--buttons"):
                yield Button(safe_content(self._no), compact=True, id="no", variant="primary")
                yield Button(
                    safe_content(self._yes), compact=True, id="yes", variant="error", disabled=self._typed is not None
                )

    def on_mount(self) -> None:
        """Give the focus to what does no harm."""
        self.set_focus(self.query_one("#typed" if self._typed is not None else "#no"))

    @on(Input.Changed, "#typed")
    def typing(self, event: Input.Changed) -> None:
        """Unlock the answer once the word is there."""
        self.query_one("#yes", Button).disabled = event.value != self._typed

    @on(Input.Submitted, "#typed")
    def typed(self, event: Input.Submitted) -> None:
        """Take the typed word as the answer."""
        if event.value == self._typed:
            self.dismiss(result=True)

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        self.dismiss(event.button.id == "yes")

    def action_explain(self) -> None:
        """Say what the keys do."""
        do_it = f"the word, then enter: {self._yes}" if self._typed is not None else f"y {self._yes}; n {self._no}"
        self.notify(sanitize(f"{do_it}; esc {self._no}; ← → change the button, enter presses it"), markup=False)

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - an action's argument has no name
        """Give the answer; yes only once the word was typed that is asked for."""
        if not (answer and self._typed is not None and self.query_one("#yes", Button).disabled):
            self.dismiss(answer)


@dataclass(frozen=True, slots=True)
class Option(Generic[Answer]):
    """One of several answers."""

    title: str
    value: Answer
    more: str = ""


class _Options(VirtualList, Generic[Answer]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "by(1)", show=False),
        Binding("up,k", "by(-1)", show=False),
        Binding("enter,space", "take", show=False),
        *(Binding(str(number), f"number({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, options: Sequence[Option[Answer]], *, numbered: bool, pending: bool) -> None:
        super().__init__(cursor=True)
        self.options = options
        self.pending = pending
        """Whether more of them are being found."""
        self._numbered = numbered

    def count(self) -> int:
        return max(1, len(self.options) + self.pending)  # that there is none is a line, too

    def pieces(self, index: int, width: int) -> list[Piece]:
        if self.pending and index == len(self.options):
            return [("lines--dim", " … more are being found")]
        if not self.options:
            return [("lines--dim", " none has these words in it: backspace, or esc to leave")]
        option = self.options[index]
        number = f"{index + 1} " if self._numbered else ""
        return [
            ("lines--dim", f" {number}"),
            ("", option.title),
            ("lines--dim", f"  {option.more}"[: max(0, width)]),
        ]

    def action_by(self, by: int) -> None:
        self.move(by)

    def action_number(self, number: int) -> None:
        if self._numbered and number <= len(self.options):
            self.move(number - 1 - (self.cursor or 0))
            self.action_take()

    def action_take(self) -> None:
        screen = self.screen
        if isinstance(screen, ChoiceDialog) and self.cursor is not None and self.cursor < len(self.options):
            screen.dismiss(self.options[self.cursor].value)


MAX_BELOW: Final = 2000
"""Cells of the text below a list; of a longer one the middle is left out."""
MAX_NUMBERED: Final = 9
"""Options that are chosen by their number; more of them are narrowed down by typing."""


class ChoiceDialog(ModalScreen[Answer | None], Dialog[Answer | None], Generic[Answer]):
    """Asks for one of several things: few are chosen by their number, many are narrowed down by typing."""

    DEFAULT_CSS = f"ChoiceDialog {{ {_CSS} & VirtualList {{ height: auto; max-height: 14; min-height: 1; }} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False),
        Binding("down", "by(1)", show=False),
        Binding("up", "by(-1)", show=False),
        Binding("question_mark,f1", "explain", show=False),
    ]

    def __init__(
        self,
        title: str,
        options: Sequence[Option[Answer]],
        *,
        rest: Callable[[], Awaitable[Sequence[Option[Answer]]]] | None = None,
        below: str = "",
    ) -> None:
        """Prepare.

        Args:
            title: What is asked.
            options: The answers.
            rest: Finds further answers, which takes a while: they are added once they are there.
            below: A text below them that is shown whole, on as many lines as it needs.
        """
        super().__init__()
        self._title, self._all, self._below, self._rest = title, tuple(options), below, rest
        self._filtered = len(self._all) > MAX_NUMBERED or rest is not None

    def compose(self) -> ComposeResult:
        """Put title, filter and list together."""
        with Vertical(classes="box"):
            yield Static(safe_content(self._title), classes="box--title", markup=False)
            if self._filtered:
                yield OrderedInput(placeholder="type to narrow down", compact=True)
            yield _Options(self._all, numbered=not self._filtered, pending=self._rest is not None)
            if self._below:
                with VerticalScroll(can_focus=False, classes="box--below"):
                    yield Static(safe_content(middle(self._below, MAX_BELOW)), markup=False)

    def on_mount(self) -> None:
        """Make room for the list, and have the rest of it found."""
        self._fit()
        if self._rest is not None:
            self.run_worker(self._add(self._rest))
        self.set_focus(self.query_one(Input) if self._filtered else self.query_one(_Options))

    def _fit(self) -> None:
        options = self.query_one(_Options)
        options.styles.height = max(1, min(14, options.count()))

    async def _add(self, rest: Callable[[], Awaitable[Sequence[Option[Answer]]]]) -> None:
        self._all += tuple(await rest())
        self.query_one(_Options).pending = False
        self._narrow(keep=True)

    @on(Input.Changed)
    def narrow(self) -> None:
        """Show only what has the typed words in it."""
        self._narrow(keep=False)

    def _narrow(self, *, keep: bool) -> None:
        """Show only what has the typed words in it; the cursor is kept, or goes to the first."""
        words = self.query_one(Input).value.lower().split()
        options = self.query_one(_Options)
        options.options = [one for one in self._all if all(word in f"{one.title} {one.more}".lower() for word in words)]
        options.cursor = options.cursor if keep else 0
        self._fit()
        options.changed(top=not keep)

    @on(Input.Submitted)
    def chosen(self) -> None:
        """Take the current one."""
        self.query_one(_Options).action_take()

    @on(VirtualList.Chosen)
    def clicked(self) -> None:
        """Take what was clicked twice."""
        self.query_one(_Options).action_take()

    def action_by(self, by: int) -> None:
        """Move in the list while the filter has the focus."""
        self.query_one(_Options).move(by)

    def action_explain(self) -> None:
        """Say what the keys do."""
        first = "what is typed narrows the list down" if self._filtered else "a number chooses"
        self.notify(f"{first}; ↑ ↓ move, enter chooses, esc goes back", markup=False)

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
