"""Plans: ask where keys are copied or moved, show what would change, apply it, and take it back."""

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.model.key_text import escape_key
from explorer.plans.plan import Plan
from explorer.session.actions import Place
from explorer.session.editing.edit_text import REASON_HELP, REASON_QUESTION
from explorer.session.editing.violation_text import override_options, override_question
from explorer.session.results.export import EXPORT_HELP, export_keys, export_name, overwrite_question
from explorer.session.results.plan_makers import (
    NOTHING_MARKED,
    duplicate_name,
    keys_title,
    plan_copy,
    plan_deletion,
    plan_staged,
    stage_deletions,
    target_help,
    unstage,
)
from explorer.session.results.plan_text import (
    NO_PLAN_YET,
    apply_question,
    confirmation_count,
    confirmation_question,
)
from explorer.session.session import Session
from explorer.tui.cells import safe_content, short_key
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.type_ahead import release_keys


def show(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Show the plan that was made last.

    Args:
        screen: The screen below.
        session: The session.
        go: Goes to a key in the tree.
    """
    from explorer.tui.screens.plan import PlanScreen  # noqa: PLC0415 - it acts by this module

    if not session.results.plan_review.was_started:
        screen.notify(NO_PLAN_YET)
        return

    def on_key(key: str | None) -> None:
        if key is not None:
            go(key)

    screen.app.push_screen(PlanScreen(session), on_key)


def review(screen: Widget, session: Session, plan: Plan, go: Callable[[str], None]) -> None:
    """Show a plan that is made already."""
    try:
        session.results.plan_review.show(plan)
    except ExplorerError as error:
        screen.notify(error.message, severity="warning")
    else:
        show(screen, session, go)


async def copy(
    screen: Widget, session: Session, keys: Sequence[str], go: Callable[[str], None], *, move: bool = False
) -> None:
    """Ask where keys are copied or moved, and show the plan.

    Args:
        screen: The screen below.
        session: The session.
        keys: The keys.
        go: Goes to a key in the tree.
        move: Delete what was copied.
    """
    if not keys:
        screen.notify(NOTHING_MARKED, severity="warning")
        return
    start = escape_key(keys[0]) if len(keys) == 1 else escape_key(session.lookup.new_key_start(None))
    question = f"{'Move' if move else 'Copy'} {short_key(keys_title(keys))} to"
    await _copy(screen, session, keys, go, TextDialog(question, start, help=target_help(keys)), move=move)


async def duplicate(screen: Widget, session: Session, key: str, go: Callable[[str], None]) -> None:
    """Ask for the name of a copy beside a key, and show the plan."""
    start = escape_key(duplicate_name(session, key))
    await _copy(
        screen, session, [key], go, TextDialog(f"Duplicate {short_key(key)} as", start, help=target_help([key]))
    )


async def _copy(
    screen: Widget,
    session: Session,
    keys: Sequence[str],
    go: Callable[[str], None],
    dialog: TextDialog,
    *,
    move: bool = False,
) -> None:
    target = await screen.app.push_screen_wait(dialog)
    if target is not None:
        try:
            plan_copy(session, keys, target, move=move)
        except ExplorerError as error:
            screen.notify(error.message, severity="warning")
        else:
            show(screen, session, go)
    release_keys()


async def export(screen: Widget, session: Session, keys: Sequence[str]) -> None:
    """Ask for a file, and write keys to it."""
    if not keys:
        screen.notify(NOTHING_MARKED, severity="warning")
        return
    title = f"Export {short_key(keys_title(keys))} to which file?"
    name, problem, is_replacing = export_name(keys, session.tree.separator), "", False
    while True:
        if not is_replacing:
            dialog = TextDialog(title, name, help=EXPORT_HELP, problem=problem)
            typed = await screen.app.push_screen_wait(dialog)
            if typed is None:
                break
            name = typed
        try:
            screen.notify(await export_keys(session, keys, name, overwrite=is_replacing))
            break
        except FileExistsError:
            question, fact = overwrite_question(name)
            confirmation = ConfirmDialog(question, safe_content(fact), yes="Replace")
            answer = await screen.app.push_screen_wait(confirmation)
            problem, is_replacing = "", bool(answer)
        except ExplorerError as error:
            problem, is_replacing = error.message, False
    release_keys()


async def stage_deletion(screen: Widget, session: Session, keys: Sequence[str]) -> None:
    """Stage the deletion of keys."""
    try:
        text = await stage_deletions(session, keys)
    except ExplorerError as error:
        screen.notify(f"not staged: {error.message}", severity="warning")
    else:
        key = session.actions["save-staged"].key_hint(Place.TREE) or "the command Save staged"
        screen.notify(f"{text}; {key} shows all that is staged")


async def unstage_keys(screen: Widget, session: Session, keys: Sequence[str]) -> None:
    """Take the changes of keys out of the staged ones."""
    screen.notify(await unstage(session, keys))


def delete(screen: Widget, session: Session, keys: Sequence[str], go: Callable[[str], None]) -> None:
    """Show what deleting keys would delete."""
    try:
        plan_deletion(session, keys)
    except ExplorerError as error:
        screen.notify(error.message, severity="warning")
    else:
        show(screen, session, go)


def save_staged(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Show what saving all staged changes would change."""
    try:
        plan_staged(session)
    except ExplorerError as error:
        screen.notify(error.message, severity="warning")
    else:
        show(screen, session, go)


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
