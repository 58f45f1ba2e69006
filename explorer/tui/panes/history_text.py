"""A key's history as text: one entry after the other, the newest first, each with what it changed."""

import binascii
import difflib
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from explorer.codecs.text.content import truncate_utf8
from explorer.model.entries import Entry
from explorer.model.sanitize import sanitize
from explorer.session.detail import HistoryPage
from explorer.tui.rendering import format_bytes

_GLIMPSE: Final = 4096
"""Bytes of an earlier value that are shown and compared."""
_CONTEXT_LINES: Final = 1


def history_text(current: Entry, earlier: HistoryPage) -> str:
    """Return the current entry and the earlier ones; each with its difference to the one before, the oldest whole."""
    entries = (current, *earlier.entries)
    lines: list[str] = []
    for entry, before in pairwise((*entries, None)):
        if entry is not None:
            lines += [_heading(entry), *(f"  {line}" for line in _changes(entry, before)), ""]
    lines.append("(nothing older)" if earlier.complete else "… r reads more")
    lines[0] = f"{lines[0]}  (now)"
    return "\n".join(lines)


def _heading(entry: Entry) -> str:
    version = "" if entry.version is None else f"  v{entry.version}"
    cut = f", the first {format_bytes(_GLIMPSE)} are shown" if len(entry.value or b"") > _GLIMPSE else ""
    return f"rev {entry.revision}{version}  {format_bytes(len(entry.value or b''))}{cut}"


def _changes(entry: Entry, before: Entry | None) -> Iterator[str]:
    """Return what an entry changed, or all of it where there is nothing to compare it with."""
    new = _glimpse(entry.value or b"")
    if before is None:
        yield from new or ["(empty)"]
        return
    old = _glimpse(before.value or b"")
    if entry.value == before.value:
        yield "(the same value again)"
    elif old == new:
        yield f"(differs behind the first {format_bytes(_GLIMPSE)})"
    else:
        diff = difflib.unified_diff(old, new, n=_CONTEXT_LINES, lineterm="")
        yield from list(diff)[2:]


def _glimpse(value: bytes) -> list[str]:
    part = truncate_utf8(value, _GLIMPSE)
    try:
        text = part.decode()
    except UnicodeDecodeError:
        dump = binascii.hexlify(part, " ").decode()
        return [dump[at : at + 48] for at in range(0, len(dump), 48)]
    return [sanitize(line, multiline=True) for line in text.removesuffix("\n").split("\n")] if text else []
