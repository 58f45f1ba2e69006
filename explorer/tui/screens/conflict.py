"""A conflict: what an edit began with, what somebody else stored meanwhile, and the edit, side by side."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from explorer.model.events import Deleted
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import Place
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.dialogs.base import Dialog
from explorer.tui.keys import bindings, hint
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.status import StatusLine
from explorer.tui.rendering import named, safe_content
from explorer.tui.screens.help import HelpScreen
from explorer.tui.screens.live import LiveScreen
from explorer.tui.widgets.status_label import StatusLabel
from explorer.tui.widgets.three_way import ThreeWayView

_NAMED_CONFLICTS: Final = 6
"""Places of a conflict that are named; the view shows all of them."""


class ConflictScreen(Dialog[bool], LiveScreen[bool]):
    """Shows the three versions and asks which to go on with.

    Its answer is whether theirs was taken, and the edit given up.
    """

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
        """Put the three side by side."""
        state = self._state
        yield StatusLine(self.session)
        yield Static(
            safe_content(f"{_occasion(self._edit)}; nothing was written."), classes="conflict--title", markup=False
        )
        yield StatusLabel(classes="conflict--facts")
        theirs = "deleted" if state.theirs is None else f"rev {state.theirs.revision}"
        began = "did not exist" if state.base is None else f"rev {state.base.revision}"
        with Horizontal(classes="conflict--names"):
            for name in (f"Base: {began}", f"Theirs: {theirs}", "Mine: not saved"):
                yield Static(safe_content(name), classes="conflict--name", markup=False)
        yield ThreeWayView(state.rows, self._edit.document.language)
        yield Footer(self.session)

    def on_mount(self) -> None:
        """Begin with the first difference."""
        self.set_focus(self.query_one(ThreeWayView))
        self.query_one(Footer).show(Place.CONFLICT)
        self._draw_facts()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._fit_names()
        for view in self.query(ThreeWayView):  # which is gone if the screen was left at once
            view.do_next_difference()

    def on_resize(self) -> None:
        """Keep the names above their columns."""
        self.call_after_refresh(self._fit_names)

    def _fit_names(self) -> None:
        for view in self.query(ThreeWayView):
            for name, cells in zip(self.query(".conflict--name"), view.column_widths, strict=True):
                name.styles.width = cells

    def told(self, parts: Part) -> None:
        """Draw what changed; what somebody else does meanwhile, too."""
        super().told(parts)
        if parts & Part.EDIT and self.query(StatusLabel):
            self._draw_facts()

    @on(ThreeWayView.Moved)
    def _draw_facts(self) -> None:
        """Say what can be put together, where one is, and whether this is still what is stored."""
        view = self.query_one(ThreeWayView)
        lines = self._merge_facts()
        keys = "/".join(hint(self.session.actions[name], self.place) for name in _MOVES)
        place = f"{view.current_difference} of {view.difference_count}" if view.current_difference else ""
        if view.difference_count:
            lines.append(
                safe_content(f"Difference {place or view.difference_count}; {keys} goes to the next", "$text-muted")
            )
        if (warning := self._newer()) is not None:
            lines.append(safe_content(warning, "bold $warning"))
        self.query_one(".conflict--facts", StatusLabel).say(Content("\n").join(lines))

    def _merge_facts(self) -> list[Content]:
        merge = self._state.merge
        both = hint(self.session.actions["use-merged"], self.place)
        if merge is None:
            return [safe_content(f"The two cannot be put together: {self._state.reason}.")]
        if not merge.conflicts:
            return [safe_content(f"Both changes fit together: {both} goes on with both.")]
        shown = merge.conflicts[:_NAMED_CONFLICTS]
        lines = [
            safe_content(
                f"Both changed {pluralize(len(merge.conflicts), 'place')} differently, where {both} takes mine:"
            )
        ]
        lines += [safe_content(f"  ▪ {sanitize(one)}") for one in shown]
        if len(merge.conflicts) > len(shown):
            lines.append(safe_content(f"  ▪ and {len(merge.conflicts) - len(shown)} more"))
        return lines

    def _newer(self) -> str | None:
        """Say that theirs is older than what is stored now."""
        event, theirs = self._edit.theirs, self._state.theirs
        if event is None:
            return None
        if isinstance(event, Deleted):
            what = None if theirs is None else "The key was deleted since"
        else:
            same = theirs is not None and theirs.revision == event.revision
            what = None if same else f"The key was changed again since (rev {event.revision})"
        key = hint(self.session.actions["compare-again"], self.place)
        return None if what is None else f"! {what}: {key} compares with what is stored now."

    def do_use_merged(self) -> None:
        """Go on editing both changes put together."""
        self.session.start("use-merged")
        self.dismiss(result=False)

    def do_take_theirs(self) -> None:
        """Give the edit up."""
        self.dismiss(result=True)

    def do_keep_mine(self) -> None:
        """Store mine over theirs, as it was seen here."""
        self.session.start("keep-mine")
        self.dismiss(result=False)

    def do_compare_again(self) -> None:
        """Compare with what is stored now; that is another conflict, or none any more."""
        self.session.start("compare-again")
        self.dismiss(result=False)

    def do_help(self) -> None:
        """Show what can be done here."""
        self.app.push_screen(HelpScreen(self.session, self.place))

    def do_back(self) -> None:
        """Go back to the text; saving it again asks again."""
        self.dismiss(result=False)


_MOVES: Final = ("next-difference", "previous-difference")


def _occasion(edit: Edit) -> str:
    """Say what somebody else did."""
    key, base = named(edit.key), edit.base
    match edit.state:
        case Conflicted(theirs=None) if base is not None and base.lease is not None:
            return f"{key} was deleted by somebody else, or its lease expired"
        case Conflicted(theirs=None):
            return f"{key} was deleted by somebody else"
        case _ if base is None:
            return f"{key} already exists: it was created by somebody else"
        case _:
            return f"{key} was changed by somebody else"
