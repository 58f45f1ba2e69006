"""The ways into an edit: in place, in $EDITOR, as a new key."""

import asyncio
from functools import partial
from typing import Final

from textual.screen import Screen

from explorer.model.errors import ExplorerError
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.editing.drafts import Draft
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Refused, Saved, Saving, Unknown
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.dialogs.confirm import ChoiceDialog, Option
from explorer.tui.dialogs.key_name import KeyNameDialog
from explorer.tui.flows import goto
from explorer.tui.flows.external_editor import edit_externally
from explorer.tui.panes.tree import TreePane
from explorer.tui.rendering import named
from explorer.tui.screens.edit import EditScreen

EVENT_TIMEOUT: Final = 2.0
"""Seconds in which the event of a save is expected at most."""
OUTCOME_TIMEOUT: Final = 15.0
"""Seconds for which it is shown what came of a save whose editor was left."""


def edit(screen: Screen[None], session: Session) -> None:
    """Edit the selected value in place; a draft of it that was left is offered."""
    drafts = [draft for draft in session.editor.drafts if draft.key == session.selected]
    if not drafts:
        _open(screen, session)
        return
    options: list[Option[Draft | bool]] = [
        Option(
            "Go on with the draft",
            draft,
            f"of {draft.written_at.astimezone():%d %b %H:%M}, {len(draft.text):,} characters",
        )
        for draft in drafts
    ]
    options.append(Option("Edit what is stored", value=True, more="each draft is kept"))
    if len(drafts) == 1:
        options.append(Option("Throw the draft away and edit what is stored", value=False))

    def answered(answer: Draft | bool | None) -> None:  # noqa: FBT001 - what a question was answered with
        if isinstance(answer, Draft):
            screen.run_worker(resume(screen, session, answer))
        elif answer is not None:
            if not answer:
                screen.run_worker(session.editor.discard(drafts[0]))
            _open(screen, session)

    screen.app.push_screen(ChoiceDialog(f"{pluralize(len(drafts), 'draft')} of this key", options), answered)


async def resume(screen: Screen[None], session: Session, draft: Draft) -> None:
    """Go on with a draft in the editor."""
    try:
        opened = await session.editor.resume_draft(draft)
    except ExplorerError as error:
        screen.notify(sanitize(error.message), severity="error", markup=False)
        return
    _push(screen, session, opened)


def _open(screen: Screen[None], session: Session) -> None:
    try:
        opened = session.edit()
    except ExplorerError as error:
        screen.notify(sanitize(error.message), severity="error", markup=False)
        return
    _push(screen, session, opened)


def ask_new(screen: Screen[None], session: Session) -> None:
    """Ask for the name of a key that is not there yet, and edit its value."""
    separator = session.tree.separator
    selected = session.selected or ""
    node = session.tree.node(selected)
    before, found, _ = selected.rpartition(separator)
    start = selected + separator if node is not None and node.has_children else before + found

    def answered(key: str | None) -> None:
        if key:
            screen.run_worker(_create(screen, session, key))

    screen.app.push_screen(KeyNameDialog("New key", start, session.lookup.invalid_name_reason), answered)


async def _create(screen: Screen[None], session: Session, key: str) -> None:
    try:
        opened = await session.create(key)
    except ExplorerError as error:
        screen.notify(sanitize(error.message), severity="error", markup=False)
        return
    _push(screen, session, opened)


def _push(screen: Screen[None], session: Session, opened: Edit) -> None:
    """Open the editor; a key that was not selected is, once it is saved."""
    screen.app.push_screen(EditScreen(session, opened), partial(_on_closed, screen, session, opened))


def _on_closed(screen: Screen[None], session: Session, opened: Edit, awaited: bool | None) -> None:  # noqa: FBT001 - what a screen was left with
    if awaited:
        screen.run_worker(_show_outcome(screen, session, opened))
    elif isinstance(opened.state, Saved) and opened.key != session.selected:
        screen.run_worker(_select_saved(screen, session, opened.key), group="select-saved", exclusive=True)


async def _show_outcome(screen: Screen[None], session: Session, edit: Edit) -> None:
    """Say what comes of a save whose editor was left, however long that takes."""
    key = named(edit.key)
    changed = asyncio.Event()
    unsubscribe = session.subscribe(lambda parts: changed.set() if parts & Part.EDIT else None)
    try:
        shown: object = None
        while not edit.is_settled:
            match edit.state:
                case Saving() if not isinstance(shown, Saving):
                    screen.notify(f"{key} is still being saved; its draft is kept meanwhile", markup=False)
                case Unknown() if not isinstance(shown, Unknown):
                    words = f"not known yet whether {key} was saved; its draft is kept meanwhile"
                    screen.notify(words, severity="warning", markup=False)
                case _:
                    pass
            shown = edit.state
            await changed.wait()
            changed.clear()
    finally:
        unsubscribe()
    match edit.state:
        case Saved(entry=entry):
            screen.notify(f"saved {key} (rev {sanitize(str(entry.revision))})", markup=False, timeout=OUTCOME_TIMEOUT)
        case Refused(error=error):
            _say_not_saved(screen, key, sanitize(error.message))
        case _:
            _say_not_saved(screen, key, "somebody else was first")


def _say_not_saved(screen: Screen[None], key: str, reason: str) -> None:
    words = f"{key} was not saved: {reason}. Its draft is kept."
    screen.notify(words, severity="error", markup=False, timeout=OUTCOME_TIMEOUT)


async def _select_saved(screen: Screen[None], session: Session, key: str) -> None:
    """Select a key that was saved, as soon as the tree has its event; the selection stays once a person moved it."""
    selected = session.selected
    changed = asyncio.Event()
    unsubscribe = session.subscribe(lambda parts: changed.set() if parts & Part.TREE else None)
    try:
        async with asyncio.timeout(EVENT_TIMEOUT):
            while (node := await session.lookup.reveal(key)) is None:
                await changed.wait()
                changed.clear()
    except (ExplorerError, TimeoutError):
        return  # it is saved; what could not be read is shown in the tree
    finally:
        unsubscribe()
    if session.selected == selected:
        await goto.select(screen.query_one(TreePane), session, node)


async def edit_outside(screen: Screen[None], session: Session) -> None:
    """Edit the selected value in $EDITOR, then show what saving would change."""
    try:
        opened = session.edit()
    except ExplorerError as error:
        screen.notify(sanitize(error.message), severity="error", markup=False)
        return
    outcome = await edit_externally(screen.app, opened.key, opened.text, opened.document.language)
    if outcome.text is None:
        await session.editor.leave()
        outcome.show(screen.app)
        screen.notify("nothing was changed", markup=False)
        return
    opened.replace_text(outcome.text)
    await screen.app.push_screen(EditScreen(session, opened), partial(_on_closed, screen, session, opened))
    if outcome.problem:
        outcome.show(screen.app)
    else:
        await opened.save()
