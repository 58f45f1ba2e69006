"""Looking at a change before it is stored."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from explorer.model.line_diff import DiffLine, Part
from explorer.session.actions import Place
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Reviewing
from explorer.session.session import Session
from explorer.tui.dialogs.base import Dialog
from explorer.tui.keys import bindings, hint
from explorer.tui.rendering import middle, named, safe_content
from explorer.tui.screens.scroll_keys import ScrollKeys
from explorer.tui.widgets.diff_view import DiffView

_SAME_TEXT: Final = DiffLine(" ", (Part(" (the text is the same; the bytes are not)"),))
_EMPTY_VALUE: Final = DiffLine(" ", (Part(" (an empty value)"),))
_ADDRESS_WIDTH: Final = 120


class ReviewScreen(ModalScreen[bool], ScrollKeys[bool], Dialog[bool]):
    """Shows what saving would change; the key that saves, once more, saves it."""

    DEFAULT_CSS = """
    ReviewScreen { align: center middle; }
    ReviewScreen > .box {
        width: 96%; max-width: 130; height: auto; max-height: 96%; background: $panel; border: round $primary;
        padding: 0 1;
    }
    ReviewScreen .box--title { text-style: bold; height: 1; }
    ReviewScreen .box--store { height: 1; color: $text-muted; }
    ReviewScreen .box--notes { height: auto; max-height: 4; color: $text-warning; }
    ReviewScreen DiffView { height: 1; }
    ReviewScreen .box--buttons { height: 1; align-horizontal: right; }
    ReviewScreen Button { margin-left: 2; }
    """
    place = Place.REVIEW
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.REVIEW)

    def __init__(self, session: Session, edit: Edit, state: Reviewing) -> None:
        super().__init__()
        self.session = session
        self._edit, self._state = edit, state

    def compose(self) -> ComposeResult:
        """Put the diff together."""
        creates = self._edit.base is None
        none = _EMPTY_VALUE if creates else _SAME_TEXT
        actions = self.session.actions
        save, back = (hint(actions[name], self.place) for name in ("save", "back"))
        with Vertical(classes="box"):
            title = f"{'Create' if creates else 'Save'} {named(self._edit.key)}?"
            yield Static(safe_content(title), classes="box--title", markup=False)
            yield Static(
                safe_content(middle(f"in {self.session.address}", _ADDRESS_WIDTH)), classes="box--store", markup=False
            )
            if self._state.notes:
                notes = Content("\n").join(safe_content(f"▪ {note}") for note in self._state.notes)
                yield Static(notes, classes="box--notes", markup=False)
            yield DiffView(self._state.diff or (none,))
            with Horizontal(classes="box--buttons"):
                yield Button(safe_content(f"Back ({back})"), compact=True, id="no", variant="primary")
                yield Button(
                    safe_content(f"{'Create' if creates else 'Save'} ({save})"),
                    compact=True,
                    id="yes",
                    variant="success",
                )

    def on_mount(self) -> None:
        """Give the focus to what does no harm, and the diff as much room as it needs."""
        self.set_focus(self.query_one("#no"))
        self.call_after_refresh(self.on_resize)

    def on_resize(self) -> None:
        """Fit the diff."""
        around = 5 + min(4, len(self._state.notes))
        for difference in self.query(DiffView):  # which is gone if the screen was left at once
            difference.styles.height = max(1, min(difference.count(), self.size.height * 96 // 100 - around))

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        self.dismiss(event.button.id == "yes")

    def do_save(self) -> None:
        """Save it."""
        self.dismiss(result=True)

    def do_back(self) -> None:
        """Go back to the text."""
        self.dismiss(result=False)

    def do_next_difference(self) -> None:
        """Go to the next difference."""
        self.query_one(DiffView).do_next_difference()

    def do_previous_difference(self) -> None:
        """Go to the difference before."""
        self.query_one(DiffView).do_previous_difference()
