"""Delete a key or a folder: preview, confirmation, deletion of what was previewed."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.screen import Screen

from explorer.model.errors import Conflict, ExplorerError
from explorer.model.sanitize import sanitize
from explorer.model.write_reason import write_reason
from explorer.session.editing.deletion import DeletePlan
from explorer.session.editing.deletion_text import (
    NOTHING_DELETED,
    DeletionScope,
    changed_options,
    changed_question,
    confirmation_word,
    deletion_facts,
    deletion_failure,
    deletion_outcome,
    deletion_scopes,
    deletion_title,
    deletion_word,
    scope_question,
)
from explorer.session.editing.edit_text import REASON_HELP, REASON_QUESTION
from explorer.session.session import Session
from explorer.session.states import Tone
from explorer.tui.cells import safe_content, short_key, shorten_middle
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog
from explorer.tui.dialogs.deletion_preview import DeletionPreview
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.type_ahead import release_keys

_MAX_KEY_WIDTH: Final = 400
"""Cells of a key that is shown for confirmation."""
_ERROR_TIME: Final = 10.0
"""Seconds for which a failed deletion is shown."""

_STYLES: Final = {Tone.PLAIN: "", Tone.WARNING: "$warning", Tone.QUIET: "$text-muted"}


async def delete_selected(screen: Screen[None], session: Session) -> None:
    """Show what deleting the selected row would delete, ask, and delete it."""
    key = session.selected
    if key is None:
        return
    options = deletion_scopes(session, key)
    scope: DeletionScope | None = options[0].value
    if len(options) > 1:
        scope = await screen.app.push_screen_wait(ChoiceDialog(scope_question(short_key(key)), options))
    if scope is None:
        release_keys()
        screen.notify(NOTHING_DELETED)
        return
    try:
        plan = await session.preview_deletion(key, subtree=scope.subtree, with_key=scope.with_key)
    except ExplorerError as error:
        screen.notify(deletion_failure(error), severity="error")
        return
    is_confirmed = await screen.app.push_screen_wait(_confirmation(plan, session))
    reason: str | None = ""
    if is_confirmed and session.asks_reason:
        reason = await screen.app.push_screen_wait(TextDialog(REASON_QUESTION, "", help=REASON_HELP))
    release_keys()  # the deletion may take long, and asks again only if something changed
    if is_confirmed and reason is not None:
        with write_reason(reason):
            await _delete(screen, session, plan)
    else:
        screen.notify(NOTHING_DELETED)


async def _delete(screen: Screen[None], session: Session, plan: DeletePlan) -> None:
    """Delete what was previewed and show the outcome; offer to skip entries that changed since."""
    try:
        count = await session.delete(plan)
    except Conflict as error:
        options = changed_options(plan)
        question = changed_question(short_key(plan.key or plan.prefix))
        rest: DeletePlan | None = None
        if options:  # the question opens while something else may be typed
            rest = await screen.app.push_screen_wait(
                ChoiceDialog[DeletePlan | None](question, options, is_unexpected=True)
            )
        if rest is None:
            screen.notify(deletion_failure(error), severity="error", timeout=_ERROR_TIME)
        else:
            await _delete(screen, session, rest)
    except ExplorerError as error:
        screen.notify(deletion_failure(error), severity="error", timeout=_ERROR_TIME)
    else:
        screen.notify(deletion_outcome(plan, count))


def _confirmation(plan: DeletePlan, session: Session) -> ConfirmDialog | DeletionPreview:
    word = confirmation_word(plan, session.tree.separator, measure=cell_len)
    if word is not None:
        return DeletionPreview(session, plan, typed=word)
    key = safe_content(shorten_middle(sanitize(plan.key), _MAX_KEY_WIDTH), "bold")
    facts = [safe_content(text, _STYLES[tone]) for text, tone in deletion_facts(plan, session.address)]
    return ConfirmDialog(deletion_title(plan, ""), Content("\n").join([key, *facts]), yes=deletion_word(plan))
