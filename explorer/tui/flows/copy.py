"""Copy the key, the value, both, or a command that reads the key."""

from typing import Final

from textual.screen import Screen

from explorer.model.sanitize import sanitize
from explorer.session.copy_options import CopySource, copied_text, copy_command, copy_options, not_copied_text
from explorer.session.session import Session
from explorer.session.states import Option
from explorer.tui.dialogs.confirm import ChoiceDialog

MAX_COPIED: Final = 100_000
"""Characters that are sent to the terminal's clipboard at most; many terminals silently cut off more."""


def choose(screen: Screen[None], session: Session) -> None:
    """Ask what to copy of the selected key, and copy it."""
    options = copy_options(session)

    def on_choice(source: CopySource | None) -> None:
        if source is None:
            return
        text = source()
        if text is None:
            screen.notify(not_copied_text(session), severity="warning")
        else:
            _copy(screen, next(option for option in options if option.value is source), text)

    screen.app.push_screen(ChoiceDialog("Copy", options, note=sanitize(copy_command(session))), on_choice)


def _copy(screen: Screen[None], option: Option[CopySource], text: str) -> None:
    if len(text) > MAX_COPIED:
        screen.notify(
            f"{len(text):,} characters are too many for the clipboard; keyscope get writes them to a file",
            severity="warning",
        )
        return
    sanitized, notice = copied_text(option, text)
    screen.app.copy_to_clipboard(sanitized)
    screen.notify(notice, timeout=3)
