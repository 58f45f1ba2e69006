"""Dialogs that ask before something happens: yes or no, or one of several options."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final, Generic

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key, Paste
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from explorer.model.sanitize import sanitize
from explorer.session.states import Answer, Option
from explorer.tui.cells import Piece, safe_content, shorten_end, shorten_middle
from explorer.tui.dialogs.base import Dialog, is_escape
from explorer.tui.widgets.inputs import OrderedInput
from explorer.tui.widgets.virtual_list import VirtualList

_CSS: Final = """
    align: center middle;
    & > .box {
        width: 80%; max-width: 90; min-width: 38; height: auto; max-height: 90%; background: $panel;
        border: round $primary; padding: 0 1;
    }
    & .box--title { text-style: bold; height: auto; max-height: 4; padding-bottom: 1; }
    & VerticalScroll { height: auto; max-height: 40vh; }
    & .box--note { margin-top: 1; }
    & .box--buttons { height: auto; align-horizontal: right; padding-top: 1; }
    & Button { margin-left: 2; }
    &.-short > .box { max-height: 100%; }
    &.-short .box--title { max-height: 2; padding-bottom: 0; }
    &.-short VerticalScroll { max-height: 2; }
    &.-short .box--buttons { padding-top: 0; }
    & Input { padding: 0 1; background: $surface; }
"""
MAX_NOTE_WIDTH: Final = 2000
"""Cells of the note below a list; the middle of a longer one is left out."""
MAX_NUMBERED: Final = 9
"""Options that are chosen by their number; more of them are filtered by typing."""
_MAX_LIST_HEIGHT: Final = 14


class ConfirmDialog(ModalScreen[bool], Dialog[bool]):
    """A question with yes and no. The button for no has the focus, and esc means no."""

    DEFAULT_CSS = f"ConfirmDialog {{ {_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority, here and below: a key pressed next is not for a dialog that is answered.
        Binding("escape,n", "answer(False)", "Back", show=False, priority=True),
        Binding("y", "answer(True)", show=False, priority=True),
        Binding("question_mark,f1", "explain", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, body: Content, *, yes: str, no: str = "Cancel") -> None:
        super().__init__()
        self._title, self._body, self._yes, self._no = title, body, yes, no

    def compose(self) -> ComposeResult:
        """Compose title, body and buttons."""
        with Vertical(classes="box"):
            yield Static(safe_content(self._title), classes="box--title", markup=False)
            with VerticalScroll(can_focus=False):
                yield Static(self._body, markup=False)
            with Horizontal(classes="box--buttons"):
                yield Button(safe_content(self._no), compact=True, id="no", variant="primary")
                yield Button(safe_content(self._yes), compact=True, id="yes", variant="error")

    def on_mount(self) -> None:
        """Focus the button that does nothing."""
        self.set_focus(self.query_one("#no"))

    def accepts_type_ahead(self, event: Key | Paste) -> bool:
        """Accept escape only: a `y` that was typed ahead would confirm what was not seen."""
        return is_escape(event)

    @on(Button.Pressed)
    def submit(self, event: Button.Pressed) -> None:
        """Return the answer of a button."""
        self.dismiss(event.button.id == "yes")

    def action_explain(self) -> None:
        """Show what the keys do."""
        self.notify(f"y: {self._yes}; n, esc: {self._no}; ← → select a button, enter presses it")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - an action's argument has no name
        """Return an answer."""
        self.dismiss(answer)


class _OptionList(VirtualList, Generic[Answer]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "select", show=False, priority=True),
        *(Binding(str(number), f"select_number({number})", show=False, priority=True) for number in range(1, 10)),
    ]

    def __init__(self, options: Sequence[Option[Answer]], *, is_numbered: bool, is_loading: bool) -> None:
        super().__init__(cursor=True)
        self.options = options
        self.is_loading = is_loading
        """True if more options are being searched for."""
        self._is_numbered = is_numbered

    def count(self) -> int:
        return max(1, len(self.options) + self.is_loading)  # an empty list says so in a row

    def pieces(self, index: int, width: int) -> list[Piece]:
        if self.is_loading and index == len(self.options):
            return [("virtual-list--dim", " … searching for more")]
        if not self.options:
            return [("virtual-list--dim", " no match: backspace to change the text, esc to go back")]
        option = self.options[index]
        number = f"{index + 1} " if self._is_numbered else ""
        room = width - cell_len(sanitize(f" {number}{option.title}  "))
        return [
            ("virtual-list--dim", f" {number}"),
            ("", option.title),
            ("virtual-list--dim", f"  {shorten_end(sanitize(option.details), room)}"),
        ]

    def action_select_number(self, number: int) -> None:
        if self._is_numbered and number <= len(self.options):
            self.move_by(number - 1 - (self.cursor or 0))
            self.action_select()

    def action_select(self) -> None:
        screen = self.screen
        if isinstance(screen, ChoiceDialog) and self.cursor is not None and self.cursor < len(self.options):
            screen.dismiss(self.options[self.cursor].value)


class ChoiceDialog(ModalScreen[Answer | None], Dialog[Answer | None], Generic[Answer]):
    """A list of options. A few are chosen by their number, many are filtered by typing; esc chooses none."""

    DEFAULT_CSS = (
        f"ChoiceDialog {{ {_CSS} & VirtualList {{ height: auto; max-height: {_MAX_LIST_HEIGHT}; min-height: 1; }} }}"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False, priority=True),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("question_mark,f1", "explain", show=False),
    ]

    def __init__(
        self,
        title: str,
        options: Sequence[Option[Answer]],
        *,
        find_more: Callable[[], Awaitable[Sequence[Option[Answer]]]] | None = None,
        note: str = "",
        type_ahead: bool = True,
        is_unexpected: bool = False,
    ) -> None:
        """Initialise the dialog.

        Args:
            title: The question.
            options: The options.
            find_more: Returns further options, which are added when they are found; it may take a while.
            note: A text below the list, shown on as many lines as it needs.
            type_ahead: Whether keys count that were pressed before it was drawn. Not where an option discards or
                overwrites something: a number that was typed as text would choose it.
            is_unexpected: Whether the question may open while somebody types text for another screen.
        """
        super().__init__()
        self.is_unexpected = is_unexpected
        self._accepts_type_ahead = type_ahead
        self._title, self._options, self._note, self._find_more = title, tuple(options), note, find_more
        self._is_filtered = len(self._options) > MAX_NUMBERED or find_more is not None

    def compose(self) -> ComposeResult:
        """Compose title, filter, list and note."""
        with Vertical(classes="box"):
            yield Static(safe_content(self._title), classes="box--title", markup=False)
            if self._is_filtered:
                yield OrderedInput(placeholder="type to filter", compact=True)
            yield _OptionList(self._options, is_numbered=not self._is_filtered, is_loading=self._find_more is not None)
            if self._note:
                with VerticalScroll(can_focus=False, classes="box--note"):
                    yield Static(safe_content(shorten_middle(self._note, MAX_NOTE_WIDTH)), markup=False)

    def on_mount(self) -> None:
        """Fit the list, and search for more options."""
        self._fit()
        if self._find_more is not None:
            self.run_worker(self._add_more(self._find_more))
        self.set_focus(self.query_one(Input) if self._is_filtered else self.query_one(_OptionList))

    def _fit(self) -> None:
        options = self.query_one(_OptionList)
        options.styles.height = max(1, min(_MAX_LIST_HEIGHT, options.count()))

    async def _add_more(self, find_more: Callable[[], Awaitable[Sequence[Option[Answer]]]]) -> None:
        self._options += tuple(await find_more())
        self.query_one(_OptionList).is_loading = False
        self._filter(keep_cursor=True)

    def accepts_type_ahead(self, event: Key | Paste) -> bool:
        """Accept all keys, or escape only."""
        return (self._accepts_type_ahead and super().accepts_type_ahead(event)) or is_escape(event)

    @on(Input.Changed)
    def filter_while_typing(self) -> None:
        """Show the options that contain the typed words."""
        self._filter(keep_cursor=False)

    def _filter(self, *, keep_cursor: bool) -> None:
        words = self.query_one(Input).value.lower().split()
        options = self.query_one(_OptionList)
        options.options = [
            one for one in self._options if all(word in f"{one.title} {one.details}".lower() for word in words)
        ]
        options.cursor = options.cursor if keep_cursor else 0
        self._fit()
        options.update_rows(top=not keep_cursor)

    @on(Input.Submitted)
    @on(VirtualList.Selected)
    def select_current(self) -> None:
        """Return the current option."""
        self.query_one(_OptionList).action_select()

    def action_move(self, rows: int) -> None:
        """Move in the list while the filter has the focus."""
        self.query_one(_OptionList).move_by(rows)

    def action_explain(self) -> None:
        """Show what the keys do."""
        how = "type to filter" if self._is_filtered else "a number selects its option"
        self.notify(f"{how}; ↑ ↓ move, enter selects, esc goes back")

    def action_leave(self) -> None:
        """Choose none."""
        self.dismiss(None)
