"""Copy the key, the value, both, or a command that reads the key."""

import shlex
from collections.abc import Callable
from typing import Final, TypeAlias

from textual.screen import Screen

from explorer.model.format import format_bytes
from explorer.model.key_text import escape_key
from explorer.model.keys import encode
from explorer.model.sanitize import sanitize
from explorer.session.session import Session
from explorer.session.states import Empty, Failed, Loading, Option
from explorer.tui.dialogs.confirm import ChoiceDialog

MAX_COPIED: Final = 100_000
"""Characters that are sent to the terminal's clipboard at most; many terminals silently cut off more."""
_Source: TypeAlias = Callable[[], str | None]
"""Returns the text to copy, at the moment of copying; None if there is none."""


def choose(screen: Screen[None], session: Session) -> None:
    """Ask what to copy of the selected key, and copy it.

    A value that is still being read is offered, too, so that every option has its usual number.
    """
    key = session.selected or ""
    node = session.tree.node(key)
    is_folder = node is not None and not node.has_value
    address = session.profile or session.address
    command = command_for(address, f"{key}{session.tree.separator}" if is_folder else key, folder=is_folder)

    def value() -> str | None:
        loaded = session.detail.loaded
        return loaded.document.text if loaded is not None and loaded.entry.key == key else None

    def both() -> str | None:
        text = value()
        return None if text is None else f"{key}\n{text}"

    options: list[Option[_Source]] = [Option("Key", lambda: key, sanitize(key))]
    text = value()
    if text is not None:
        size = format_bytes(len(text.encode(errors="surrogatepass")))
        options += [Option("Value", value, f"{size}, as it is shown"), Option("Key and value", both)]
    elif isinstance(session.detail.state, Loading):
        options += [Option("Value", value, "being read"), Option("Key and value", both)]
    options.append(Option("Command", lambda: command, "the line below"))

    def on_choice(source: _Source | None) -> None:
        if source is None:
            return
        text = source()
        if text is None:
            screen.notify(f"nothing was copied: {_reason_without_value(session)}", severity="warning")
        else:
            _copy(screen, next(option.title.lower() for option in options if option.value is source), text)

    screen.app.push_screen(ChoiceDialog("Copy", options, note=sanitize(command)), on_choice)


def command_for(address: str, key: str, *, folder: bool) -> str:
    r"""Return a shell command that reads a key, or lists a folder.

    >>> command_for("etcd://a/", "config/", folder=True), command_for("etcd://a/", "a\x1b[m", folder=False)
    ('keyscope ls etcd://a/ config/', "keyscope get etcd://a/ $'a\\x1b[m'")
    """
    verb = "ls" if folder else "get"
    if "\0" in key:  # no argument of a process can hold it
        verb, word = f"{verb} --escaped", shlex.quote(escape_key(key))
    elif sanitize(key) == key:
        word = shlex.quote(key)
    else:
        word = _ansi_c_quoted(key)
    dashes = "-- " if key.startswith("-") else ""
    return f"keyscope {verb} {dashes}{shlex.quote(address)} {word}"


def _ansi_c_quoted(key: str) -> str:
    """Return a key in ANSI-C quotes (bash, zsh, ksh), with invisible characters as bytes."""
    parts = []
    for letter in key:
        if letter in "\\'":
            parts.append(f"\\{letter}")
        elif sanitize(letter) == letter:
            parts.append(letter)
        else:
            parts.append("".join(f"\\x{byte:02x}" for byte in encode(letter)))
    return f"$'{''.join(parts)}'"


def _reason_without_value(session: Session) -> str:
    match session.detail.state:
        case Empty(reason=reason):
            return reason
        case Failed(error=error):
            return error.message
        case _:
            return "the value is not read yet"


def _copy(screen: Screen[None], what: str, text: str) -> None:
    if len(text) > MAX_COPIED:
        screen.notify(
            f"{len(text):,} characters are too many for the clipboard; keyscope get writes them to a file",
            severity="warning",
        )
        return
    # The text may be pasted into a shell, so it must not hold control characters either.
    sanitized = sanitize(text, multiline=True)
    screen.app.copy_to_clipboard(sanitized)
    escaped = "" if sanitized == text else ", with escapes for invisible characters"
    screen.notify(f"copied: {what}{escaped}", timeout=3)
