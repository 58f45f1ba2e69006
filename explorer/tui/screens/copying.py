"""Copying the key, the value, both, or a command that reads it again."""

import shlex
from typing import Final

from textual.screen import Screen

from explorer.model.text import inert
from explorer.session.session import Session
from explorer.tui.drawing import size
from explorer.tui.screens.questions import Choosing, Option

LARGEST: Final = 100_000
"""Characters that are handed to a terminal's clipboard at most; many terminals cut off more without a word."""


def ask(screen: Screen[None], session: Session) -> None:
    """Ask what to copy of the selected key, and copy it."""
    key = session.selected or ""
    reading = session.detail.reading
    options = [Option("Key", key, inert(key))]
    if reading is not None and reading.entry.key == key:
        text = reading.document.text
        options += [
            Option("Value", text, f"{size(len(text.encode(errors='surrogatepass')))}, as it is shown"),
            Option("Key and value", f"{key}\n{text}"),
        ]
    command = f"keyscope get {shlex.quote(session.shown)} {shlex.quote(key)}"
    options.append(Option("Command", command, inert(command)))

    def answered(text: str | None) -> None:
        if text is None:
            return
        if len(text) > LARGEST:
            screen.notify(
                f"{len(text):,} characters are too many for a clipboard; keyscope get writes them to a file.",
                severity="warning",
                markup=False,
            )
            return
        what = next((option.title.lower() for option in options if option.value is text), "text")
        # Where it is pasted it may be read by a shell, so what it does to a terminal is taken out here, too.
        harmless = inert(text, multiline=True)
        screen.app.copy_to_clipboard(harmless)
        told = "" if harmless == text else ", with escapes for what cannot be seen"
        screen.notify(f"copied: {what}{told}", markup=False, timeout=3)

    screen.app.push_screen(Choosing("Copy", options), answered)
