"""The journal: list changes, filter them, and bring a value back by an edit."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from textual.screen import Screen
from textual.widget import Widget

from explorer.session.earlier_values import RESTORE_QUESTION
from explorer.session.results.journal_list import restore_choices
from explorer.session.results.journal_text import FILTER_HELP, FILTER_QUESTION, NO_VALUE
from explorer.session.session import Session
from explorer.tui.dialogs.confirm import ChoiceDialog
from explorer.tui.dialogs.text import TextDialog
from explorer.tui.flows import edit
from explorer.tui.type_ahead import release_keys, run_flow


def show(screen: Screen[None], session: Session, go: Callable[[str], None]) -> None:
    """List this person's changes; go to the key that is chosen, or edit it with the value that is brought back."""
    from explorer.tui.screens.journal import JournalScreen  # noqa: PLC0415 - it asks by this module

    session.results.journal_list.show()
    journal = JournalScreen(session)

    def on_key(key: str | None) -> None:
        if key is None:
            return
        go(key)
        if journal.restored is not None:
            flow = partial(edit.bring_back, screen, session, key, journal.restored)
            run_flow(screen, flow, group="bring-back")

    screen.app.push_screen(journal, on_key)


async def ask_filter(screen: Widget, session: Session) -> None:
    """Ask whose changes to list."""
    wanted = session.results.journal_list.filter
    dialog = TextDialog(FILTER_QUESTION, wanted.key, help=FILTER_HELP, allows_empty=True)
    key = await screen.app.push_screen_wait(dialog)
    if key is not None:
        session.results.journal_list.show(replace(wanted, key=key))
    release_keys()


async def ask_value(screen: Widget, session: Session) -> bytes | None:
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
