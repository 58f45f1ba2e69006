"""Copying the key, the value, both, or a command that reads it again."""

import shlex
from collections.abc import Callable
from typing import Final, TypeAlias

from textual.screen import Screen

from explorer.model.key_text import escape_key
from explorer.model.keys import encode
from explorer.model.sanitize import sanitize
from explorer.session.session import Session
from explorer.session.states import Empty, Failed, Loading
from explorer.tui.dialogs.confirm import ChoiceDialog, Option
from explorer.tui.rendering import format_bytes

LARGEST: Final = 100_000
"""Characters that are handed to a terminal's clipboard at most; many terminals cut off more without a word."""
_Copied: TypeAlias = Callable[[], str | None]
"""Gives the text to copy at the moment of copying; None while there is none."""


def ask(screen: Screen[None], session: Session) -> None:
    """Ask what to copy of the selected key, and copy it.

    A value that is being read is offered, too: whoever types ahead finds every choice in its place.
    """
    key = session.selected or ""
    node = session.tree.node(key)
    folder = node is not None and not node.has_value
    command = command_for(
        session.profile or session.address, f"{key}{session.tree.separator}" if folder else key, folder=folder
    )

    def value() -> str | None:
        reading = session.detail.loaded
        return reading.document.text if reading is not None and reading.entry.key == key else None

    def both() -> str | None:
        text = value()
        return None if text is None else f"{key}\n{text}"

    options: list[Option[_Copied]] = [Option("Key", lambda: key, sanitize(key))]
    text = value()
    if text is not None or isinstance(session.detail.state, Loading):
        about = (
            "being read"
            if text is None
            else f"{format_bytes(len(text.encode(errors='surrogatepass')))}, as it is shown"
        )
        options += [Option("Value", value, about), Option("Key and value", both)]
    options.append(Option("Command", lambda: command, "the line below"))

    def answered(chosen: _Copied | None) -> None:
        if chosen is None:
            return
        text = chosen()
        if text is None:
            screen.notify(f"nothing was copied: {_why_none(session)}", severity="warning", markup=False)
        else:
            _copy(screen, next(option.title.lower() for option in options if option.value is chosen), text)

    screen.app.push_screen(ChoiceDialog("Copy", options, below=sanitize(command)), answered)


def command_for(address: str, key: str, *, folder: bool) -> str:
    r"""Return a command for a shell that reads a key, or lists a folder.

    >>> command_for("etcd://a/", "config/", folder=True), command_for("etcd://a/", "a\x1b[m", folder=False)
    ('keyscope ls etcd://a/ config/', "keyscope get etcd://a/ $'a\\x1b[m'")
    """
    verb = "ls" if folder else "get"
    if "\0" in key:  # no word of a command line holds one
        verb, word = f"{verb} --escaped", shlex.quote(escape_key(key))
    elif sanitize(key) == key:
        word = shlex.quote(key)
    else:
        word = _ansi_c_quoted(key)
    dashes = "-- " if key.startswith("-") else ""
    return f"keyscope {verb} {dashes}{shlex.quote(address)} {word}"


def _ansi_c_quoted(key: str) -> str:
    """Return a key in the quotes of bash, zsh and ksh, with bytes for what cannot be seen."""
    parts = []
    for letter in key:
        if letter in "\\'":
            parts.append(f"\\{letter}")
        elif sanitize(letter) == letter:
            parts.append(letter)
        else:
            parts.append("".join(f"\\x{byte:02x}" for byte in encode(letter)))
    return f"$'{''.join(parts)}'"


def _why_none(session: Session) -> str:
    match session.detail.state:
        case Empty(reason=reason):
            return reason
        case Failed(error=error):
            return sanitize(error.message)
        case _:
            return "the value is not read yet"


def _copy(screen: Screen[None], what: str, text: str) -> None:
    if len(text) > LARGEST:
        screen.notify(
            f"{len(text):,} characters are too many for a clipboard; keyscope get writes them to a file.",
            severity="warning",
            markup=False,
        )
        return
    # Where it is pasted it may be read by a shell, so what it does to a terminal is taken out here, too.
    harmless = sanitize(text, multiline=True)
    screen.app.copy_to_clipboard(harmless)
    told = "" if harmless == text else ", with escapes for what cannot be seen"
    screen.notify(f"copied: {what}{told}", markup=False, timeout=3)
