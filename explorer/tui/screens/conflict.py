"""The three-way view of a conflict: base, theirs and mine."""

from typing import ClassVar, Final

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from explorer.model.events import Deleted
from explorer.model.format import format_duration
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import Place
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted
from explorer.session.session import Session
from explorer.session.states import Option, Part
from explorer.tui.dialogs.base import Dialog
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.keys import bindings, hint
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.pane import StatusLabel
from explorer.tui.panes.status import StatusLine
from explorer.tui.rendering import safe_content, short_key
from explorer.tui.screens.base import LiveScreen
from explorer.tui.widgets.three_way_view import ThreeWayView

_MAX_LISTED_CONFLICTS: Final = 6
"""Conflicting places that are listed above the view."""
_LONGER_TTLS: Final = (60.0, 3600.0)
"""Seconds that are offered besides the TTL that the key had."""
_CANCEL: Final = -1.0


class ConflictScreen(Dialog[bool], LiveScreen[bool]):
    """Three versions of a value side by side; returns whether theirs was taken."""

    place = Place.CONFLICT
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
        title = f"{_cause(self._edit)}; nothing was written."
        yield Static(safe_content(title), classes="conflict--title", markup=False)
        yield StatusLabel(classes="conflict--facts")
        base = "did not exist" if state.base is None else f"rev {state.base.revision}"
        theirs = "deleted" if state.theirs is None else f"rev {state.theirs.revision}"
        with Horizontal(classes="conflict--names"):
            for name in (f"Base: {base}", f"Theirs: {theirs}", "Mine: not saved"):
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
        lines = self._merge_facts()
        if view.difference_count:
            keys = "/".join(self._key(name) for name in ("next-difference", "previous-difference"))
            number = f"{view.current_difference} of {view.difference_count}"
            number = number if view.current_difference else f"{view.difference_count}"
            lines.append(safe_content(f"Difference {number}; {keys}: next, previous", "$text-muted"))
        if (warning := self._outdated_warning()) is not None:
            lines.append(safe_content(warning, "bold $warning"))
        self.query_one(".conflict--facts", StatusLabel).set_content(Content("\n").join(lines))

    def _key(self, name: str) -> str:
        return hint(self.session.actions[name], self.place)

    def _merge_facts(self) -> list[Content]:
        merge = self._state.merge
        key = self._key("use-merged")
        if merge is None:
            return [safe_content(f"The changes cannot be merged: {self._state.reason}.")]
        if not merge.conflicts:
            return [safe_content(f"The changes can be merged without a conflict: {key} merges them.")]
        listed = merge.conflicts[:_MAX_LISTED_CONFLICTS]
        count = pluralize(len(merge.conflicts), "conflict")
        lines = [safe_content(f"{count} between the changes: {key} merges them and keeps mine in these places:")]
        lines += [safe_content(f"  ▪ {sanitize(conflict)}") for conflict in listed]
        if len(merge.conflicts) > len(listed):
            lines.append(safe_content(f"  ▪ and {len(merge.conflicts) - len(listed)} more"))
        return lines

    def _outdated_warning(self) -> str | None:
        """Return a warning if theirs is not what is stored by now."""
        event, theirs = self._edit.theirs, self._state.theirs
        if event is None:
            return None
        if isinstance(event, Deleted):
            change = None if theirs is None else "The key was deleted meanwhile"
        else:
            is_same = theirs is not None and theirs.revision == event.revision
            change = None if is_same else f"The key was changed again (rev {event.revision})"
        return None if change is None else f"! {change}: {self._key('compare-again')} compares with the stored value."

    # Actions

    def do_use_merged(self) -> None:
        """Continue the edit with both changes merged."""
        self._start("use-merged")

    def do_take_theirs(self) -> None:
        """Close the edit."""
        self.dismiss(result=True)

    def do_keep_mine(self) -> None:
        """Save mine over theirs, if the key has not changed since."""
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


def _cause(edit: Edit) -> str:
    """Return what another client did."""
    key, base = short_key(edit.key), edit.base
    match edit.state:
        case Conflicted(theirs=None) if base is not None and base.lease is not None:
            return f"{key} was deleted by another client, or its lease expired"
        case Conflicted(theirs=None):
            return f"{key} was deleted by another client"
        case _ if base is None:
            return f"{key} already exists: it was created by another client"
        case _:
            return f"{key} was changed by another client"


def ask_ttl(app: App[object], edit: Edit, ttl: float) -> None:
    """Ask for the new TTL of a key whose lease expired while it was edited, and save it.

    Args:
        app: The app to ask in.
        edit: The edit of the key.
        ttl: Seconds that were left when the edit began.
    """
    left = max(1.0, round(ttl))
    ttls = [left, *(one for one in _LONGER_TTLS if one > left)]
    options: list[Option[float | None]] = [Option(f"Save with a TTL of {format_duration(one)}", one) for one in ttls]
    options[0] = Option(options[0].title, left, "what was left when the edit began")
    options += [Option("Save without a TTL", None, "the key stays until it is deleted"), Option("Do not save", _CANCEL)]

    def on_choice(option: Option[float | None] | None) -> None:
        if option is None or option.value == _CANCEL:
            edit.cancel_ttl_choice()
        else:
            app.run_worker(edit.keep_mine_for(option.value), group="keep-mine")

    wrapped = [Option(option.title, option, option.details) for option in options]
    app.push_screen(ChoiceDialog(f"The lease of {short_key(edit.key)} expired and the key is gone", wrapped), on_choice)
