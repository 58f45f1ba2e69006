"""Flows of an edit: open one, leave it, and what its states ask."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from explorer.model.errors import ExplorerError, InvalidText
from explorer.model.format import format_bytes
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.earlier_values import NO_EARLIER_VALUES, RESTORE_QUESTION, restore_options
from explorer.session.editing.draft_text import continuable_drafts, draft_options, drafts_question
from explorer.session.editing.drafts import Draft
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted, Expired, Reviewing, Saved, State
from explorer.session.editing.edit_text import (
    NOTHING_CHANGED,
    REASON_HELP,
    REASON_QUESTION,
    expired_question,
    leave_options,
    leave_outcome,
    leave_question,
    left_text,
    not_left_text,
    saved_text,
    staged_text,
    taken_text,
    ttl_options,
)
from explorer.session.editing.violation_text import override_options, override_question
from explorer.session.session import Session
from explorer.session.states import Option, Part, Tone
from explorer.session.value_text import ONE_FORM
from widgets.dialogs import Dialog
from widgets.panes.changes import ChangesPane
from widgets.panes.edit import MAX_EDITED

if TYPE_CHECKING:
    from widgets.live_session import LiveSession
    from widgets.view import View

Flow: TypeAlias = Callable[["View"], Coroutine[object, object, None]]

NO_EDITOR: Final = "no widget of this session edits values"


async def edit_selected(view: "View") -> None:
    """Edit the selected value; if there are drafts of it, ask which text to begin with."""
    session = view.session
    if not view.live.has_editor:
        view.notify(NO_EDITOR, "warning")
        return
    loaded = session.detail.loaded
    if loaded is not None and len(loaded.document.text) > MAX_EDITED:
        view.notify(f"not edited here: the text is longer than {format_bytes(MAX_EDITED)}", "warning")
        return
    drafts = continuable_drafts(session.editor.drafts, session.selected)
    reply = await view.ask(Dialog(drafts_question(drafts), draft_options(drafts))) if drafts else None
    if drafts and reply is None:
        return
    try:
        if reply is not None and isinstance(reply.value, Draft):
            await session.editor.resume_draft(reply.value)
        else:
            if reply is not None and reply.value == "discard":
                await session.editor.discard(drafts[0])
            session.edit()
    except ExplorerError as error:
        view.notify(sanitize(error.message), "error")
    else:
        view.show_editor()


async def restore_selected(view: "View") -> None:
    """Ask for an earlier value of the selected key, and open an edit with it."""
    session = view.session
    if not view.live.has_editor:
        view.notify(NO_EDITOR, "warning")
        return
    key = session.selected
    try:
        value = None if key is None else await _earlier_value(view, key)
        if value is None or key != session.selected:
            return
        await session.restore(value)
    except ExplorerError as error:
        view.notify(sanitize(error.message), "error")
    else:
        view.show_editor()


async def restore_change(view: "View") -> None:
    """Ask for an earlier value of the key of the current change, and open an edit that gives it to the key again."""
    pane = view.live.panes["changes"]
    key = pane.current_key if isinstance(pane, ChangesPane) else None
    if not view.live.has_editor:
        view.notify(NO_EDITOR, "warning")
        return
    try:
        value = None if key is None else await _earlier_value(view, key)
        if key is None or value is None:
            return
        await view.session.bring_back(key, value)
    except ExplorerError as error:
        view.notify(sanitize(error.message), "error")
    else:
        view.show_editor()


async def _earlier_value(view: "View", key: str) -> bytes | None:
    """Ask for an earlier value of a key; None if none was chosen."""
    options = await restore_options(view.session, key)
    if not options:
        view.notify(NO_EARLIER_VALUES, "information")
        return None
    reply = await view.ask(Dialog(RESTORE_QUESTION, options))
    return None if reply is None else reply.value


async def switch_form(view: "View") -> None:
    """Show the value in its other form."""
    if not view.session.detail.switch_form():
        view.notify(ONE_FORM, "warning")


async def change_form(view: "View") -> None:
    """Edit the value in its other form."""
    edit = view.session.current_edit
    if edit is not None:
        try:
            await edit.change_form()
        except InvalidText as error:
            view.notify(sanitize(error.message), "warning")


# Leaving


async def leave(view: "View") -> None:
    """Close what is open, one step at a time: a review or a conflict, then the edit; ask about unsaved text."""
    session, pane = view.session, view.live.edit
    edit = session.current_edit
    if edit is None:
        return
    if pane.compared is not None:
        pane.compared = None
        view.send_changes(Part.EDIT)
        return
    if not edit.is_settled:
        await _leave_while_saving(view, edit)
        return
    name = sanitize(edit.key)
    if not edit.is_unsaved:
        await session.editor.leave()
        view.notify(NOTHING_CHANGED, "information")
        return
    reply = await view.ask(Dialog(leave_question(name), leave_options()))
    if reply is None or reply.value == "stay" or session.current_edit is not edit:
        return
    await session.editor.leave(keep=reply.value == "keep")
    view.notify(leave_outcome(is_kept=reply.value == "keep"), "information")


async def _leave_while_saving(view: "View", edit: Edit) -> None:
    """Leave while the save goes on, if the text is kept as a draft until its outcome is known."""
    if await view.session.editor.leave(keep=True):
        view.live.start(_show_outcome(view.live, edit), name="outcome of a save")
    else:
        view.notify(not_left_text(edit), "warning")


async def _show_outcome(live: "LiveSession", edit: Edit) -> None:
    """Show the outcome of a save whose editor was left, however long that takes."""
    name = sanitize(edit.key)
    while not edit.is_settled:
        live.notify(*left_text(edit, name))
        await _next_state(live.session, edit, edit.state)
    live.notify(*left_text(edit, name))


async def _next_state(session: Session, edit: Edit, state: State) -> State:
    """Wait until an edit has another state than one, and return it."""
    changed = asyncio.Event()
    unsubscribe = session.subscribe(lambda parts: changed.set() if parts & Part.EDIT else None)
    try:
        while edit.state is state:
            await changed.wait()
            changed.clear()
    finally:
        unsubscribe()
    return edit.state


async def close_saved(live: "LiveSession", edit: Edit, state: Saved) -> None:
    """Close a saved edit, and select its key."""
    if live.session.current_edit is edit:
        await live.session.editor.leave()
        live.send_now()  # once "saved" is read, the next key must not go into the editor that is closed
    live.notify(saved_text(state, sanitize(edit.key)), "information")
    if state.written and edit.key != live.session.selected:
        node = await live.session.reveal_saved(edit.key)
        if node is not None:
            await live.show(node)


# Review


async def confirm_save(view: "View", review: int) -> None:
    """Ask what must be known before a review is saved: which constraints are overridden, and why it is saved.

    Args:
        view: The view that shows the review.
        review: Number of the review.
    """
    pane = view.live.edit
    edit, number, names = pane.edit, pane.number, pane.blocking(review)
    if names:
        reply = await view.ask(Dialog(override_question(names), override_options(names), is_dangerous=True))
        if reply is None or reply.value != "override":
            return
    reason = await ask_reason(view, "" if edit is None else edit.reason)
    if reason is None or edit is None or pane.number != number:
        return
    if set(pane.blocking(review)) <= set(names):  # else another review is shown by now
        edit.override(names)
        edit.reason = reason
        pane.save(review)


async def ask_reason(view: "View", reason: str = "") -> str | None:
    """Return why something is written, asked for where the profile demands it; None if it is not written.

    Args:
        view: The view.
        reason: The reason that is known already; "" for none.
    """
    if reason or not view.session.asks_reason:
        return reason
    return await _typed_reason(view, "Write") or None


async def _typed_reason(view: "View", word: str, text: str = "") -> str | None:
    reply = await view.ask(
        Dialog(
            REASON_QUESTION,
            [Option("Cancel", value=False), Option(word, value=True)],
            has_buttons=True,
            facts=[(REASON_HELP, Tone.QUIET)],
            label="Reason",
            text=text,
        )
    )
    return reply.text.strip() if reply is not None and reply.value else None


async def give_reason(view: "View") -> None:
    """Ask why the reviewed change is saved."""
    edit = view.session.current_edit
    if edit is not None and isinstance(edit.state, Reviewing):
        reason = await _typed_reason(view, "Keep", edit.reason)
        if reason is not None:
            edit.reason = reason
            view.live.request_frame(Part.EDIT)


async def stage(view: "View") -> None:
    """Keep the reviewed change as a draft that is saved together with others."""
    session = view.session
    try:
        await session.editor.stage()
    except ExplorerError as error:
        view.notify(sanitize(f"not staged: {error.message}"), "warning")
    else:
        key = session.actions["save-staged"].key_hint(Place.TREE) or "the command Save staged"
        view.notify(staged_text(len(session.editor.staged), key), "information")


# Conflict


async def take_theirs(view: "View") -> None:
    """Close the edit in favour of the stored value."""
    edit = view.session.current_edit
    if edit is not None:
        text = taken_text(edit)
        await view.session.run("take-theirs")
        view.notify(text, "information")


async def keep_mine(view: "View") -> None:
    """Save mine over theirs; ask for a TTL if the key has expired."""
    session = view.session
    edit = session.current_edit
    if edit is None or not isinstance(edit.state, Conflicted):
        return
    conflict = edit.state
    reason = await ask_reason(view, edit.reason)
    if reason is None or edit.state is not conflict:
        return
    edit.reason = reason
    session.start("keep-mine")
    state = await _next_state(session, edit, conflict)
    if not isinstance(state, Expired):
        return
    try:
        reply = await view.ask(Dialog(expired_question(sanitize(edit.key)), ttl_options(state.ttl)))
        if reply is not None and reply.value != "cancel":
            ttl = None if reply.value == "none" else reply.value
            view.live.start(edit.keep_mine_for(ttl), name="keep mine")
            await _next_state(session, edit, state)
    finally:
        edit.cancel_ttl_choice()  # without effect in another state


EDIT_FLOWS: Final[Mapping[str, Flow]] = MappingProxyType(
    {
        "form": change_form,
        "back": leave,
        "stage": stage,
        "take-theirs": take_theirs,
        "keep-mine": keep_mine,
        "reason": give_reason,
    }
)
"""Flows in the editor, its review and its conflict, by the id of their action."""
