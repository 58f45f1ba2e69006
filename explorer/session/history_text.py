"""The history of a key as text: the newest entry first, each with a diff to the one before; sanitised."""

import binascii
import difflib
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from explorer.codecs.text.content import truncate_utf8
from explorer.model.entries import Entry
from explorer.model.format import format_bytes
from explorer.model.sanitize import sanitize
from explorer.session.detail import HistoryPage
from explorer.session.states import Empty, Failed, Loading, LoadState, Ready

_MAX_COMPARED_SIZE: Final = 4096
"""Bytes of an earlier value that are shown and compared."""
_CONTEXT_LINES: Final = 1
_HEX_ROW: Final = 48
"""Characters of a row of hexadecimal digits."""


def history_notice(history: LoadState[HistoryPage]) -> str | None:
    """Return the text in place of a history that is not there; None if it is."""
    match history:
        case Loading():
            return "reading the history …"
        case Empty(reason=reason):
            return sanitize(reason)
        case Failed(error=error):
            return f"{sanitize(error.message)}\n{sanitize(error.hint)}"
        case Ready():
            return None


def history_text(current: Entry, earlier: HistoryPage, more_key: str) -> str:
    """Return the current and the earlier entries as text.

    Args:
        current: The entry as it is now; it comes first.
        earlier: Its predecessors. The oldest is shown whole, the others as diffs.
        more_key: The key that reads more of them.
    """
    entries = (current, *earlier.entries)
    lines: list[str] = []
    for entry, before in pairwise((*entries, None)):
        if entry is not None:
            lines += [_heading(entry), *(f"  {line}" for line in _changes(entry, before)), ""]
    lines.append("(no earlier value)" if earlier.complete else f"… {more_key} reads more")
    lines[0] = f"{lines[0]}  (now)"
    return "\n".join(lines)


def _heading(entry: Entry) -> str:
    version = "" if entry.version is None else f"  v{entry.version}"
    cut = (
        f", the first {format_bytes(_MAX_COMPARED_SIZE)} are shown"
        if len(entry.value or b"") > _MAX_COMPARED_SIZE
        else ""
    )
    return f"rev {sanitize(str(entry.revision))}{version}  {format_bytes(len(entry.value or b''))}{cut}"


def _changes(entry: Entry, before: Entry | None) -> Iterator[str]:
    """Yield the diff of an entry to the one before; all of its value if there is none."""
    new = _beginning(entry.value or b"")
    if before is None:
        yield from new or ["(empty)"]
        return
    old = _beginning(before.value or b"")
    if entry.value == before.value:
        yield "(the same value again)"
    elif old == new:
        yield f"(differs after the first {format_bytes(_MAX_COMPARED_SIZE)})"
    else:
        diff = difflib.unified_diff(old, new, n=_CONTEXT_LINES, lineterm="")
        yield from list(diff)[2:]


def _beginning(value: bytes) -> list[str]:
    """Return the beginning of a value as lines of text, or of hexadecimal digits if it is not UTF-8."""
    part = truncate_utf8(value, _MAX_COMPARED_SIZE)
    try:
        text = part.decode()
    except UnicodeDecodeError:
        dump = binascii.hexlify(part, " ").decode()
        return [dump[at : at + _HEX_ROW] for at in range(0, len(dump), _HEX_ROW)]
    return [sanitize(line, multiline=True) for line in text.removesuffix("\n").split("\n")] if text else []
