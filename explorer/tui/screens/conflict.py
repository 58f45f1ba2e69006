"""The three-way view of a conflict: base, theirs and mine."""

from typing import ClassVar, Literal

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from explorer.session.actions import Place
from explorer.session.editing.comparison_text import DIFFERENCE_PLACE
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted
from explorer.session.editing.edit_text import (
    REASON_HELP,
    REASON_QUESTION,
    conflict_title,
    expired_question,
    merge_lines,
    outdated_text,
    ttl_options,
    version_names,
)
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.cells import safe_content, short_key
from explorer.tui.dialogs.base import Dialog
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.keys import bindings
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.pane import StatusLabel
from explorer.tui.panes.status import StatusLine
from explorer.tui.screens.base import LiveScreen
from explorer.tui.widgets.three_way_view import ThreeWayView


class ConflictScreen(Dialog[bool], LiveScreen[bool]):
    """Three versions of a value side by side; returns whether theirs was taken."""

    place = Place.CONFLICT
    is_unexpected = True
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.CONFLICT)
    DEFAULT_CSS = """
    ConflictScreen .conflict--title { height: auto; padding: 0 1; background: $warning 20%; text-style: bold; }
    ConflictScreen .conflict--facts { height: auto; max-height: 8; padding: 0 1; }
    ConflictScreen .conflict--names { height: 1; background: $panel; padding: 0 1; }
    ConflictScreen .conflict--name { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ConflictScreen ThreeWayView { height: 1fr; padding: 0 1; }
    """

    def __init__(self, session: Session, edit: Edit, state: Conflicted) -> None:
        super().__init__(session)
        self._edit, self._state = edit, state

    def compose(self) -> ComposeResult:
        """Compose title, facts, column names and view."""
        state = self._state
        yield StatusLine(self.session)
        title = conflict_title(self._edit, short_key(self._edit.key))
        yield Static(safe_content(title), classes="conflict--title", markup=False)
        yield StatusLabel(classes="conflict--facts")
        with Horizontal(classes="conflict--names"):
            for name in version_names(state):
                yield Static(safe_content(name), classes="conflict--name", markup=False)
        yield ThreeWayView(state.rows, self._edit.document.language)
        yield Footer(self.session)

    def on_mount(self) -> None:
        """Focus the view and go to the first difference."""
        self.set_focus(self.query_one(ThreeWayView))
        self.query_one(Footer).show(Place.CONFLICT)
        self._draw_facts()
        self.call_after_refresh(self._go_to_first_difference)

    def _go_to_first_difference(self) -> None:
        self._fit_names()
        for view in self.query(ThreeWayView):  # gone if the screen was dismissed at once
            view.do_next_difference()

    def on_resize(self) -> None:
        """Keep the names above their columns."""
        self.call_after_refresh(self._fit_names)

    def _fit_names(self) -> None:
        for view in self.query(ThreeWayView):
            for name, width in zip(self.query(".conflict--name"), view.column_widths, strict=True):
                name.styles.width = width

    def redraw(self, parts: Part) -> None:
        """Redraw what shows one of the parts."""
        super().redraw(parts)
        if parts & Part.EDIT and self.query(StatusLabel):
            self._draw_facts()

    @on(ThreeWayView.Highlighted)
    def _draw_facts(self) -> None:
        """Show what can be merged, the current difference, and whether theirs is outdated."""
        view = self.query_one(ThreeWayView)
        lines = [safe_content(line) for line in merge_lines(self._state, self._key)]
        if view.difference_count:
            keys = "/".join(self._key(name) for name in ("next-difference", "previous-difference"))
            number = f"{view.current_difference} of {view.difference_count}"
            number = number if view.current_difference else f"{view.difference_count}"
            lines.append(safe_content(DIFFERENCE_PLACE.format(number=number, keys=keys), "$text-muted"))
        if warning := outdated_text(self._edit, self._state, self._key):
            lines.append(safe_content(warning, "bold $warning"))
        self.query_one(".conflict--facts", StatusLabel).set_content(Content("\n").join(lines))

    def _key(self, name: str) -> str:
        return self.session.actions[name].key_hint(self.place)

    # Actions

    def do_use_merged(self) -> None:
        """Continue the edit with both changes merged."""
        self._start("use-merged")

    def do_take_theirs(self) -> None:
        """Close the edit."""
        self.dismiss(result=True)

    def do_keep_mine(self) -> None:
        """Save mine over theirs, if the key has not changed since; ask why where the profile demands it."""
        if self.session.asks_reason and not self._edit.reason:
            self.app.push_screen(TextDialog(REASON_QUESTION, "", help=REASON_HELP), self._on_reason)
        else:
            self._start("keep-mine")

    def _on_reason(self, reason: str | None) -> None:
        if reason and self._edit.state is self._state:
            self._edit.reason = reason
            self._start("keep-mine")

    def do_compare_again(self) -> None:
        """Compare with the stored value; that opens a new view if there still is a conflict."""
        self._start("compare-again")

    def _start(self, name: str) -> None:
        """Start an action of the session, and return to the editor at once: keys pressed next are meant for it."""
        self.session.start(name, is_enabled=True)
        self.dismiss(result=False)

    def do_back(self) -> None:
        """Return to the editor; saving again shows the conflict again."""
        self.dismiss(result=False)


def ask_ttl(app: App[object], edit: Edit, ttl: float) -> None:
    """Ask for the new TTL of a key whose lease expired while it was edited, and save it.

    Args:
        app: The app to ask in.
        edit: The edit of the key.
        ttl: Seconds that were left when the edit began.
    """

    def on_choice(choice: float | Literal["none", "cancel"] | None) -> None:
        match choice:
            case None | "cancel":
                edit.cancel_ttl_choice()
            case "none":
                app.run_worker(edit.keep_mine_for(None), group="keep-mine")
            case _:
                app.run_worker(edit.keep_mine_for(choice), group="keep-mine")

    question = expired_question(short_key(edit.key))
    app.push_screen(ChoiceDialog(question, ttl_options(ttl), is_unexpected=True), on_choice)
