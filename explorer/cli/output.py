"""Entries, events and locks as JSON records and as lines of text. The console sanitizes the lines."""

import base64
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from explorer.codecs.text.content import BLOCK_SIZE, HexDump
from explorer.model.entries import Child, Entry
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.model.key_text import escape_key
from explorer.model.locks import LockInfo
from explorer.model.sanitize import pluralize, sanitize

Record: TypeAlias = dict[str, object]
"""A JSON object."""
KeyFormatter: TypeAlias = Callable[[str], str]
"""Returns a key as it is printed."""

_PREVIEW_LENGTH: Final = 100
"""Characters of a value in a line."""


def shown_key(key: str) -> str:
    """Return a name or a relative key as it is printed: the empty one as two quotes."""
    return key or '""'


# Records


def entry_record(entry: Entry, *, values: bool = True) -> Record:
    """Return the record of an entry; without its value if `values` is False."""
    return {
        "key": entry.key,
        **(value_fields(entry.value) if values else {}),
        "revision": entry.revision,
        "created": entry.created,
        "version": entry.version,
        "lease": entry.lease,
        "ttl": entry.ttl,
    }


def child_record(child: Child) -> Record:
    """Return the record of a child."""
    return {
        "name": child.name,
        "key": child.key,
        "has_value": child.has_value,
        "has_children": child.has_children,
    }


def event_record(event: Event) -> Record:
    """Return the record of an event."""
    record: Record
    match event:
        case Put(entry=entry):
            record = {"type": "put", "key": entry.key, **value_fields(entry.value), **_previous(event.previous)}
        case Deleted(key=key):
            record = {"type": "deleted", "key": key, **_previous(event.previous)}
        case Resync(reason=reason, since=since):
            record = {"type": "resync", "reason": reason, "since": since}
        case Lost(reason=reason):
            return {"type": "lost", "reason": reason}
        case Restored():
            record = {"type": "restored"}
        case Started():
            record = {"type": "started"}
    inferred = {"inferred": True} if isinstance(event, Put | Deleted) and event.inferred else {}
    coalesced = {"coalesced": event.coalesced} if isinstance(event, Put | Deleted) and event.coalesced else {}
    return {**record, "revision": event.revision, **inferred, **coalesced}


def lock_record(lock: LockInfo) -> Record:
    """Return the record of a lock; the fields of its holder are null if it is not held."""
    return {name: _json_time(value) for name, value in lock.fields.items()}


def value_fields(value: bytes | None, text: str = "text", binary: str = "value_base64") -> Record:
    """Return a value as a field with its text, or with its base64 if it is not UTF-8."""
    try:
        return {text: None if value is None else value.decode("utf-8")}
    except UnicodeDecodeError:
        return {binary: base64.b64encode(value or b"").decode("ascii")}


def _previous(entry: Entry | None) -> Record:
    return value_fields(None if entry is None else entry.value, "previous_text", "previous_base64")


def _json_time(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


# Lines


def key_formatter(*, escaped: bool) -> KeyFormatter:
    """Return the formatter of keys: unchanged, or with the escapes that `--escaped` reads."""
    return escape_key if escaped else str


def child_lines(child: Child, separator: str, format_key: KeyFormatter = str) -> Iterator[str]:
    """Yield the name of a child if it has a value, and the name with the separator if it has children."""
    name = shown_key(format_key(child.name))
    if child.has_value or not child.has_children:
        yield name
    if child.has_children:
        yield f"{name}{separator}"


def event_line(event: Event, format_key: KeyFormatter = str) -> str:
    """Return the line of an event."""
    match event:
        case Put(entry=entry):
            return f"put      {format_key(entry.key)}  at {entry.revision}{_qualifiers(event)}  {preview(entry.value)}"
        case Deleted(key=key, revision=revision):
            return f"deleted  {format_key(key)}" + ("" if revision is None else f"  at {revision}") + _qualifiers(event)
        case Resync(reason=reason, since=since, revision=revision):
            gap = f"up to {revision}" if since is None else f"between {since} and {revision}"
            return f"resync   {gap} only the differences are known: {reason}"
        case Lost(reason=reason):
            return f"lost     {reason}"
        case Restored(revision=revision):
            return "restored without a gap" + ("" if revision is None else f" at {revision}")
        case Started(revision=revision):
            return "watching" + ("" if revision is None else f" from revision {revision}")


def history_line(entry: Entry) -> str:
    """Return the line of a revision of a key."""
    version = "" if entry.version is None else f"  version {entry.version}"
    return f"{entry.revision}{version}  {preview(entry.value)}"


def lock_lines(locks: Sequence[LockInfo], format_key: KeyFormatter = str) -> Iterator[str]:
    """Yield the lines of a table of locks, with the reason below a stale one."""
    rows = [
        ("KEY", "HOLDER", "WAITERS", "TTL", "SINCE", "FENCE", "LAYOUT", "KIND"),
        *(_lock_row(lock, format_key) for lock in locks),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row, lock in zip(rows, (None, *locks), strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if lock and lock.stale:
            yield f"  stale: {lock.stale}"


def _lock_row(lock: LockInfo, format_key: KeyFormatter) -> tuple[str, ...]:
    holder = lock.holder
    cells = (
        format_key(lock.key),
        holder and holder.name,
        ", ".join(waiter.name for waiter in lock.waiters),
        holder and holder.ttl is not None and f"{holder.ttl:.1f} s",
        holder and _json_time(holder.since),
        holder and holder.fence,
        lock.layout if lock.certain else f"{lock.layout} (possible)",
        lock.kind,
    )
    return tuple("-" if cell in (None, False, "") else sanitize(str(cell)) for cell in cells)


def _qualifiers(event: Put | Deleted) -> str:
    """Return what is uncertain about a change."""
    coalesced = f" (up to {event.coalesced} more coalesced)" if event.coalesced else ""
    return coalesced + (" (inferred by comparison)" if event.inferred else "")


def preview(value: bytes | None) -> str:
    """Return the beginning of a value on one line, with the size if that is not all."""
    if value is None:
        return "(no value)"
    if not value:
        return "(empty)"
    start = value[: 4 * _PREVIEW_LENGTH].decode("utf-8", "surrogateescape")[:_PREVIEW_LENGTH]
    rest = (
        "" if len(start.encode("utf-8", "surrogateescape")) == len(value) else f"... ({pluralize(len(value), 'byte')})"
    )
    return f"{start}{rest}"


def hex_lines(value: bytes) -> Iterator[str]:
    """Yield the lines of a hex dump."""
    dump = HexDump(value)
    for start in range(0, dump.size, BLOCK_SIZE):
        yield from dump.part(start, min(start + BLOCK_SIZE, dump.size)).splitlines()
