"""Questions of the lists of results: what to find, what to compare with, whose changes to list."""

from dataclasses import replace
from typing import Final

from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.session.earlier_values import RESTORE_QUESTION
from explorer.session.results.comparison import ComparisonRequest
from explorer.session.results.difference_text import (
    IGNORED_HELP,
    IGNORED_QUESTION,
    OTHER_SIDE,
    OTHER_SIDE_HELP,
    side_here,
)
from explorer.session.results.journal_list import restore_choices
from explorer.session.results.journal_text import FILTER_HELP, FILTER_QUESTION, NO_VALUE
from explorer.session.session import Session
from explorer.tui.cells import shorten_middle
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.find import FindDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.type_ahead import release_keys

_MAX_NAME_WIDTH: Final = 40
"""Cells of the name of what is compared."""


async def ask_what_to_find(screen: Widget, session: Session) -> bool:
    """Ask what to find, and start the search; return whether it was started."""
    folder = session.lookup.new_key_start(session.selected)
    request = await screen.app.push_screen_wait(FindDialog(session.results.finder.request, folder))
    if request is None:
        return False
    try:
        session.results.finder.find(request)
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
        return False
    return True


async def ask_other_side(screen: Widget, session: Session, folder: str, keys: tuple[str, ...] = ()) -> bool:
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


async def ask_ignored(screen: Widget, session: Session) -> None:
    """Ask which keys to leave out, and compare again."""
    request = session.results.comparison.request
    dialog = TextDialog(IGNORED_QUESTION, " ".join(request.ignored), help=IGNORED_HELP, allows_empty=True)
    text = await screen.app.push_screen_wait(dialog)
    if text is not None:
        session.results.comparison.compare(replace(request, ignored=tuple(text.split())))
    release_keys()


async def ask_journal_filter(screen: Widget, session: Session) -> None:
    """Ask whose changes to list."""
    wanted = session.results.journal_list.filter
    dialog = TextDialog(FILTER_QUESTION, wanted.key, help=FILTER_HELP, allows_empty=True)
    key = await screen.app.push_screen_wait(dialog)
    if key is not None:
        session.results.journal_list.show(replace(wanted, key=key))
    release_keys()


async def ask_journal_value(screen: Widget, session: Session) -> bytes | None:
    """Ask for the value of the current change to bring back; None if none was chosen."""
    item = session.results.journal_list.current
    if item is None:
        return None
    options = restore_choices(await session.results.journal_list.record(item))
    if not options:
        screen.notify(NO_VALUE, severity="warning")
        return None
    if len(options) == 1:
        return options[0].value
    return await screen.app.push_screen_wait(ChoiceDialog(RESTORE_QUESTION, options))
