"""The list of drafts: one is opened in the editor, or deleted."""

from textual.content import Content
from textual.screen import Screen

from explorer.session.editing.drafts import Draft
from explorer.session.session import Session
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog, Option
from explorer.tui.flows import edit, goto
from explorer.tui.rendering import named, safe_content


async def ask(screen: Screen[None], session: Session) -> None:
    """List the drafts of this store, ask what to do with one, and do it."""
    found = session.editor.drafts
    if not found:
        screen.notify("no draft is kept for this store", markup=False)
        return
    options = [Option(named(draft.key), draft, when(draft)) for draft in found]
    draft = await screen.app.push_screen_wait(ChoiceDialog("Drafts", options))
    if draft is None:
        return
    steps = [Option("Open", "open", "in the editor, at its key"), Option("Delete", "delete", "the text that was typed")]
    step = await screen.app.push_screen_wait(ChoiceDialog(f"Draft of {named(draft.key)}", steps))
    if step == "open":
        off = session.disabled_reason("new")  # what a draft needs: a connection, writing unlocked, no other edit
        if off is not None:
            screen.notify(off, severity="warning", markup=False)
            return
        await goto.go(screen, session, draft.key)
        await edit.resume(screen, session, draft)
    elif step == "delete":
        body = Content("\n").join(
            [safe_content(f"typed {when(draft)}"), safe_content(f"in {session.address}", "$text-muted")]
        )
        question = ConfirmDialog(f"Delete the draft of {named(draft.key)}?", body, yes="Delete")
        if await screen.app.push_screen_wait(question):
            await session.editor.discard(draft)
            screen.notify("draft deleted", markup=False)


def when(draft: Draft) -> str:
    """Return when a draft was written, and how long it is."""
    return f"{draft.written_at.astimezone():%d %b %H:%M}, {len(draft.text):,} characters"
