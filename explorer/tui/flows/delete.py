"""Deleting: first a preview of what would go, then only that."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.screen import Screen

from explorer.model.capabilities import Capability
from explorer.model.errors import Conflict, ExplorerError
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.editing.deletion import DeletePlan
from explorer.session.session import Session
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog, Option
from explorer.tui.dialogs.deletion_preview import DeletionPreview
from explorer.tui.rendering import format_bytes, middle, named, safe_content

_LONGEST: Final = 400
"""Cells of a key that is shown to be looked at."""
_TYPED: Final = 40
"""Cells of a name that a person is asked to type; for a longer one it is the number of entries."""


async def ask(screen: Screen[None], session: Session) -> None:
    """Show what deleting the selected row would delete, ask, and do it."""
    key = session.selected
    if key is None:
        return
    node = session.tree.node(key)
    subtree = node is not None and node.has_children
    with_key = False
    if node is not None and node.has_value and node.has_children:
        options = [
            Option("All below it", (True, False), "the key's own value stays"),
            Option("The key and all below it", (True, True), "what is below goes first, then the key"),
        ]
        if Capability.DIRECTORIES not in session.store_capabilities:  # those keep a directory that is not empty
            options.insert(0, Option("The key alone", (False, False), "what is below stays"))
        answer = await screen.app.push_screen_wait(ChoiceDialog(f"Delete what of {named(key)}?", options))
        if answer is None:
            screen.notify("nothing was deleted", markup=False)
            return
        subtree, with_key = answer
    try:
        removal = await session.preview_deletion(key, subtree=subtree, with_key=with_key)
    except ExplorerError as error:
        screen.notify(sanitize(_words(error)), severity="error", markup=False)
        return
    if not await screen.app.push_screen_wait(_question(removal, session)):
        screen.notify("nothing was deleted", markup=False)
        return
    await _delete(screen, session, removal)


async def _delete(screen: Screen[None], session: Session, removal: DeletePlan) -> None:
    """Delete what was shown, and say what came of it; what changed meanwhile can be left out."""
    try:
        count = await session.delete(removal)
    except Conflict as error:
        rest = removal.as_one_by_one() if removal.subtree and removal.one_by_one is None else None
        if rest is None or not await screen.app.push_screen_wait(_choice_of_rest(removal)):
            screen.notify(sanitize(_words(error)), severity="error", markup=False, timeout=10)
        else:
            await _delete(screen, session, rest)
    except ExplorerError as error:
        screen.notify(sanitize(_words(error)), severity="error", markup=False, timeout=10)
    else:
        stays = 0 if removal.truncated else removal.count - count
        more = f"; {pluralize(stays, 'entry', 'entries')} changed or went meanwhile" if stays else ""
        screen.notify(f"deleted {pluralize(count, 'entry', 'entries')}{more}", markup=False)


def _choice_of_rest(removal: DeletePlan) -> ChoiceDialog[bool]:
    """Return the question what to do with a folder in which something changed since the preview."""
    options = [
        Option("Delete nothing", value=False),
        Option("Delete what was shown, one by one", value=True, more="what changed since or is new stays"),
    ]
    return ChoiceDialog(
        f"{named(removal.key or removal.prefix)} changed since the preview; nothing was deleted", options
    )


def _words(error: ExplorerError) -> str:
    told = f"{error.message}. {error.hint}" if error.hint else error.message
    return f"Nothing was deleted: {told}" if isinstance(error, Conflict) else told


def _question(removal: DeletePlan, session: Session) -> ConfirmDialog | DeletionPreview:
    if not removal.subtree:
        entry = removal.entry
        lines = [safe_content(middle(sanitize(removal.key), _LONGEST), "bold")]
        if entry is not None:
            lines.append(safe_content(f"{format_bytes(len(entry.value or b''))}, rev {entry.revision}"))
            if entry.lease:
                lines.append(safe_content(f"lives with lease {entry.lease}", "$warning"))
        lines.append(safe_content(f"in {session.address}", "$text-muted"))
        lines.append(safe_content("It is deleted only if it still is what is shown here.", "$text-muted"))
        return ConfirmDialog("Delete this key?", Content("\n").join(lines), yes="Delete")
    name = sanitize(removal.key.rpartition(session.tree.separator)[2] or removal.prefix)  # some have the empty name
    return DeletionPreview(session, removal, typed=name if cell_len(name) <= _TYPED else str(removal.count))
