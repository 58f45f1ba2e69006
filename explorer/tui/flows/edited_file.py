"""A text in a file that an external editor changes: the command of the editor, and what it wrote."""

import codecs
import shlex
import shutil
from collections.abc import Mapping
from typing import Final, NamedTuple

_DEFAULT: Final = "vi"
_MARKS: Final = (  # the longer ones first: that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    (codecs.BOM_UTF8, "utf-8", ""),
)


class EditorError(Exception):
    """An external editor cannot be used, or what it wrote not be read; the message says why in a line."""


class Edited(NamedTuple):
    """What an editor wrote."""

    text: str
    remarks: tuple[str, ...]
    """What is not as the editor wrote it, one line each."""


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """Return the words of the command that VISUAL or EDITOR names.

    Raises:
        EditorError: It cannot be understood, or is not installed.
    """
    name = next((one for one in ("VISUAL", "EDITOR") if environment.get(one, "").strip()), "")
    value = environment[name] if name else _DEFAULT
    try:
        words = shlex.split(value)
    except ValueError as error:
        message = f"{name} cannot be understood: {str(error).lower()}: {value}"
        raise EditorError(message) from error
    if not words or not words[0]:
        message = f"{name} names no editor: {value}"
        raise EditorError(message)
    if shutil.which(words[0]) is None:
        if name:
            message = f"{name} names {words[0]}, which is not installed or cannot be run"
        else:
            message = f"EDITOR is not set, and {_DEFAULT} is not installed: set EDITOR"
        raise EditorError(message)
    return words


def read_back(data: bytes, sent: str) -> Edited:
    """Return the text that an editor wrote, without what editors add by themselves.

    Args:
        data: The bytes of the file.
        sent: The text that was given to the editor.

    Raises:
        EditorError: The file is not text.
    """
    remarks: list[str] = []
    mark, encoding, name = next((one for one in _MARKS if data.startswith(one[0])), (b"", "utf-8", ""))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        at = len(mark) + error.start
        message = f"what the editor wrote is not {name or 'UTF-8'}: byte 0x{data[at]:02x} at {at}"
        raise EditorError(message) from error
    if name:
        remarks.append(f"the editor wrote {name}: taken over as UTF-8")
    elif mark:
        remarks.append("the editor put a byte order mark in front: left out")
    if "\r" not in sent and text.count("\r\n") == text.count("\n") == text.count("\r") > 0:
        text = text.replace("\r\n", "\n")
        remarks.append("the editor wrote CRLF line ends: the line ends of the value are kept")
    if not sent.endswith("\n"):  # editors end every file with a line feed
        text = text.removesuffix("\n")
    return Edited(text, tuple(remarks))
