"""What a store told, as objects for programs and as lines for people. Lines become harmless where they are printed."""

import base64
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from explorer.model.entries import Child, Entry, Revision
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.model.key_text import escape_key
from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import pluralize, sanitize

Record: TypeAlias = dict[str, object]
"""A JSON object."""
Spelling: TypeAlias = Callable[[str], str]
"""How a key is printed."""

_WIDTH: Final = 100
"""Characters of a value that a line shows."""


# Objects


def entry_record(entry: Entry, *, values: bool = True) -> Record:
    """Describe an entry; `values` False leaves the value out."""
    return {
        "key": entry.key,
        **(_value(entry.value) if values else {}),
        "revision": entry.revision,
        "created": entry.created,
        "version": entry.version,
        "lease": entry.lease,
        "ttl": entry.ttl,
    }


def child_record(child: Child) -> Record:
    """Describe a child."""
    return {
        "name": child.name,
        "key": child.key,
        "has_value": child.has_value,
        "has_children": child.has_children,
    }


def event_record(event: Event) -> Record:
    """Describe an event."""
    record: Record
    match event:
        case Put(entry=entry):
            record = {"type": "put", "key": entry.key, **_value(entry.value), **_previous(event.previous)}
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
    """Describe a lock; what is told of its holder is null when nobody holds it."""
    holder = lock.holder
    return {
        "key": lock.key,
        "kind": lock.kind,
        "layout": lock.layout,
        "certain": lock.certain,
        "holder": holder and holder.name,
        "waiters": [waiter.name for waiter in lock.waiters],
        "session": holder and holder.session,
        "ttl": holder and holder.ttl,
        "since": holder and _since(holder),
        "fence": holder and holder.fence,
        "other_keys": list(holder.other_keys) if holder else [],
        "stale": lock.stale,
    }


def _value(value: bytes | None, text: str = "text", binary: str = "value_base64") -> Record:
    try:
        return {text: None if value is None else value.decode("utf-8")}
    except UnicodeDecodeError:
        return {binary: base64.b64encode(value or b"").decode("ascii")}


def _previous(entry: Entry | None) -> Record:
    return _value(None if entry is None else entry.value, "previous_text", "previous_base64")


def _since(contender: Contender) -> Revision | None:
    since = contender.since
    return since.isoformat() if isinstance(since, datetime) else since


# Lines


def spelling(*, escaped: bool) -> Spelling:
    """Return how keys are printed: as they are, or so that `--escaped` reads the same key again."""
    return escape_key if escaped else str


def child_lines(child: Child, separator: str, spell: Spelling = str) -> Iterator[str]:
    """Show a child: its name where it has a value, and its name with the separator where it goes on."""
    name = spell(child.name) or '""'
    if child.has_value or not child.has_children:
        yield name
    if child.has_children:
        yield f"{name}{separator}"


def event_line(event: Event, spell: Spelling = str) -> str:
    """Show an event."""
    match event:
        case Put(entry=entry):
            return f"put      {spell(entry.key)}  at {entry.revision}{_doubts(event)}  {preview(entry.value)}"
        case Deleted(key=key, revision=revision):
            return f"deleted  {spell(key)}" + ("" if revision is None else f"  at {revision}") + _doubts(event)
        case Resync(reason=reason, since=since, revision=revision):
            return f"resync   after {since} up to {revision} only what differs is told: {reason}"
        case Lost(reason=reason):
            return f"lost     {reason}"
        case Restored(revision=revision):
            return "restored without a gap" + ("" if revision is None else f" at {revision}")
        case Started(revision=revision):
            return "watching" + ("" if revision is None else f" from revision {revision}")


def history_line(entry: Entry) -> str:
    """Show one of the entries that a key has had."""
    version = "" if entry.version is None else f"  version {entry.version}"
    return f"{entry.revision}{version}  {preview(entry.value)}"


def lock_lines(locks: Sequence[LockInfo], spell: Spelling = str) -> Iterator[str]:
    """Show locks as a table, and below a lock why nobody will ever release it."""
    rows = [
        ("KEY", "HOLDER", "WAITERS", "TTL", "SINCE", "FENCE", "LAYOUT", "KIND"),
        *(_lock_row(lock, spell) for lock in locks),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row, lock in zip(rows, (None, *locks), strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if lock and lock.stale:
            yield f"  stale: {lock.stale}"


def _lock_row(lock: LockInfo, spell: Spelling) -> tuple[str, ...]:
    holder = lock.holder
    cells = (
        spell(lock.key),
        holder and holder.name,
        ", ".join(waiter.name for waiter in lock.waiters),
        holder and holder.ttl is not None and f"{holder.ttl:.1f} s",
        holder and _since(holder),
        holder and holder.fence,
        lock.layout if lock.certain else f"{lock.layout} (possible)",
        lock.kind,
    )
    return tuple("-" if cell in (None, False, "") else sanitize(str(cell)) for cell in cells)


def _doubts(event: Put | Deleted) -> str:
    """Say what the store could not tell of a change."""
    coalesced = f" (up to {event.coalesced} more in between)" if event.coalesced else ""
    return coalesced + (" (found by comparing)" if event.inferred else "")


def preview(value: bytes | None) -> str:
    """Show the beginning of a value on one line, and its size where that is not all."""
    if value is None:
        return "(no value)"
    if not value:
        return "(empty)"
    start = value[: 4 * _WIDTH].decode("utf-8", "surrogateescape")[:_WIDTH]
    rest = (
        "" if len(start.encode("utf-8", "surrogateescape")) == len(value) else f"... ({pluralize(len(value), 'byte')})"
    )
    return f"{start}{rest}"


def hex_lines(value: bytes) -> Iterator[str]:
    """Show bytes sixteen a line: where they are, their figures, and the printable ones as ASCII."""
    for start in range(0, len(value), 16):
        part = value[start : start + 16]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)  # noqa: PLR2004 - printable ASCII
        yield f"{start:08x}  {part[:8].hex(' '):23}  {part[8:].hex(' '):23}  |{shown}|"
