"""The editor: a value as text, checked while typing, and saved only over the revision it began with."""

from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Key
from textual.widgets import Static, TextArea

from explorer.model.errors import CallNotSupported, InvalidText
from explorer.session.actions import Place
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted, Expired, Refused, Reviewing, Saved, Saving
from explorer.session.editing.edit_text import (
    NOTHING_CHANGED,
    leave_options,
    leave_outcome,
    leave_question,
    not_left_text,
    saved_text,
    staged_text,
    taken_text,
)
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.cells import safe_content, short_key, shorten_middle
from explorer.tui.dialogs.base import Dialog
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.flows.external_editor import edit_externally
from explorer.tui.keys import bindings
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.status import StatusLine
from explorer.tui.screens.base import LiveScreen
from explorer.tui.screens.conflict import ConflictScreen, ask_ttl
from explorer.tui.screens.edit_status import MAX_EDITED, EditStatus
from explorer.tui.screens.review import ReviewScreen
from explorer.tui.type_ahead import drop_keys, release_keys, run_flow
from explorer.tui.widgets.ordered_text_area import OrderedTextArea
from explorer.tui.widgets.pager import Pager

MAX_HIGHLIGHTED: Final = 16 * 1024
"""Characters up to which the syntax is highlighted; in a longer text, a key press would take too long."""
_GRAMMARS: Final = {"json": "json", "yaml": "yaml"}


class _LongText(Pager):
    """A text that is too long to be edited in place."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.READER)


class EditScreen(Dialog[bool], LiveScreen[bool]):
    """An open edit; returns whether it was left while its save went on."""

    place = Place.EDITOR
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.EDITOR)
    DEFAULT_CSS = """
    EditScreen .edit--title {
        height: 1; background: $primary; color: $text; text-style: bold; padding: 0 1; text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    EditScreen .edit--status { height: auto; max-height: 5; padding: 0 1; background: $panel; }
    EditScreen TextArea, EditScreen TextArea:focus { height: 1fr; border: none; padding: 0; }
    """

    def __init__(self, session: Session, edit: Edit) -> None:
        super().__init__(session)
        self.edit = edit
        if len(edit.text) > MAX_EDITED:
            self.place = Place.READER
            self.is_unexpected = True  # not as an editor, in which text can be typed
        self._status = EditStatus(session, edit, self.place)
        self._drawn_state: object = None
        self._text = edit.text
        """The text as it is in the text area."""
        self._is_leaving = False
        """True if the screen is being left while the save goes on."""
        self._review: ReviewScreen | None = None
        """The review of the state that was drawn last."""

    def compose(self) -> ComposeResult:
        """Compose title, text and status."""
        yield StatusLine(self.session)
        yield Static(classes="edit--title", markup=False)
        yield self._text_area() if self.place is Place.EDITOR else _LongText(id="long")
        yield Static(classes="edit--status", markup=False)
        yield Footer(self.session)

    def _text_area(self) -> OrderedTextArea:
        area = OrderedTextArea(
            self.edit.text,
            language=self._grammar(),
            soft_wrap=True,
            show_line_numbers=True,
            tab_behavior="indent",
            max_checkpoints=200,
        )
        area.cursor_blink = False
        area.on_special_paste = self._paste
        return area

    def _grammar(self) -> str | None:
        return _GRAMMARS.get(self.edit.document.language) if len(self.edit.text) <= MAX_HIGHLIGHTED else None

    def on_mount(self) -> None:
        """Focus the text."""
        self.set_focus(self.query("TextArea, Pager").first())
        self.query_one(Footer).show(self.place)
        self.draw()

    # Input

    @on(TextArea.Changed)
    def update_draft(self, event: TextArea.Changed) -> None:
        """Pass the typed text to the edit."""
        self._update_draft(event.text_area.text)

    def _update_draft(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.edit.set_text(text)

    def apply_pending_input(self) -> None:
        """Pass the typed text to the edit: the message about it may be in the queue."""
        for area in self.query(TextArea):
            if self.edit.is_settled:
                self._update_draft(area.text)

    def _paste(self, area: OrderedTextArea, text: str) -> None:
        """Insert pasted text, with escapes for what a text area cannot keep as it is."""
        document, pasted = self.edit.document.paste(text)
        if document is self.edit.document:
            area.insert_at_cursor(pasted)
            if pasted != text:
                self.notify("pasted with escapes for characters that cannot be edited")
            return
        start, end = sorted(area.selection)
        before, after = area.get_text_range((0, 0), start), area.get_text_range(end, area.document.end)
        head = document.paste(before)[1] + pasted
        self.edit.set_document(document, head + document.paste(after)[1])
        self.draw()
        area.move_cursor((head.count("\n"), len(head) - head.rfind("\n") - 1))
        self.notify("the text now has escapes: it holds characters that cannot be edited")

    def on_key(self, event: Key) -> None:
        """Reject characters during a save: they are meant as text, and perform no action."""
        if event.is_printable and self.place is Place.EDITOR and not self.edit.is_settled:
            event.stop()
            self.notify(f"not typed: {self._status.saving_text}", severity="warning")

    # Drawing

    def redraw(self, parts: Part) -> None:
        """Redraw what shows one of the parts."""
        if not self.is_mounted:
            return
        super().redraw(parts)
        if parts & Part.EDIT or (parts & Part.LIVENESS and isinstance(self.edit.state, Refused)):
            self.draw()

    def tick(self) -> None:
        """Redraw ages and countdowns."""
        super().tick()
        if self.is_mounted and (self.edit.expires_at is not None or isinstance(self.edit.state, Saving)):
            self.draw()

    def on_resize(self) -> None:
        """Fit the title to the width."""
        if self.is_mounted:
            self.draw()

    def draw(self) -> None:
        """Show the edit as it is now, and open what a new state needs."""
        is_new_state = self.edit.state is not self._drawn_state
        if is_new_state:
            self._status.since = self.session.clock.now()
        title = shorten_middle(self._status.title, max(10, self.size.width - 2))
        self.query_one(".edit--title", Static).update(safe_content(title))
        self.query_one(".edit--status", Static).update(self._status.lines)
        self._show_text()
        if is_new_state:
            self._drawn_state = self.edit.state
            self._open_dialog()

    def _show_text(self) -> None:
        edit = self.edit
        for pager in self.query(Pager):
            pager.show(edit.text, edit.document.language, keep=True)
        for area in self.query(TextArea):
            area.read_only = not edit.is_settled
            if edit.text != self._text:
                area.language = self._grammar()
                area.load_text(edit.text)
        self._text = edit.text

    def _open_dialog(self) -> None:
        """Open the screen of the state of the edit; close a saved one."""
        if self._review is not None:
            self._review.dismiss()  # the save key may have been pressed before it opened
            self._review = None
        if self._is_leaving:
            return  # the flow that opened this screen shows the outcome
        match self.edit.state:
            case Reviewing() as state:
                self._review = ReviewScreen(self.session, self.edit, state)
                self.app.push_screen(self._review, self._on_review_closed)
            case Conflicted() as state:
                self.app.push_screen(ConflictScreen(self.session, self.edit, state), self._on_conflict_closed)
            case Expired(ttl=ttl):
                ask_ttl(self.app, self.edit, ttl)
            case Saved() as state:
                # What was typed meanwhile was text: the editor closes by itself.
                self._close(saved_text(state, short_key(self.edit.key)), drop=True)
            case _:
                pass

    def _on_review_closed(self, is_staged: bool | None) -> None:  # noqa: FBT001 - the screen's result
        if is_staged:
            run_flow(self, self._stage, group="stage")

    async def _stage(self) -> None:
        try:
            await self.session.editor.stage()
        except CallNotSupported as error:
            self.notify(f"not staged: {error.message}", severity="warning")
        else:
            self.dismiss(result=False)
            key = self.session.actions["save-staged"].key_hint(Place.TREE) or "the command Save staged"
            self.notify(staged_text(len(self.session.editor.staged), key))
        release_keys()

    def _on_conflict_closed(self, took_theirs: bool | None) -> None:  # noqa: FBT001 - the screen's result
        if took_theirs:
            run_flow(self, self._take_theirs, group="take-theirs")
        else:
            self.draw()

    async def _take_theirs(self) -> None:
        text = taken_text(self.edit)
        await self.session.take_theirs()
        self.dismiss(result=False)
        self.notify(text)
        release_keys()

    # Closing

    def _close(self, message: str, *, keep_draft: bool = False, drop: bool = False) -> None:
        """Leave the editor; what is typed meanwhile is for the screen below, or dropped."""
        for area in self.query(TextArea):
            area.read_only = True
        run_flow(self, partial(self._leave, message, keep_draft=keep_draft, drop=drop), group="leave")

    async def _leave(self, message: str, *, keep_draft: bool, drop: bool) -> None:
        """Close the edit, then say so: a key pressed by somebody who has read the notice is for the screen below."""
        if self.session.current_edit is self.edit:
            await self.session.editor.leave(keep=keep_draft)
        self.dismiss(result=False)
        self.notify(message)
        if drop:
            drop_keys()
        else:
            release_keys()

    async def _leave_while_saving(self) -> None:
        """Leave while the save goes on, if the text is kept as a draft until its outcome is known."""
        self._is_leaving = True
        if await self.session.editor.leave(keep=True):
            self.dismiss(result=True)
            release_keys()
            return
        self._is_leaving, self._drawn_state = False, None
        self.notify(not_left_text(self.edit), severity="warning")
        self.draw()
        release_keys()

    # Actions

    def do_save(self) -> None:
        """Review the change, or show the review or the conflict again."""
        state = self.edit.state
        is_drawn = state is self._drawn_state
        if isinstance(state, Conflicted) and not is_drawn:
            self.draw()
        elif isinstance(state, Conflicted | Reviewing) and is_drawn:
            self._open_dialog()
        else:  # also where the review has not opened yet: it accepts this key, however early it is pressed
            self.session.start("save", is_enabled=True)

    async def do_form(self) -> None:
        """Edit the value in its other form."""
        try:
            await self.edit.change_form()
        except InvalidText as error:
            self.notify(error.message, severity="warning")
        release_keys()

    async def do_edit_outside(self) -> None:
        """Continue in $EDITOR."""
        outcome = await edit_externally(self.app, self.edit.key, self.edit.text, self.edit.document.language)
        if outcome.text is not None:
            self.edit.replace_text(outcome.text)
        outcome.show_problem(self.app)
        release_keys()

    def do_back(self) -> None:
        """Leave the editor; ask what to do with unsaved text."""
        if not self.edit.is_settled:
            run_flow(self, self._leave_while_saving, group="leave")
        elif self.edit.is_unsaved:
            question = leave_question(short_key(self.edit.key))
            self.app.push_screen(ChoiceDialog(question, leave_options(), type_ahead=False), self._on_leave_choice)
        else:
            self._close(NOTHING_CHANGED)

    def _on_leave_choice(self, choice: str | None) -> None:
        if choice == "keep":
            self._close(leave_outcome(is_kept=True), keep_draft=True)
        elif choice == "discard":
            self._close(leave_outcome(is_kept=False))
