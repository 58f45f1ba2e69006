"""The plan that is shown: apply it, replace values that differ or leave them, take back what was done."""

from textual.content import Content
from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.session.editing.edit_text import REASON_HELP, REASON_QUESTION
from explorer.session.editing.violation_text import override_options, override_question
from explorer.session.results.plan_text import apply_question, confirmation_count, confirmation_question
from explorer.session.session import Session
from explorer.tui.cells import safe_content
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.type_ahead import release_keys


async def apply(screen: Widget, session: Session) -> None:
    """Ask whether to apply the plan, and which broken constraints to override, and apply it."""
    plan_review = session.results.plan_review
    reason = plan_review.unready_reason()
    plan = plan_review.plan
    if reason is not None or plan is None:
        screen.notify(f"Apply: {reason}", severity="warning")
        return
    if names := plan_review.blocking:
        dialog = ChoiceDialog(override_question(names), override_options(names), type_ahead=False)
        if await screen.app.push_screen_wait(dialog) != "override":
            release_keys()
            return
        plan_review.override(names)
    question, lines = apply_question(plan)
    body = Content("\n").join(map(safe_content, lines))
    is_confirmed = await screen.app.push_screen_wait(ConfirmDialog(question, body, yes="Apply"))
    if is_confirmed and (count := confirmation_count(plan)):
        typed = TextDialog(confirmation_question(count), "", help="esc, or another number, deletes nothing")
        is_confirmed = await screen.app.push_screen_wait(typed) == count
    why: str | None = ""
    if is_confirmed and session.asks_reason:
        why = await screen.app.push_screen_wait(TextDialog(REASON_QUESTION, "", help=REASON_HELP))
    release_keys()
    if is_confirmed and why is not None:
        try:
            plan_review.apply(why)
        except ExplorerError as error:
            screen.notify(error.message, severity="warning")


def toggle_overwrite(screen: Widget, session: Session) -> None:
    """Plan to replace values that differ, or to leave them."""
    try:
        session.results.plan_review.toggle_overwrite()
    except ExplorerError as error:
        screen.notify(f"Overwrite: {error.message}", severity="warning")


def take_back(screen: Widget, session: Session) -> None:
    """Show the plan that takes back what was done."""
    try:
        session.results.plan_review.take_back()
    except ExplorerError as error:
        screen.notify(f"Take back: {error.message}", severity="warning")
