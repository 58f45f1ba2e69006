"""The editor: one value as text, checked while it is typed, saved only over what was seen."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Key
from textual.widgets import Static, TextArea

from explorer.model.errors import CallNotSupported, InvalidText
from explorer.model.events import Deleted, Put
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import (
    Conflicted,
    Drafting,
    Expired,
    Refused,
    Reviewing,
    Saved,
    Saving,
    Unknown,
)
from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Part
from explorer.tui.dialogs.base import Dialog
from explorer.tui.dialogs.confirm import ChoiceDialog, Option
from explorer.tui.flows.external_editor import edit_externally
from explorer.tui.flows.new_ttl import ask_ttl
from explorer.tui.keys import bindings, hint
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.status import StatusLine
from explorer.tui.rendering import format_bytes, format_duration, middle, named, safe_content
from explorer.tui.screens.conflict import ConflictScreen
from explorer.tui.screens.help import HelpScreen
from explorer.tui.screens.live import LiveScreen
from explorer.tui.screens.review import ReviewScreen
from explorer.tui.widgets.ordered_text_area import OrderedTextArea
from explorer.tui.widgets.pager import Pager

COLOURED: Final = 16 * 1024
"""Characters up to which the text is highlighted while it is edited: beyond, a key press would take too long."""
LARGEST: Final = 128 * 1024
"""Characters up to which a text is edited in place; beyond, $EDITOR does it."""
EXPIRY_TOLERANCE: Final = 2.0
"""Seconds by which a key may be deleted before its TTL ends as it was read, which stores round."""
_GRAMMARS: Final = {"json": "json", "yaml": "yaml"}


class _LongText(Pager):
    """A text that is too long to be typed into: it is read like every other one."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.READER)


class EditScreen(Dialog[bool], LiveScreen[bool]):
    """An open edit on the screen; its answer is whether it was left while the outcome of its save was awaited."""

    place = Place.EDITOR
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.EDITOR)
    DEFAULT_CSS = """
    EditScreen .edit--title {
        height: 1; background: $primary; color: $text; text-style: bold; padding: 0 1; text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    EditScreen .edit--told { height: auto; max-height: 5; padding: 0 1; background: $panel; }
    EditScreen TextArea, EditScreen TextArea:focus { height: 1fr; border: none; padding: 0; }
    """

    def __init__(self, session: Session, edit: Edit) -> None:
        super().__init__(session)
        self.edit = edit
        self._shown: object = None
        self._typed = edit.text
        self._since = session.clock.now()
        self._leaving = False
        """Whether it is being left with a save that goes on."""
        self._place = Place.EDITOR if len(edit.text) <= LARGEST else Place.READER
        """What can be done: a text that is too long is read only."""

    def compose(self) -> ComposeResult:
        """Put the editor together."""
        yield StatusLine(self.session)
        yield Static(classes="edit--title", markup=False)
        yield self._area() if self._place is Place.EDITOR else _LongText(id="long")
        yield Static(classes="edit--told", markup=False)
        yield Footer(self.session)

    def _area(self) -> OrderedTextArea:
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
        return _GRAMMARS.get(self.edit.document.language) if len(self.edit.text) <= COLOURED else None

    def on_mount(self) -> None:
        """Give the text the focus."""
        self.set_focus(self.query("TextArea, Pager").first())
        self.query_one(Footer).show(self._place)
        self.draw()

    def told(self, parts: Part) -> None:
        """Draw what changed, the edit too."""
        if not self.is_mounted:
            return
        super().told(parts)
        if parts & Part.EDIT or (parts & Part.LIVENESS and isinstance(self.edit.state, Refused)):
            self.draw()

    @on(TextArea.Changed)
    def typing(self, event: TextArea.Changed) -> None:
        """Take over what is typed."""
        self._take(event.text_area.text)

    def _take(self, text: str) -> None:
        if text != self._typed:
            self._typed = text
            self.edit.set_text(text)

    def align(self) -> None:
        """Take over what is typed before something is done with it: the message of the area may be under way."""
        for area in self.query(TextArea):
            if self.edit.is_settled:
                self._take(area.text)

    def _paste(self, area: OrderedTextArea, text: str) -> None:
        """Insert pasted text as it is written in this document, with escapes for what an editor would alter."""
        document, pasted = self.edit.document.paste(text)
        if document is self.edit.document:
            area.put(pasted)
            if pasted != text:
                self.notify("pasted with escapes for what cannot be edited as it is", markup=False)
            return
        start, end = sorted(area.selection)
        before, after = area.get_text_range((0, 0), start), area.get_text_range(end, area.document.end)
        head = document.paste(before)[1] + pasted
        self.edit.set_document(document, head + document.paste(after)[1])
        self.draw()
        area.move_cursor((head.count("\n"), len(head) - head.rfind("\n") - 1))
        self.notify("shown escaped from now on: what was pasted cannot be edited as it is", markup=False)

    def on_key(self, event: Key) -> None:
        """Say that a character is not taken while a save is under way; it is meant as text and does nothing else."""
        if event.is_printable and self._place is Place.EDITOR and not self.edit.is_settled:
            event.stop()
            self.notify(f"not typed: {self._waiting()}", severity="warning", markup=False)

    def _key(self, name: str) -> str:
        """Return the key of an action as the person has it."""
        return hint(self.session.actions[name], self._place)

    def _waiting(self) -> str:
        seconds = self.session.clock.now() - self._since
        return f"saving … {format_duration(seconds)}; {self._key('back')} leaves, and the save goes on"

    # Drawing

    def on_resize(self) -> None:
        """Fit the title to the width."""
        if self.is_mounted:
            self.draw()

    def tick(self) -> None:
        """Let the countdown of the key and the seconds of a save go on, too."""
        super().tick()
        if self.is_mounted and (self.edit.expires_at is not None or isinstance(self.edit.state, Saving)):
            self.draw()

    def _time_left(self) -> str:
        """Return when the key expires, as far as that is known: its holder may renew it."""
        if self.edit.expires_at is None or self.edit.theirs is not None:
            return ""
        left = self.edit.expires_at - self.session.clock.now()
        return (
            f", expires in {format_duration(left)} unless renewed"
            if left > 0
            else ", its TTL has run out unless renewed"
        )

    def draw(self) -> None:
        """Show how the edit stands."""
        edit = self.edit
        if edit.state is not self._shown:
            self._since = self.session.clock.now()
        began = "a new key" if edit.base is None else f"from rev {edit.base.revision}{self._time_left()}"
        title = f"{sanitize(edit.key)}  ({began}, {edit.document.title})"
        self.query_one(".edit--title", Static).update(safe_content(middle(title, max(10, self.size.width - 2))))
        self.query_one(".edit--told", Static).update(self._told())
        self._show_text()
        if edit.state is not self._shown:
            self._shown = edit.state
            self._react()

    def _show_text(self) -> None:
        edit = self.edit
        for pager in self.query(Pager):
            pager.show(edit.text, edit.document.language, keep=True)
        for area in self.query(TextArea):
            area.read_only = not edit.is_settled
            if edit.text != self._typed:
                area.language = self._grammar()
                area.load_text(edit.text)
        self._typed = edit.text

    def _told(self) -> Content:
        edit = self.edit
        save = self._key("save")
        lines = [safe_content(f"▪ {note}", "$text-warning") for note in edit.document.notes[:2]]
        if self._place is Place.READER:
            outside_key, most = self._key("edit-outside"), format_bytes(LARGEST)
            words = f"▪ read-only here: longer than {most}; {outside_key} edits it in $EDITOR"
            lines.append(safe_content(words, "bold $warning"))
        match edit.state:
            case Drafting(error=error) if error is not None:
                lines.append(safe_content(f"✗ {error.message}", "$error"))
            case Drafting(changed=True, notes=notes):
                lines += [safe_content(f"▪ saving {note}") for note in notes[:2]]
                lines.append(safe_content(f"changed; {save} shows what saving would change", "$text-muted"))
            case Drafting():
                lines.append(safe_content("nothing changed yet", "$text-muted"))
            case Saving():
                lines.append(safe_content(self._waiting(), "bold"))
            case Unknown(reason=reason):
                lines.append(
                    safe_content(
                        f"? It is not known whether this was saved: {reason}. {self._key('look-again')} looks again.",
                        "bold $warning",
                    )
                )
            case Refused(is_over=True):
                lines.append(safe_content(f"✗ not saved; the store answers again: {save} saves", "bold $warning"))
            case Refused(error=error):
                hint = f" {error.hint}" if error.hint else ""
                over = error.retryable and self.session.liveness.status is LivenessStatus.LIVE
                again = f" The store answers again: {save} tries again." if over else ""
                lines.append(safe_content(f"✗ not saved: {error.message}.{again or hint}", "bold $error"))
            case Conflicted():
                lines.append(safe_content(f"✗ not saved: somebody else was first; {save} shows both", "bold $error"))
            case Reviewing():
                lines.append(safe_content(f"{save} shows again what saving would change", "$text-muted"))
            case _:
                pass
        if edit.theirs is not None and not isinstance(edit.state, Conflicted):
            invalid = isinstance(edit.state, Drafting) and edit.state.error is not None
            both = "" if invalid else f"; {save} shows both"
            lines.append(safe_content(f"! {self._change_of_theirs(edit.theirs)}{both}", "bold $warning"))
        if edit.draft_error:
            lines.append(safe_content(f"! {edit.draft_error}", "$warning"))
        return Content("\n").join(lines)

    def _change_of_theirs(self, theirs: Put | Deleted) -> str:
        if isinstance(theirs, Put):
            return f"Meanwhile somebody else has changed this key (rev {theirs.revision})"
        if self.edit.expires_at is not None and self.session.clock.now() >= self.edit.expires_at - EXPIRY_TOLERANCE:
            return "Meanwhile the TTL of this key has run out and it was deleted"
        revision = "" if theirs.revision is None else f" (rev {theirs.revision})"
        return f"Meanwhile somebody else has deleted this key{revision}"

    def _react(self) -> None:
        if self._leaving:
            return  # whoever opened this screen says what comes of the save
        match self.edit.state:
            case Reviewing() as state:
                self.app.push_screen(ReviewScreen(self.session, self.edit, state), self._reviewed)
            case Conflicted() as state:
                self._meet(state)
            case Expired(ttl=ttl):
                ask_ttl(self.app, self.edit, ttl)
            case Saved(entry=entry, written=written):
                said = (
                    f"saved {named(self.edit.key)} (rev {entry.revision})" if written else "nothing to save: unchanged"
                )
                self._leave(said)
            case _:
                pass

    def _meet(self, state: Conflicted) -> None:
        self.app.push_screen(ConflictScreen(self.session, self.edit, state), self._met)

    def _met(self, taken: bool | None) -> None:  # noqa: FBT001 - what a screen was left with
        if taken:
            self.run_worker(self._take_theirs())
        else:
            self.draw()

    async def _take_theirs(self) -> None:
        kept = self.edit.is_unsaved and self.edit.draft_error is None
        await self.session.take_theirs()
        self.dismiss(result=False)
        self.notify(f"kept what is stored{'; your text is kept as a draft' if kept else ''}", markup=False)

    def _reviewed(self, yes: bool | None) -> None:  # noqa: FBT001 - what a question was answered with
        if yes:
            self._start("save")

    def _leave(self, said: str, *, keep: bool = False) -> None:
        self.run_worker(self._close(keep=keep))
        self.notify(sanitize(said), markup=False)

    async def _close(self, *, keep: bool) -> None:
        if self.session.current_edit is self.edit:
            await self.session.editor.leave(keep=keep)
        self.dismiss(result=False)

    async def _leave_awaited(self) -> None:
        """Leave a save to itself, if its text is kept until the outcome is known."""
        self._leaving = True
        if await self.session.editor.leave(keep=True):
            self.dismiss(result=True)
            return
        self._leaving, self._shown = False, None
        problem = self.edit.draft_error or "no draft can be kept"
        self.notify(sanitize(f"not left: the save goes on, and {problem}"), severity="warning", markup=False)
        self.draw()

    def _start(self, name: str) -> None:
        try:
            self.session.start(name)
        except CallNotSupported as error:
            self.notify(sanitize(error.message), severity="warning", markup=False)

    # What keys do

    def do_save(self) -> None:
        """Show what saving would change, or the other side of a conflict again."""
        match self.edit.state:
            case Conflicted() as state:
                self._meet(state)
            case Reviewing() as state:
                self.app.push_screen(ReviewScreen(self.session, self.edit, state), self._reviewed)
            case _:
                self._start("save")

    def do_look_again(self) -> None:
        """Find out what became of a save in doubt."""
        self._start("look-again")

    async def do_form(self) -> None:
        """Go on in the other form."""
        try:
            await self.edit.change_form()
        except InvalidText as error:
            self.notify(sanitize(error.message), severity="warning", markup=False)

    async def do_edit_outside(self) -> None:
        """Go on in $EDITOR."""
        outcome = await edit_externally(self.app, self.edit.key, self.edit.text, self.edit.document.language)
        if outcome.text is not None:
            self.edit.replace_text(outcome.text)
        outcome.show(self.app)

    def do_help(self) -> None:
        """Show what can be done here."""
        self.app.push_screen(HelpScreen(self.session, self._place))

    def do_back(self) -> None:
        """Leave; what was typed is asked about, unless it is being saved."""
        if not self.edit.is_settled:
            self.run_worker(self._leave_awaited(), group="leave", exclusive=True)
            return
        if not self.edit.is_unsaved:
            self._leave("nothing was written")
            return
        options = [
            Option("Go on editing", "stay"),
            Option("Leave, keep the draft", "keep", "it is offered again when this key is edited"),
            Option("Leave, throw the text away", "discard"),
        ]
        self.app.push_screen(ChoiceDialog(f"{named(self.edit.key)} is not saved", options), self._answered)

    def _answered(self, answer: str | None) -> None:
        if answer in {"keep", "discard"}:
            keep = answer == "keep"
            self._leave("the draft is kept" if keep else "the text was discarded", keep=keep)
