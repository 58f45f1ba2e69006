"""The choice of a TTL for a key whose old one ran out while it was edited."""

from typing import Final

from textual.app import App

from explorer.session.editing.edit import Edit
from explorer.tui.dialogs.confirm import ChoiceDialog, Option
from explorer.tui.rendering import format_duration, named

_LONGER: Final = (60.0, 3600.0)
"""Seconds that are offered besides what the key had."""
_CANCEL: Final = -1.0


def ask_ttl(app: App[object], edit: Edit, ttl: float) -> None:
    """Ask how long the key is to live, and save it so; or go back to the conflict.

    Args:
        app: Where it is asked.
        edit: Its key had a TTL and is gone.
        ttl: Seconds that were left when the edit began.
    """
    had = max(1.0, round(ttl))
    choices = [had, *(one for one in _LONGER if one > had)]
    options: list[Option[float | None]] = [Option(f"Save with a TTL of {format_duration(one)}", one) for one in choices]
    options[0] = Option(options[0].title, had, "what was left when the edit began")
    options += [Option("Save without a TTL", None, "the key stays until it is deleted"), Option("Do not save", _CANCEL)]

    def answer(chosen: Option[float | None] | None) -> None:
        if chosen is None or chosen.value == _CANCEL:
            edit.cancel_ttl_choice()
        else:
            app.run_worker(edit.keep_mine_for(chosen.value), group="keep-mine")

    wrapped = [Option(option.title, option, option.more) for option in options]
    app.push_screen(ChoiceDialog(f"The TTL of {named(edit.key)} ran out and the key is gone", wrapped), answer)
