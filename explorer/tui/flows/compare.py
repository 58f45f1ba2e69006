"""Compare a folder with another side: ask with what, list what differs, and plan to copy it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.model.sanitize import pluralize
from explorer.plans.plan_file import write_plan
from explorer.session.results.comparison import ComparisonRequest
from explorer.session.results.difference_text import (
    IGNORED_HELP,
    IGNORED_QUESTION,
    OTHER_SIDE,
    OTHER_SIDE_HELP,
    PLAN_QUESTION,
    plan_options,
)
from explorer.session.results.result_file import write_list
from explorer.session.session import Session
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.rendering import short_key
from explorer.tui.type_ahead import release_keys

PLAN_FILE: Final = "plan.json"
PLAN_HELP: Final = "a new file, to be reviewed; enter writes it, esc goes back"


async def ask(screen: Widget, session: Session, folder: str) -> bool:
    """Ask what to compare a folder with, and start; return whether it was started."""
    before = session.comparison.request
    title = OTHER_SIDE.format(name=short_key(folder) if folder else "everything")
    start = before.other if before.prefix == folder else folder
    other = await screen.app.push_screen_wait(TextDialog(title, start, help=OTHER_SIDE_HELP))
    if other is None:
        return False
    session.comparison.compare(ComparisonRequest(folder, other, before.ignored))
    return True


async def compare(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Ask what to compare the folder under the cursor with, and list what differs.

    Args:
        screen: The screen below.
        session: The session.
        go: Goes to a key in the tree.
    """
    from explorer.tui.screens.differences import DifferencesScreen  # noqa: PLC0415 - it asks by this module

    def on_key(key: str | None) -> None:
        if key is not None:
            go(key)

    if await ask(screen, session, session.lookup.new_key_start(session.selected)):
        screen.app.push_screen(DifferencesScreen(session, go), on_key)
    release_keys()


async def ask_ignored(screen: Widget, session: Session) -> None:
    """Ask which keys to leave out, and compare again."""
    request = session.comparison.request
    dialog = TextDialog(IGNORED_QUESTION, " ".join(request.ignored), help=IGNORED_HELP, allows_empty=True)
    text = await screen.app.push_screen_wait(dialog)
    if text is not None:
        session.comparison.compare(replace(request, ignored=tuple(text.split())))
    release_keys()


async def make_plan(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Ask how much to copy to the other side, and show the plan for it."""
    prune = await screen.app.push_screen_wait(ChoiceDialog(PLAN_QUESTION, plan_options(session.comparison)))
    if prune is not None:
        await _review(screen, session, prune=prune, go=go)
    release_keys()


async def _review(screen: Widget, session: Session, *, prune: bool, go: Callable[[str], None]) -> None:
    del go
    try:
        plan = await session.comparison.plan(prune=prune)
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
        return
    name, problem = PLAN_FILE, ""
    while name:
        title = f"Write the plan of {pluralize(len(plan), 'change')} to which file?"
        dialog = TextDialog(title, name, help=PLAN_HELP, problem=problem)
        answer: str | None = await screen.app.push_screen_wait(dialog)
        name = answer or ""
        if name and not (problem := await write_list(name, write_plan(plan).splitlines())):
            screen.notify(f"written to {name}; keyscope apply {name} applies it")
            return
