"""Options to copy the selected key, its value, both, or a command that reads it."""

import shlex
from collections.abc import Callable
from typing import TypeAlias

from explorer.model.format import format_bytes
from explorer.model.key_text import escape_key
from explorer.model.keys import encode
from explorer.model.sanitize import sanitize
from explorer.session.session import Session
from explorer.session.states import Empty, Failed, Loading, Option

CopySource: TypeAlias = Callable[[], str | None]
"""Returns the text to copy, at the moment of copying and not sanitised; None if there is none."""


def copy_options(session: Session) -> list[Option[CopySource]]:
    """Return what can be copied of the selected key.

    A value that is still being read is offered, too, so that every option has its usual number.
    """
    key = session.selected or ""
    command = copy_command(session)

    def value() -> str | None:
        loaded = session.detail.loaded
        return loaded.document.text if loaded is not None and loaded.entry.key == key else None

    def both() -> str | None:
        text = value()
        return None if text is None else f"{key}\n{text}"

    options: list[Option[CopySource]] = [Option("Key", lambda: key, sanitize(key))]
    text = value()
    if text is not None:
        size = format_bytes(len(text.encode(errors="surrogatepass")))
        options += [Option("Value", value, f"{size}, as it is shown"), Option("Key and value", both)]
    elif isinstance(session.detail.state, Loading):
        options += [Option("Value", value, "being read"), Option("Key and value", both)]
    options.append(Option("Command", lambda: command, "the line below"))
    return options


def copy_command(session: Session) -> str:
    """Return a shell command that reads the selected key, or lists the selected folder."""
    key = session.selected or ""
    node = session.tree.node(key)
    is_folder = node is not None and not node.has_value
    address = session.profile or session.address
    return command_for(address, f"{key}{session.tree.separator}" if is_folder else key, folder=is_folder)


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


def not_copied_text(session: Session) -> str:
    """Return why the value cannot be copied."""
    match session.detail.state:
        case Empty(reason=reason):
            return sanitize(f"nothing was copied: {reason}")
        case Failed(error=error):
            return sanitize(f"nothing was copied: {error.message}")
        case _:
            return "nothing was copied: the value is not read yet"


def copied_text(option: Option[CopySource], text: str) -> tuple[str, str]:
    """Return the text for the clipboard, and what was copied.

    The text may be pasted into a shell, so it must not hold control characters either.
    """
    sanitized = sanitize(text, multiline=True)
    escaped = "" if sanitized == text else ", with escapes for invisible characters"
    return sanitized, f"copied: {option.title.lower()}{escaped}"
