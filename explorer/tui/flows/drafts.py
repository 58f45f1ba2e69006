"""List the drafts; continue one in the editor, or delete it."""

from textual.content import Content
from textual.screen import Screen

from explorer.session.editing.draft_text import (
    DRAFTS_TITLE,
    NO_DRAFTS,
    draft_deleted_text,
    draft_deletion_facts,
    draft_deletion_question,
    draft_facts,
    draft_question,
    draft_steps,
)
from explorer.session.session import Session
from explorer.session.states import Option, Tone
from explorer.tui.cells import safe_content, short_key
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog
from explorer.tui.flows import edit, goto
from explorer.tui.type_ahead import release_keys


async def choose(screen: Screen[None], session: Session) -> None:
    """List the drafts of this store, ask what to do with one, and do it."""
    drafts = session.editor.drafts
    if not drafts:
        screen.notify(NO_DRAFTS)
        return
    options = [Option(short_key(draft.key), draft, draft_facts(draft)) for draft in drafts]
    draft = await screen.app.push_screen_wait(ChoiceDialog(DRAFTS_TITLE, options))
    if draft is None:
        release_keys()
        return
    step = await screen.app.push_screen_wait(ChoiceDialog(draft_question(short_key(draft.key)), draft_steps(draft)))
    if step == "open":
        reason = session.disabled_reason("new")  # a draft has the same needs: connection, writing, no open edit
        if reason is not None:
            screen.notify(reason, severity="warning")
            return
        await goto.go(screen, session, draft.key)
        await edit.resume_draft(screen, session, draft)
    elif step == "delete":
        facts = draft_deletion_facts(draft, session.address)
        body = Content("\n").join(
            safe_content(text, "$text-muted" if tone is Tone.QUIET else "") for text, tone in facts
        )
        question = ConfirmDialog(draft_deletion_question(draft, short_key(draft.key)), body, yes="Delete")
        if await screen.app.push_screen_wait(question):
            await session.editor.discard(draft)
            screen.notify(draft_deleted_text(draft))
        release_keys()
    else:
        release_keys()
