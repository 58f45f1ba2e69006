"""List the drafts; continue one in the editor, or delete it."""

from textual.content import Content
from textual.screen import Screen

from explorer.session.editing.edit_text import draft_facts
from explorer.session.session import Session
from explorer.session.states import Option
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog
from explorer.tui.flows import edit, goto
from explorer.tui.rendering import safe_content, short_key
from explorer.tui.type_ahead import release_keys


async def choose(screen: Screen[None], session: Session) -> None:
    """List the drafts of this store, ask what to do with one, and do it."""
    drafts = session.editor.drafts
    if not drafts:
        screen.notify("no drafts for this store")
        return
    options = [Option(short_key(draft.key), draft, draft_facts(draft)) for draft in drafts]
    draft = await screen.app.push_screen_wait(ChoiceDialog("Drafts", options))
    if draft is None:
        release_keys()
        return
    steps = [Option("Open", "open", "in the editor"), Option("Delete", "delete")]
    step = await screen.app.push_screen_wait(ChoiceDialog(f"Draft of {short_key(draft.key)}", steps))
    if step == "open":
        reason = session.disabled_reason("new")  # a draft has the same needs: connection, writing, no open edit
        if reason is not None:
            screen.notify(reason, severity="warning")
            return
        await goto.go(screen, session, draft.key)
        await edit.resume_draft(screen, session, draft)
    elif step == "delete":
        body = Content("\n").join(
            [safe_content(f"written {draft_facts(draft)}"), safe_content(f"in {session.address}", "$text-muted")]
        )
        question = ConfirmDialog(f"Delete the draft of {short_key(draft.key)}?", body, yes="Delete")
        if await screen.app.push_screen_wait(question):
            await session.editor.discard(draft)
            screen.notify("draft deleted")
        release_keys()
    else:
        release_keys()
