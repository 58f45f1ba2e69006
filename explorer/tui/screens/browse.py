"""The browse screen: the panes, where they stand, and what the keys do that concern them all."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import ClassVar, Protocol, runtime_checkable

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.events import DescendantFocus, Key, ScreenResume
from textual.widgets import Input

from explorer.session.actions import BROWSING, Place
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.flows import goto
from explorer.tui.panes.changes import ChangesPane
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.locks import LocksPane
from explorer.tui.panes.pane import Pane
from explorer.tui.panes.status import StatusLine
from explorer.tui.panes.tree import TreePane
from explorer.tui.panes.value import ValuePane
from explorer.tui.panes.widths import STEP, move_border, move_column
from explorer.tui.screens.live import LiveScreen
from explorer.tui.widgets.key_tree import KeyTree
from explorer.tui.widgets.prompt import Prompt


@runtime_checkable
class KeyExplainer(Protocol):
    """An app that says where a key works."""

    def explain_key(self, key: str) -> None:
        """Say of a key that does nothing here where it does something."""


async def _go(way: Awaitable[None], arrived: asyncio.Event) -> None:
    """Go a way, and say when it ended, however it did."""
    try:
        await way
    finally:
        arrived.set()


_ORDER = ("tree", "value", "locks", "changes")


class BrowseScreen(LiveScreen[None]):
    """The tree with the value, the locks and the changes beside it."""

    place = BROWSING
    BINDINGS: ClassVar[list[BindingType]] = []
    AUTO_FOCUS = "KeyTree"
    _resumed = False

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.add_class("-sides", update=False)
        self._arrived = asyncio.Event()
        self._arrived.set()

    def compose(self) -> ComposeResult:
        """Put the panes together."""
        session = self.session
        yield StatusLine(session)
        with Horizontal(id="panes"):
            with Container(id="left", classes="-shown -zoom"):
                # As the focus will have it: a class that is added later has the pane styled once more.
                yield TreePane(session, id="tree").add_class("-focused", "-zoom", update=False)
            with Container(id="right"):
                yield ValuePane(session, id="value").add_class("-current", update=False)
                yield LocksPane(session, id="locks")
                yield ChangesPane(session, id="changes")
        yield Prompt("/", id="filter")
        yield Prompt(":", id="go")
        yield Footer(session)

    # Drawing

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Let the first resume keep the styles that the widgets were just mounted with."""
        event.refresh_styles = self._resumed
        self._resumed = True

    def told(self, parts: Part) -> None:
        """Draw what changed, in the panes, too."""
        if not self.is_mounted:
            return
        for pane in self.query(Pane):
            if pane.parts & parts:
                pane.draw()
        super().told(parts)

    def tick(self) -> None:
        """Let ages and countdowns go on, in the panes, too."""
        super().tick()
        if not self.session.connection.is_frozen:
            for pane in self.query(Pane):
                if pane.ticking and pane.display:
                    pane.draw()

    # Focus

    def on_key(self, event: Key) -> None:
        """Say of a key of another pane where it works."""
        if isinstance(self.app, KeyExplainer) and not isinstance(self.focused, Input):
            self.app.explain_key(event.character or event.key)

    @on(KeyTree.Moved)
    def show_value_beside_the_tree(self) -> None:
        """Where there is room for one pane beside the tree, let it be the value while one moves in the tree."""
        for pane in self.query(Pane):
            if pane.id != "tree":
                pane.set_class(pane.id == "value", "-current")

    @property
    def pane(self) -> Pane | None:
        """The pane that has the focus."""
        focused = self.focused
        return next((node for node in focused.ancestors_with_self if isinstance(node, Pane)), None) if focused else None

    @on(DescendantFocus)
    def refocused(self) -> None:
        """Show what can be done where the focus is."""
        pane = self.pane
        for prompt in self.query(Prompt):
            if prompt.is_open and not prompt.has_focus_within:
                prompt.close()  # what is typed from now on does not go there
        if pane is not None:
            self._bring(pane)
            self.query_one(Footer).show(pane.place)

    def _bring(self, pane: Pane) -> None:
        """Make a pane the one that is seen where there is room for one only."""
        right = pane.id != "tree"
        self.query_one("#left").set_class(not right, "-shown", "-zoom")
        self.query_one("#right").set_class(right, "-shown", "-zoom")
        for other in self.query(Pane):
            other.set_class(other is pane, "-focused", "-zoom")
            if right:
                other.set_class(other is pane, "-current")

    def align(self) -> None:
        """Show and select what the cursor of the tree is on before an action: its message may be under way."""
        tree = self.query_one(TreePane)
        if self.pane is tree:
            tree.keys.bring_into_sight(margin=0)
            self.session.select(tree.pointed)

    def focus_pane(self, name: str) -> None:
        """Go to a pane."""
        pane = self.query_one(f"#{name}", Pane)
        self._bring(pane)
        pane.focus_body()

    @on(TreePane.Shown)
    def show_value(self) -> None:
        """Go to the value, unless the focus has gone on meanwhile."""
        if self.pane is self.query_one(TreePane):
            self.focus_pane("value")

    def _turn(self, by: int) -> None:
        now = _ORDER.index(self.pane.id or "tree") if self.pane else 0
        self.focus_pane(_ORDER[(now + by) % len(_ORDER)])

    def do_next_pane(self) -> None:
        """Go to the next pane."""
        self._turn(1)

    def do_previous_pane(self) -> None:
        """Go to the pane before."""
        self._turn(-1)

    def do_pane_tree(self) -> None:
        """Go to the tree."""
        self.focus_pane("tree")

    def do_pane_value(self) -> None:
        """Go to the value."""
        self.focus_pane("value")

    def do_pane_locks(self) -> None:
        """Go to the locks."""
        self.focus_pane("locks")

    def do_pane_changes(self) -> None:
        """Go to the change log."""
        self.focus_pane("changes")

    def do_leave_pane(self) -> None:
        """Go back to the tree."""
        self.focus_pane("tree")

    def do_zoom(self) -> None:
        """Give the pane the whole screen, or its own place."""
        self.toggle_class("-zoomed")

    def do_wider(self) -> None:
        """Give the pane more columns."""
        self._widen(STEP)

    def do_narrower(self) -> None:
        """Give the pane fewer columns."""
        self._widen(-STEP)

    def _widen(self, by: int) -> None:
        pane, right = self.pane, self.query_one("#right")
        if self.has_class("-zoomed") or self.has_class("-slim"):
            self.notify("only one pane is shown", markup=False)
        elif pane is None or pane.id == "tree":
            move_border(self.query_one("#left"), right, by)
        elif self.has_class("-wide") and self.has_class("-sides"):
            move_column(right, self.query_one("#value"), by if pane.id == "value" else -by)
        else:
            move_border(self.query_one("#left"), right, -by)

    def do_side_panes(self) -> None:
        """Hide locks and changes, or show them."""
        if not self.has_class("-wide"):
            self.notify("there is room for one pane beside the tree", markup=False)
            return
        self.toggle_class("-sides")
        if self.pane is not None and self.pane.id != "tree":
            self.focus_pane("value")
        else:
            self.show_value_beside_the_tree()

    def do_back(self) -> None:
        """Go back one step: the filter, the zoom, the tree."""
        if self.session.tree.filter_progress is not None:
            self.query_one(TreePane).unfilter()
        elif self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        else:
            self.focus_pane("tree")

    def do_help(self) -> None:
        """Show what can be done here."""
        from explorer.tui.screens import help  # noqa: PLC0415 - no first picture needs it

        self.app.push_screen(help.HelpScreen(self.session, self.pane.place if self.pane else Place.TREE))

    # The session

    def do_reload(self) -> None:
        """Read again everything that is shown, or try again what failed; in the history, read more of it."""
        value = self.query_one(ValuePane)
        if self.pane is value and value.tab == "history":
            self.session.detail.load_earlier()
        else:
            self.session.start("reload")

    def do_writing(self) -> None:
        """Unlock writing, or lock it again."""
        self.session.start("writing")

    def do_freeze(self) -> None:
        """Hold the display, or let it go on."""
        self.session.start("freeze")

    # Finding

    def do_filter(self) -> None:
        """Open the filter."""
        self.query_one(TreePane).filter_with(self.query_one("#filter", Prompt))

    def do_go(self) -> None:
        """Ask for a key to go to."""
        goto.ask(self, self.session)

    @on(Prompt.Typed, "#filter")
    def filtering(self, event: Prompt.Typed) -> None:
        """Filter while it is typed."""
        self.query_one(TreePane).filter(event.text)

    @on(Prompt.Answered, "#filter")
    def filtered(self, event: Prompt.Answered) -> None:
        """Keep the filter, or end it."""
        event.prompt.close()
        if not event.text:
            self.query_one(TreePane).unfilter()
        self.focus_pane("tree")

    def _start_going(self, way: Coroutine[object, object, None]) -> None:
        """Go to a key, and no longer to one before it."""
        self._arrived.set()
        self._arrived = asyncio.Event()
        self.run_worker(_go(way, self._arrived), group="go", exclusive=True)

    @property
    def is_going(self) -> bool:
        """Whether a key is being gone to that is not selected yet."""
        return not self._arrived.is_set()

    async def arrival(self) -> None:
        """Wait until nothing is gone to any more."""
        while self.is_going:
            await self._arrived.wait()

    @on(Pane.Sought)
    def sought(self, event: Pane.Sought) -> None:
        """Go to the key that a pane tells of; whoever has gone on meanwhile keeps the focus."""
        if self.pane is not None:
            self.focus_pane("tree")
        self._start_going(goto.go(self, self.session, event.key))

    @on(Prompt.Answered, "#go")
    def gone(self, event: Prompt.Answered) -> None:
        """Go to the key that was typed."""
        event.prompt.close()
        self.focus_pane("tree")
        if event.text:
            self._start_going(goto.go_to_text(self, self.session, event.text))

    # The value

    def do_copy(self) -> None:
        """Ask what to copy."""
        from explorer.tui.flows import copy  # noqa: PLC0415 - no first picture needs it

        copy.ask(self, self.session)

    def do_type(self) -> None:
        """Ask how the value is to be read."""
        from explorer.tui.flows import type_choice  # noqa: PLC0415 - no first picture needs it

        type_choice.ask_type(self, self.session)

    def do_form(self) -> None:
        """Switch between the forms in which the value can be shown."""
        if not self.session.detail.switch_form():
            self.notify("this value has only one form", severity="warning", markup=False)

    def do_edit(self) -> None:
        """Edit the value in place."""
        from explorer.tui.flows import edit  # noqa: PLC0415 - no first picture needs it

        edit.edit(self, self.session)

    async def do_edit_outside(self) -> None:
        """Edit the value in $EDITOR."""
        from explorer.tui.flows import edit  # noqa: PLC0415 - no first picture needs it

        await edit.edit_outside(self, self.session)

    def do_new(self) -> None:
        """Ask for the name of a new key, and edit it."""
        from explorer.tui.flows import edit  # noqa: PLC0415 - no first picture needs it

        edit.ask_new(self, self.session)

    async def do_drafts(self) -> None:
        """List the drafts."""
        from explorer.tui.flows import drafts  # noqa: PLC0415 - no first picture needs it

        await drafts.ask(self, self.session)

    async def do_delete(self) -> None:
        """Show what would be deleted, and ask."""
        from explorer.tui.flows import delete  # noqa: PLC0415 - no first picture needs it

        await delete.ask(self, self.session)

    def do_previous_tab(self) -> None:
        """Show the tab before."""
        self.query_one(ValuePane).turn(-1)

    def do_next_tab(self) -> None:
        """Show the next tab."""
        self.query_one(ValuePane).turn(1)

    def action_show_tab(self, tab: str) -> None:
        """Show the tab that was clicked."""
        self.query_one(ValuePane).show_tab(tab)
        self.focus_pane("value")
