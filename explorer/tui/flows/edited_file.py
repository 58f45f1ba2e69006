"""The command of an external editor, and the text that it wrote."""

import codecs
import shlex
import shutil
from collections.abc import Mapping
from typing import Final, NamedTuple

_DEFAULT_EDITOR: Final = "vi"
_BYTE_ORDER_MARKS: Final = (  # the longer ones first: that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    (codecs.BOM_UTF8, "utf-8", ""),
)


class EditorError(Exception):
    """An external editor cannot be used, or its file cannot be read. The message is one line."""


class EditedText(NamedTuple):
    """The text that an editor wrote."""

    text: str
    remarks: tuple[str, ...]
    """Changes that were made to it afterwards, one line each."""


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """Return the command of VISUAL or EDITOR as a list of arguments.

    Raises:
        EditorError: The command is malformed, or not installed.
    """
    name = next((one for one in ("VISUAL", "EDITOR") if environment.get(one, "").strip()), "")
    value = environment[name] if name else _DEFAULT_EDITOR
    try:
        words = shlex.split(value)
    except ValueError as error:
        message = f"invalid {name}: {str(error).lower()}: {value}"
        raise EditorError(message) from error
    if not words or not words[0]:
        message = f"{name} has no command: {value}"
        raise EditorError(message)
    if shutil.which(words[0]) is None:
        if name:
            message = f"{name} is {words[0]}, which is not installed or not executable"
        else:
            message = f"EDITOR is not set and {_DEFAULT_EDITOR} is not installed; set EDITOR"
        raise EditorError(message)
    return words


def decode_edited(data: bytes, original: str) -> EditedText:
    """Return the text that an editor wrote, without what editors add by themselves.

    Args:
        data: The bytes of the file.
        original: The text that the editor was started with.

    Raises:
        EditorError: The file is not UTF-8, UTF-16 or UTF-32.
    """
    remarks: list[str] = []
    mark, encoding, name = next((one for one in _BYTE_ORDER_MARKS if data.startswith(one[0])), (b"", "utf-8", ""))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        at = len(mark) + error.start
        message = f"the file is not {name or 'UTF-8'}: byte 0x{data[at]:02x} at {at}"
        raise EditorError(message) from error
    if name:
        remarks.append(f"the editor wrote {name}; converted to UTF-8")
    elif mark:
        remarks.append("the editor added a byte order mark; removed")
    if "\r" not in original and text.count("\r\n") == text.count("\n") == text.count("\r") > 0:
        text = text.replace("\r\n", "\n")
        remarks.append("the editor wrote CRLF line ends; converted to those of the value")
    if not original.endswith("\n"):  # editors end every file with a line feed
        text = text.removesuffix("\n")
    return EditedText(text, tuple(remarks))
