"""The browse screen: the panes, the prompts, and the actions on the selected key."""

import asyncio
from collections.abc import Awaitable
from typing import ClassVar, Protocol, runtime_checkable

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.events import Key, ScreenResume
from textual.widgets import Input

from explorer.session.session import Session
from explorer.session.states import Part
from explorer.session.value_text import ONE_FORM
from explorer.tui.flows import goto, revision
from explorer.tui.panes.changes import ChangeList, ChangesPane
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.locks import LocksPane
from explorer.tui.panes.pane import Pane
from explorer.tui.panes.status import StatusLine
from explorer.tui.panes.tree import TreePane
from explorer.tui.panes.value import ValuePane
from explorer.tui.screens.pane_screen import PaneScreen
from explorer.tui.widgets.prompt import Prompt


@runtime_checkable
class KeyExplainer(Protocol):
    """An app that says where a key works."""

    def explain_key(self, key: str) -> None:
        """Show where a key works that does nothing here."""


class BrowseScreen(PaneScreen):
    """The tree with the value, the locks and the changes beside it."""

    BINDINGS: ClassVar[list[BindingType]] = []
    _was_resumed = False

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.add_class("-sides", update=False)
        self._arrived = asyncio.Event()
        self._arrived.set()

    def compose(self) -> ComposeResult:
        """Compose status line, panes, prompts and footer."""
        session = self.session
        yield StatusLine(session)
        with Horizontal(id="panes"):
            with Container(id="left", classes="-shown -zoom"):
                # With the classes of the focused pane: one that is added later has the pane styled again.
                yield TreePane(session, id="tree").add_class("-focused", "-zoom", update=False)
            with Container(id="right"):
                yield ValuePane(session, id="value").add_class("-current", update=False)
                yield LocksPane(session, id="locks")
                yield ChangesPane(session, id="changes")
        yield Prompt("/", id="filter")
        yield Prompt(":", id="go")
        yield Prompt("@", id="revision")
        yield Footer(session)

    # Drawing

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Keep the styles at the first resume: the widgets were just mounted with them."""
        event.refresh_styles = self._was_resumed
        self._was_resumed = True

    def redraw(self, parts: Part) -> None:
        """Redraw what shows one of the parts."""
        if not self.is_mounted:
            return
        for pane in self.query(Pane):
            if pane.parts & parts:
                pane.draw()
        super().redraw(parts)

    def tick(self) -> None:
        """Redraw ages and countdowns."""
        super().tick()
        if not self.session.connection.is_frozen:
            for pane in self.query(Pane):
                if pane.is_ticking and pane.display:
                    pane.draw()

    # Input

    def on_key(self, event: Key) -> None:
        """Say where a key works that does nothing in this pane."""
        if isinstance(self.app, KeyExplainer) and not isinstance(self.focused, Input):
            self.app.explain_key(event.character or event.key)

    def apply_pending_input(self) -> None:
        """Select the key under the tree's cursor, and scroll to it: the message about it may be in the queue."""
        tree = self.query_one(TreePane)
        if self.pane is tree:
            tree.key_tree.scroll_to_cursor(margin=0)
            self.session.select(tree.highlighted_key)

    @on(TreePane.ValueRequested)
    def focus_value(self) -> None:
        """Focus the value, unless the focus is elsewhere by now."""
        if self.pane is self.query_one(TreePane):
            self.focus_pane("value")

    def do_back(self) -> None:
        """Go back one step: end marking, clear the filter, leave the zoom, or focus the tree."""
        if self.session.marked.leave():
            self.query_one(TreePane).draw()
        elif self.session.tree.filter.progress is not None:
            self.query_one(TreePane).clear_filter()
        elif self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        else:
            self.focus_pane("tree")

    # Finding keys

    def do_filter(self) -> None:
        """Open the filter, beside the tree that it filters."""
        self.focus_pane("tree")
        self.query_one(TreePane).open_filter(self.query_one("#filter", Prompt))

    @on(Prompt.Changed, "#filter")
    def filter_while_typing(self, event: Prompt.Changed) -> None:
        """Filter by the text typed so far."""
        self.query_one(TreePane).filter(event.text)

    @on(Prompt.Submitted, "#filter")
    def finish_filter(self, event: Prompt.Submitted) -> None:
        """Keep the filter; clear it if it is empty or was cancelled."""
        event.prompt.close()
        if not event.text:
            self.query_one(TreePane).clear_filter()
        self.focus_pane("tree")

    def do_go(self) -> None:
        """Open the prompt for a key to go to."""
        goto.open_prompt(self, self.session)

    @on(Prompt.Submitted, "#go")
    def go_to_typed_key(self, event: Prompt.Submitted) -> None:
        """Go to the key that was typed."""
        event.prompt.close()
        self.focus_pane("tree")
        if event.text:
            self._start_navigation(goto.go_to_text(self, self.session, event.text))

    def do_revision(self) -> None:
        """Open the prompt for a revision to show."""
        revision.open_prompt(self, self.session)

    @on(Prompt.Submitted, "#revision")
    def show_typed_revision(self, event: Prompt.Submitted) -> None:
        """Show the revision that was typed."""
        event.prompt.close()
        self.focus_pane("tree")
        if event.text is not None:
            revision.show(self, self.session, event.text)

    @on(Pane.KeyRequested)
    def go_to_requested_key(self, event: Pane.KeyRequested) -> None:
        """Go to the key that a pane requests."""
        self.go_to_key(event.key)

    def go_to_key(self, key: str) -> None:
        """Go to a key in the tree."""
        if self.pane is not None:
            self.focus_pane("tree")
        self._start_navigation(goto.go(self, self.session, key))

    async def do_find(self) -> None:
        """Ask what to find, and list what is found."""
        from explorer.tui.flows import results  # noqa: PLC0415 - not needed for the first picture

        await results.find(self, self.session, self.go_to_key)

    def do_journal(self) -> None:
        """List this person's changes."""
        from explorer.tui.flows import results  # noqa: PLC0415 - as above

        results.show_journal(self, self.session, self.go_to_key)

    async def do_compare(self) -> None:
        """Compare the folder under the cursor with another side."""
        from explorer.tui.flows import results  # noqa: PLC0415 - as above

        await results.compare(self, self.session, self.go_to_key)

    def do_hits(self) -> None:
        """List what was found."""
        from explorer.tui.flows import results  # noqa: PLC0415 - as above

        results.show_hits(self, self.session, self.go_to_key)

    async def do_copy_to(self) -> None:
        """Ask where the selected key is copied, and show the plan."""
        await self._copy(move=False)

    async def do_move_to(self) -> None:
        """Ask where the selected key is moved, and show the plan."""
        await self._copy(move=True)

    async def _copy(self, *, move: bool) -> None:
        from explorer.tui.flows import plan_review  # noqa: PLC0415 - as above

        await plan_review.copy(self, self.session, self.session.targets, self.go_to_key, move=move)

    async def do_duplicate(self) -> None:
        """Ask for the name of a copy beside the selected key, and show the plan."""
        from explorer.tui.flows import plan_review  # noqa: PLC0415 - as above

        if self.session.selected is not None:
            await plan_review.duplicate(self, self.session, self.session.selected, self.go_to_key)

    async def do_export(self) -> None:
        """Ask for a file, and write the marked keys, or the selected one, to it."""
        from explorer.tui.flows import plan_review  # noqa: PLC0415 - as above

        await plan_review.export(self, self.session, self.session.targets)

    async def do_stage_delete(self) -> None:
        """Stage the deletion of the marked keys, or of the selected one."""
        from explorer.tui.flows import plan_review  # noqa: PLC0415 - as above

        await plan_review.stage_deletion(self, self.session, self.session.targets)

    async def do_unstage(self) -> None:
        """Take the marked keys, or the selected one, out of the staged changes."""
        from explorer.tui.flows import plan_review  # noqa: PLC0415 - as above

        await plan_review.unstage_keys(self, self.session, self.session.targets)

    def do_save_staged(self) -> None:
        """Show what saving all staged changes would change."""
        from explorer.tui.flows import plan_review  # noqa: PLC0415 - as above

        plan_review.save_staged(self, self.session, self.go_to_key)

    def do_plan(self) -> None:
        """Show the plan that was made last."""
        from explorer.tui.flows import plan_review  # noqa: PLC0415 - as above

        plan_review.show(self, self.session, self.go_to_key)

    def do_next_hit(self) -> None:
        """Go to the next found key."""
        self._go_to_hit(1)

    def do_previous_hit(self) -> None:
        """Go to the found key before."""
        self._go_to_hit(-1)

    def _go_to_hit(self, by: int) -> None:
        from explorer.tui.flows import results  # noqa: PLC0415 - as above

        results.step(self, self.session, by, self.go_to_key)

    def _start_navigation(self, navigation: Awaitable[None]) -> None:
        """Start going to a key; an earlier navigation is cancelled."""
        self._arrived.set()
        self._arrived = asyncio.Event()
        self.run_worker(_navigate(navigation, self._arrived), group="go", exclusive=True)

    @property
    def is_navigating(self) -> bool:
        """True while the screen is on its way to a key that is not selected yet."""
        return not self._arrived.is_set()

    async def wait_until_arrived(self) -> None:
        """Wait until the screen is no longer on its way to a key."""
        while self.is_navigating:
            await self._arrived.wait()

    # The selected key; what the first picture does not need is imported when it is used

    def do_copy(self) -> None:
        """Ask what to copy, and copy it."""
        from explorer.tui.flows import copy  # noqa: PLC0415 - see above

        copy.choose(self, self.session)

    async def do_type(self) -> None:
        """Ask for the type of the value."""
        from explorer.tui.flows import type_choice  # noqa: PLC0415 - see above

        await type_choice.choose(self, self.session)

    def do_form(self) -> None:
        """Show the value in its other form."""
        if not self.session.detail.switch_form():
            self.notify(ONE_FORM, severity="warning")

    async def do_edit(self) -> None:
        """Edit the value in place."""
        from explorer.tui.flows import edit  # noqa: PLC0415 - see above

        await edit.edit_selected(self, self.session)

    async def do_restore(self) -> None:
        """Ask for an earlier value, and edit the value with it."""
        from explorer.tui.flows import edit  # noqa: PLC0415 - see above

        await edit.restore_selected(self, self.session)

    async def do_restore_change(self) -> None:
        """Ask for an earlier value of the changed key, and edit the key with it."""
        from explorer.tui.flows import edit  # noqa: PLC0415 - see above

        change = self.query_one(ChangeList).current_change
        await edit.restore_change(self, self.session, change.key if change else None)

    async def do_edit_outside(self) -> None:
        """Edit the value in $EDITOR."""
        from explorer.tui.flows import edit  # noqa: PLC0415 - see above

        await edit.edit_selected_externally(self, self.session)

    async def do_new(self) -> None:
        """Ask for the name of a new key, and edit its value."""
        from explorer.tui.flows import edit  # noqa: PLC0415 - see above

        await edit.create(self, self.session)

    async def do_drafts(self) -> None:
        """List the drafts."""
        from explorer.tui.flows import drafts  # noqa: PLC0415 - see above

        await drafts.choose(self, self.session)

    async def do_delete(self) -> None:
        """Show what would be deleted, ask, and delete it."""
        from explorer.tui.flows import delete, plan_review  # noqa: PLC0415 - see above

        if self.session.marked:
            plan_review.delete(self, self.session, self.session.targets, self.go_to_key)
        else:
            await delete.delete_selected(self, self.session)

    def do_previous_tab(self) -> None:
        """Show the previous tab of the value."""
        self.query_one(ValuePane).cycle_tab(-1)

    def do_next_tab(self) -> None:
        """Show the next tab of the value."""
        self.query_one(ValuePane).cycle_tab(1)

    def action_show_tab(self, tab: str) -> None:
        """Show the tab that was clicked."""
        self.query_one(ValuePane).show_tab(tab)
        self.focus_pane("value")


async def _navigate(navigation: Awaitable[None], arrived: asyncio.Event) -> None:
    """Wait for a navigation, and set the event however it ends."""
    try:
        await navigation
    finally:
        arrived.set()
