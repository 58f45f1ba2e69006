"""Delete a key or a folder: preview, confirmation, deletion of what was previewed."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.screen import Screen

from explorer.model.capabilities import Capability
from explorer.model.errors import Conflict, ExplorerError
from explorer.model.format import format_bytes, format_error
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.editing.deletion import DeletePlan
from explorer.session.session import Session
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog, Option
from explorer.tui.dialogs.deletion_preview import DeletionPreview
from explorer.tui.rendering import safe_content, short_key, shorten_middle

_MAX_KEY_WIDTH: Final = 400
"""Cells of a key that is shown for confirmation."""
_MAX_TYPED_WIDTH: Final = 40
"""Cells of a name that has to be typed; for a longer one the number of entries has to be."""
_ERROR_TIME: Final = 10.0
"""Seconds for which a failed deletion is shown."""


async def delete_selected(screen: Screen[None], session: Session) -> None:
    """Show what deleting the selected row would delete, ask, and delete it."""
    key = session.selected
    if key is None:
        return
    node = session.tree.node(key)
    subtree = node is not None and node.has_children
    with_key = False
    if node is not None and node.has_value and node.has_children:
        answer = await screen.app.push_screen_wait(_scope_dialog(key, session))
        if answer is None:
            screen.notify("nothing was deleted")
            return
        subtree, with_key = answer
    try:
        plan = await session.preview_deletion(key, subtree=subtree, with_key=with_key)
    except ExplorerError as error:
        screen.notify(_failure_text(error), severity="error")
        return
    if await screen.app.push_screen_wait(_confirmation(plan, session)):
        await _delete(screen, session, plan)
    else:
        screen.notify("nothing was deleted")


async def _delete(screen: Screen[None], session: Session, plan: DeletePlan) -> None:
    """Delete what was previewed and show the outcome; offer to skip entries that changed since."""
    try:
        count = await session.delete(plan)
    except Conflict as error:
        rest = plan.as_one_by_one() if plan.subtree and plan.one_by_one is None else None
        if rest is None or not await screen.app.push_screen_wait(_changed_dialog(plan)):
            screen.notify(_failure_text(error), severity="error", timeout=_ERROR_TIME)
        else:
            await _delete(screen, session, rest)
    except ExplorerError as error:
        screen.notify(_failure_text(error), severity="error", timeout=_ERROR_TIME)
    else:
        skipped = 0 if plan.truncated else plan.count - count
        rest_text = f"; {pluralize(skipped, 'entry', 'entries')} changed or deleted meanwhile" if skipped else ""
        screen.notify(f"deleted {pluralize(count, 'entry', 'entries')}{rest_text}")


def _scope_dialog(key: str, session: Session) -> ChoiceDialog[tuple[bool, bool]]:
    """Return the question whether to delete a key, the keys below it, or both, as (subtree, with_key)."""
    options = [
        Option("All keys below it", (True, False), "the key itself stays"),
        Option("The key and all keys below it", (True, True), "those below first, then the key"),
    ]
    if Capability.DIRECTORIES not in session.store_capabilities:  # these cannot delete a node with children
        options.insert(0, Option("Only the key", (False, False), "the keys below it stay"))
    return ChoiceDialog(f"What of {short_key(key)} should be deleted?", options)


def _changed_dialog(plan: DeletePlan) -> ChoiceDialog[bool]:
    """Return the question what to do with a folder that changed since the preview."""
    options = [
        Option("Delete nothing", value=False),
        Option("Delete the previewed entries one by one", value=True, details="new and changed ones stay"),
    ]
    return ChoiceDialog(f"{short_key(plan.key or plan.prefix)} changed since the preview; nothing was deleted", options)


def _failure_text(error: ExplorerError) -> str:
    return f"Nothing was deleted: {format_error(error)}" if isinstance(error, Conflict) else format_error(error)


def _confirmation(plan: DeletePlan, session: Session) -> ConfirmDialog | DeletionPreview:
    if not plan.subtree:
        entry = plan.entry
        lines = [safe_content(shorten_middle(sanitize(plan.key), _MAX_KEY_WIDTH), "bold")]
        if entry is not None:
            lines.append(safe_content(f"{format_bytes(len(entry.value or b''))}, rev {entry.revision}"))
            if entry.lease:
                lines.append(safe_content(f"attached to lease {entry.lease}", "$warning"))
        lines.append(safe_content(f"in {session.address}", "$text-muted"))
        lines.append(safe_content("The key is deleted only if it has not changed since.", "$text-muted"))
        return ConfirmDialog("Delete this key?", Content("\n").join(lines), yes="Delete")
    name = sanitize(plan.key.rpartition(session.tree.separator)[2] or plan.prefix)  # some have the empty name
    return DeletionPreview(session, plan, typed=name if cell_len(name) <= _MAX_TYPED_WIDTH else str(plan.count))
