"""Compare a folder with another side: ask with what, list what differs, and plan to copy it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.plans.plan import Plan
from explorer.session.results.comparison import ComparisonRequest
from explorer.session.results.difference_text import (
    IGNORED_HELP,
    IGNORED_QUESTION,
    OTHER_SIDE,
    OTHER_SIDE_HELP,
    PLAN_QUESTION,
    plan_options,
    plan_title,
    side_here,
)
from explorer.session.results.plan_review import PlanStores
from explorer.session.session import Session
from explorer.tui.cells import shorten_middle
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.flows import plan_review
from explorer.tui.type_ahead import release_keys

_MAX_NAME_WIDTH: Final = 40
"""Cells of the name of what is compared."""


async def ask(screen: Widget, session: Session, folder: str, keys: tuple[str, ...] = ()) -> bool:
    """Ask what to compare a folder, or some keys in it, with, and start; return whether it was started."""
    before = session.results.comparison.request
    request = ComparisonRequest(folder, "", before.ignored, keys)
    title = OTHER_SIDE.format(name=shorten_middle(side_here(request), _MAX_NAME_WIDTH))
    start = before.other if before.prefix == folder else folder
    other = await screen.app.push_screen_wait(TextDialog(title, start, help=OTHER_SIDE_HELP))
    if other is None:
        return False
    session.results.comparison.compare(replace(request, other=other))
    return True


async def compare(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Ask what to compare the marked keys with, or the folder under the cursor, and list what differs.

    Args:
        screen: The screen below.
        session: The session.
        go: Goes to a key in the tree.
    """
    from explorer.tui.screens.differences import DifferencesScreen  # noqa: PLC0415 - it asks by this module

    def on_key(key: str | None) -> None:
        if key is not None:
            go(key)

    if session.marked:
        folder, keys = session.marked.below_folder(session.tree.separator)
    else:
        folder, keys = session.lookup.new_key_start(session.selected), ()
    if await ask(screen, session, folder, keys):
        screen.app.push_screen(DifferencesScreen(session), on_key)
    release_keys()


async def ask_ignored(screen: Widget, session: Session) -> None:
    """Ask which keys to leave out, and compare again."""
    request = session.results.comparison.request
    dialog = TextDialog(IGNORED_QUESTION, " ".join(request.ignored), help=IGNORED_HELP, allows_empty=True)
    text = await screen.app.push_screen_wait(dialog)
    if text is not None:
        session.results.comparison.compare(replace(request, ignored=tuple(text.split())))
    release_keys()


async def make_plan(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
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
            plan_review.show(screen, session, go)
    release_keys()
