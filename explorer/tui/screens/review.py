"""The review of a change before it is saved."""

from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key, Paste
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from explorer.session.actions import Place
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Reviewing
from explorer.session.editing.edit_text import (
    REASON_HELP,
    REASON_QUESTION,
    reason_text,
    review_lines,
    review_question,
    review_word,
)
from explorer.session.editing.violation_text import override_options, override_question, violation_lines
from explorer.session.session import Session
from explorer.tui.cells import safe_content, short_key, shorten_middle
from explorer.tui.dialogs.base import Dialog
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.keys import bindings
from explorer.tui.screens.base import ScrollScreen
from explorer.tui.widgets.diff_view import DiffView

_MAX_ADDRESS_WIDTH: Final = 120
_MAX_NOTE_ROWS: Final = 4
_FIXED_ROWS: Final = 5
"""Rows of the box beside notes and diff: borders, title, store and buttons."""


class ReviewScreen(ModalScreen[bool], ScrollScreen[bool], Dialog[bool]):
    """The diff that a save would write; the save key, pressed again, saves. Returns whether to stage the change."""

    DEFAULT_CSS = """
    ReviewScreen { align: center middle; }
    ReviewScreen > .box {
        width: 96%; max-width: 130; height: auto; max-height: 96%; background: $panel; border: round $primary;
        padding: 0 1;
    }
    ReviewScreen .box--title { text-style: bold; height: 1; }
    ReviewScreen .box--store { height: 1; color: $text-muted; }
    ReviewScreen .box--violations { height: auto; max-height: 6; color: $text-error; }
    ReviewScreen .box--notes { height: auto; max-height: 4; color: $text-warning; }
    ReviewScreen .box--reason { height: auto; max-height: 2; color: $text-muted; display: none; }
    ReviewScreen .box--reason.-shown { display: block; }
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
        self._violations = violation_lines(state.violations)

    def compose(self) -> ComposeResult:
        """Compose title, notes, diff and buttons."""
        actions = self.session.actions
        save, back, stage = (actions[name].key_hint(self.place) for name in ("save", "back", "stage"))
        with Vertical(classes="box"):
            title = review_question(self._edit, short_key(self._edit.key))
            yield Static(safe_content(title), classes="box--title", markup=False)
            yield Static(
                safe_content(shorten_middle(f"in {self.session.address}", _MAX_ADDRESS_WIDTH)),
                classes="box--store",
                markup=False,
            )
            if self._violations:
                lines = Content("\n").join(map(safe_content, self._violations))
                yield Static(lines, classes="box--violations", markup=False)
            if self._state.notes:
                notes = Content("\n").join(safe_content(f"▪ {note}") for note in self._state.notes)
                yield Static(notes, classes="box--notes", markup=False)
            reason = Static(safe_content(reason_text(self._edit)), classes="box--reason", markup=False)
            yield reason.set_class(bool(self._edit.reason), "-shown")
            yield DiffView(review_lines(self._edit, self._state))
            with Horizontal(classes="box--buttons"):
                yield Button(
                    safe_content(f"Back ({back})"),
                    compact=True,
                    id="no",
                    variant="primary",
                    action="app.perform('back')",
                )
                yield Button(safe_content(f"Stage ({stage})"), compact=True, id="stage", action="app.perform('stage')")
                yield Button(
                    safe_content(f"{review_word(self._edit, self._state)} ({save})"),
                    compact=True,
                    id="yes",
                    variant="error" if self._violations else "success",
                    action="app.perform('save')",
                )

    def on_mount(self) -> None:
        """Focus the button that does nothing, and fit the diff."""
        self.set_focus(self.query_one("#no"))
        self.call_after_refresh(self.on_resize)

    def accepts_type_ahead(self, event: Key | Paste) -> bool:
        """Accept the keys that save or go back: other ones were typed as text, such as a `q`."""
        names = ("save", "back")
        return isinstance(event, Key) and any(
            event.key in self.session.actions[name].keys_at(self.place) and not event.is_printable for name in names
        )

    def on_resize(self) -> None:
        """Fit the diff to the screen."""
        other_rows = _FIXED_ROWS + min(_MAX_NOTE_ROWS, len(self._state.notes))
        other_rows += sum(static.outer_size.height for static in self.query(".box--violations, .box--reason.-shown"))
        for diff in self.query(DiffView):  # gone if the screen was dismissed at once
            diff.styles.height = max(1, min(diff.count(), self.size.height * 96 // 100 - other_rows))

    def do_save(self) -> None:
        """Save the change; ask first if it breaks constraints."""
        if self.has_result:  # pressed twice while the screen closes
            return
        if names := self._edit.blocking:
            dialog = ChoiceDialog(override_question(names), override_options(names), type_ahead=False)
            self.app.push_screen(dialog, partial(self._on_override, names))
            return
        if self.session.asks_reason and not self._edit.reason:
            self._ask_reason(is_saving=True)
            return
        self.session.start("save", is_enabled=True)
        self.dismiss()

    def do_stage(self) -> None:
        """Keep the change as a draft that is saved together with others."""
        self.dismiss(result=True)

    def do_reason(self) -> None:
        """Ask why this is saved."""
        self._ask_reason(is_saving=False)

    def _ask_reason(self, *, is_saving: bool) -> None:
        self.app.push_screen(
            TextDialog(REASON_QUESTION, self._edit.reason, help=REASON_HELP, allows_empty=not is_saving),
            partial(self._on_reason, is_saving),
        )

    def _on_reason(self, is_saving: bool, reason: str | None) -> None:  # noqa: FBT001 - bound by the caller
        if reason is None or self._edit.state is not self._state:
            return
        self._edit.reason = reason
        if is_saving:
            self.do_save()
        else:
            line = self.query_one(".box--reason", Static)
            line.update(safe_content(reason_text(self._edit)))
            line.set_class(bool(reason), "-shown")
            self.call_after_refresh(self.on_resize)

    def _on_override(self, names: tuple[str, ...], answer: str | None) -> None:
        if answer == "override" and self._edit.state is self._state:
            self._edit.override(names)
            self.do_save()

    def do_back(self) -> None:
        """Return to the editor."""
        self.dismiss()
