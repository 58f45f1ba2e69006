"""Plans: ask where keys are copied or moved, and show what would change."""

from collections.abc import Callable, Sequence

from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.model.key_text import escape_key
from explorer.plans.plan import Plan
from explorer.session.actions import Place
from explorer.session.results.difference_text import PLAN_QUESTION, plan_options, plan_title
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
from explorer.session.results.plan_review import PlanStores
from explorer.session.results.plan_text import NO_PLAN_YET
from explorer.session.session import Session
from explorer.tui.cells import safe_content, short_key
from explorer.tui.dialogs.confirm import ChoiceDialog, ConfirmDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.screens.plan import PlanScreen
from explorer.tui.type_ahead import release_keys


def show(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Show the plan that was made last.

    Args:
        screen: The screen below.
        session: The session.
        go: Goes to a key in the tree.
    """
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


async def copy_differences(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Ask how much to copy to the other side, and show the plan for it."""
    comparison = session.results.comparison
    prune = await screen.app.push_screen_wait(ChoiceDialog(PLAN_QUESTION, plan_options(comparison)))
    if prune is not None:

        async def make(_: PlanStores) -> Plan:
            return await comparison.plan(prune=prune)

        try:
            session.results.plan_review.make(plan_title(comparison.request), make)
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
