"""Flows of the journal: list the changes of some keys, and bring a value back by an edit, as in the app."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from explorer.model.errors import ExplorerError
from explorer.model.sanitize import sanitize
from explorer.session.earlier_values import RESTORE_QUESTION
from explorer.session.results.journal_list import restore_choices
from explorer.session.results.journal_text import FILTER_HELP, FILTER_QUESTION, NO_VALUE, NOT_OF_THIS_STORE
from explorer.session.states import Option, Tone
from widgets.dialogs import Dialog
from widgets.edit_flows import NO_EDITOR, Flow

if TYPE_CHECKING:
    from widgets.view import View


async def filter_list(view: "View") -> None:
    """Ask whose changes to list."""
    journal = view.session.results.journal_list
    dialog = Dialog(
        FILTER_QUESTION,
        [Option("Cancel", value=False), Option("List", value=True)],
        has_buttons=True,
        facts=[(FILTER_HELP, Tone.QUIET)],
        label="Key",
        text=journal.filter.key,
    )
    reply = await view.ask(dialog)
    if reply is not None and reply.value:
        journal.show(replace(journal.filter, key=reply.text))


async def bring_back(view: "View") -> None:
    """Ask for the value of the current change to bring back, and open an edit with it."""
    session, journal = view.session, view.session.results.journal_list
    item = journal.current
    if item is None:
        return
    if not view.live.has_editor:
        view.notify(NO_EDITOR, "warning")
        return
    if not journal.is_of_this_store(item.record):
        view.notify(NOT_OF_THIS_STORE, "warning")
        return
    options = restore_choices(await journal.record(item))
    if not options:
        view.notify(NO_VALUE, "warning")
        return
    reply = await view.ask(Dialog(RESTORE_QUESTION, options)) if len(options) > 1 else None
    value = options[0].value if len(options) == 1 else None if reply is None else reply.value
    if value is None:
        return
    key = item.record.key
    try:
        await session.bring_back(key, value)
    except ExplorerError as error:
        view.notify(sanitize(error.message), "error")
    else:
        await view.go(session.lookup.find_nearest(key))
        view.show_editor()


JOURNAL_FLOWS: Final[Mapping[str, Flow]] = MappingProxyType({"filter-list": filter_list, "bring-back": bring_back})
"""Flows by the id of their action."""
