"""Open an edit: of the selected value, of a draft, or of a new key; in place or in $EDITOR."""

import asyncio
from functools import partial
from typing import Final, Literal

from textual.screen import Screen
from textual.widget import AwaitMount

from explorer.model.errors import ExplorerError
from explorer.session.earlier_values import NO_EARLIER_VALUES, RESTORE_QUESTION, restore_options
from explorer.session.editing.draft_text import continuable_drafts, draft_options, drafts_question
from explorer.session.editing.drafts import Draft
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Saved
from explorer.session.editing.edit_text import NEW_KEY_TITLE, NOTHING_CHANGED, left_text
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.cells import short_key
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.key_name import KeyNameDialog
from explorer.tui.flows import goto
from explorer.tui.flows.external_editor import edit_externally
from explorer.tui.panes.tree import TreePane
from explorer.tui.screens.edit import EditScreen
from explorer.tui.type_ahead import release_keys

OUTCOME_NOTICE_TIME: Final = 15.0
"""Seconds for which the outcome of a save is shown whose editor was left."""


async def edit_selected(screen: Screen[None], session: Session) -> None:
    """Edit the selected value in place; if there are drafts of it, ask which text to begin with."""
    drafts = continuable_drafts(session.editor.drafts, session.selected)
    choice: Draft | Literal["stored", "discard"] | None = "stored"
    if drafts:
        # What is typed now is meant as text: somebody who had forgotten the draft would delete it with a 3.
        dialog = ChoiceDialog(drafts_question(drafts), draft_options(drafts), is_unexpected=True)
        choice = await screen.app.push_screen_wait(dialog)
    if isinstance(choice, Draft):
        await resume_draft(screen, session, choice)
    elif choice is None:
        release_keys()
    else:
        if choice == "discard":
            await session.editor.discard(drafts[0])
        _open_selected(screen, session)


def _open_selected(screen: Screen[None], session: Session) -> None:
    try:
        edit = session.edit()
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
    else:
        _push_editor(screen, session, edit)


async def restore_selected(screen: Screen[None], session: Session) -> None:
    """Ask for an earlier value of the selected key, and open an edit with it."""
    edit: Edit | None = None
    try:
        edit = await _restored(screen, session)
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
    if edit is None:
        release_keys()
    else:
        _push_editor(screen, session, edit)


async def bring_back(screen: Screen[None], session: Session, key: str, value: bytes) -> None:
    """Open an edit that gives a key an earlier value."""
    try:
        edit = await session.bring_back(key, value)
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
        release_keys()
    else:
        _push_editor(screen, session, edit)


async def _restored(screen: Screen[None], session: Session) -> Edit | None:
    """Return an edit with the earlier value that was chosen; None if none was."""
    key = session.selected
    value = None if key is None else await _earlier_value(screen, session, key)
    return None if value is None or key != session.selected else await session.restore(value)


async def _earlier_value(screen: Screen[None], session: Session, key: str) -> bytes | None:
    """Ask for an earlier value of a key; None if none was chosen."""
    options = await restore_options(session, key)
    if not options:
        screen.notify(NO_EARLIER_VALUES)
        return None
    return await screen.app.push_screen_wait(ChoiceDialog(RESTORE_QUESTION, options))


async def restore_change(screen: Screen[None], session: Session, key: str | None) -> None:
    """Ask for an earlier value of the key of a change, and open an edit that gives it to the key again."""
    value: bytes | None = None
    try:
        value = await _earlier_value(screen, session, key) if key else None
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
    if value is None or not key:
        release_keys()
    else:
        await bring_back(screen, session, key, value)


async def resume_draft(screen: Screen[None], session: Session, draft: Draft) -> None:
    """Continue a draft in the editor."""
    try:
        edit = await session.editor.resume_draft(draft)
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
    else:
        _push_editor(screen, session, edit)


async def create(screen: Screen[None], session: Session) -> None:
    """Ask for the name of a new key, and edit its value."""
    start = session.lookup.new_key_start(session.selected)
    key = await screen.app.push_screen_wait(KeyNameDialog(NEW_KEY_TITLE, start, session.lookup.invalid_name_reason))
    if not key:
        release_keys()
        return
    try:
        edit = await session.create(key)
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
    else:
        _push_editor(screen, session, edit)


async def edit_selected_externally(screen: Screen[None], session: Session) -> None:
    """Edit the selected value in $EDITOR, then review the change."""
    try:
        edit = session.edit()
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
        return
    outcome = await edit_externally(screen.app, edit.key, edit.text, edit.document.language)
    if outcome.text is None:
        await session.editor.leave()
        outcome.show_problem(screen.app)
        screen.notify(NOTHING_CHANGED)
        return
    edit.replace_text(outcome.text)
    await _push_editor(screen, session, edit)
    if outcome.problem:
        outcome.show_problem(screen.app)
    else:
        await edit.save()


def _push_editor(screen: Screen[None], session: Session, edit: Edit) -> AwaitMount:
    on_left = partial(_on_editor_left, screen, session, edit)
    mounted = screen.app.push_screen(EditScreen(session, edit), on_left)
    release_keys()  # to the editor
    return mounted


def _on_editor_left(screen: Screen[None], session: Session, edit: Edit, is_saving: bool | None) -> None:  # noqa: FBT001 - the screen's result
    if is_saving:
        screen.run_worker(_show_outcome(screen, session, edit))
    elif isinstance(edit.state, Saved) and edit.key != session.selected:
        screen.run_worker(_select_saved(screen, session, edit.key), group="select-saved", exclusive=True)


async def _show_outcome(screen: Screen[None], session: Session, edit: Edit) -> None:
    """Show the outcome of a save whose editor was left, however long that takes."""
    key = short_key(edit.key)
    changed = asyncio.Event()
    unsubscribe = session.subscribe(lambda parts: changed.set() if parts & Part.EDIT else None)
    try:
        shown: object = None
        while not edit.is_settled:
            if type(edit.state) is not type(shown):
                text, severity = left_text(edit, key)
                screen.notify(text, severity=severity)
            shown = edit.state
            await changed.wait()
            changed.clear()
    finally:
        unsubscribe()
    text, severity = left_text(edit, key)
    screen.notify(text, severity=severity, timeout=OUTCOME_NOTICE_TIME)


async def _select_saved(screen: Screen[None], session: Session, key: str) -> None:
    """Select a saved key as soon as the tree has its event, unless another key was selected meanwhile."""
    node = await session.reveal_saved(key)
    if node is not None:
        await goto.select(screen.query_one(TreePane), session, node)
