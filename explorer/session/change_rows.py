"""Rows of the change log as sanitised texts, without layout."""

from dataclasses import dataclass
from typing import Final

from explorer.model.format import format_bytes
from explorer.model.sanitize import sanitize
from explorer.session.change_log import ChangeKind, ChangeLog, LoggedChange

_SIGNS: Final[dict[ChangeKind, str]] = {
    ChangeKind.CREATED: "+",
    ChangeKind.CHANGED: "~",
    ChangeKind.DELETED: "-",
    ChangeKind.GAP: "≠",
    ChangeKind.LOST: "!",
    ChangeKind.RESTORED: "✓",
}
CHANGE_SIGNS: Final = (
    ("+ ~ -", "A key was created, changed, deleted."),
    ("3x", "Number of changes of the key in this row."),
    ("≤2 more", "At most so many changes in between were not delivered by the store one by one."),
    ("! ✓", "The connection was lost; it was restored."),
    ("≠", "A gap: events may be missing. Changes marked 'after a gap' were found by reading again."),
)
"""The signs in the change log and their meanings."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A row of the change log: a change of a key, or an event of the watch, which has no key."""

    kind: ChangeKind
    sign: str
    time: str
    """Time of day."""
    key: str
    """The key; "" for an event of the watch."""
    text: str
    """Description of an event of the watch; "" for a change of a key."""
    counts: str
    """Number of changes in the row, and how certain it is; "" for a single certain one."""
    details: tuple[str, ...]
    """Revision, size and beginning of the value, as far as they are known."""


def change_row(change: LoggedChange, *, brief: bool = False) -> ChangeRow:
    """Return the row of a change; with `brief` its counts are shortened."""
    text, counts, details = "", list[str](), list[str]()
    if not change.key:
        revision = "" if change.revision is None else f" (rev {change.revision})"
        text = sanitize(f"{change.kind.value}: {change.reason}{revision}")
    else:
        if change.count > 1:
            counts.append(f"{change.count}x")
        if change.coalesced:
            counts.append(f"≤{change.coalesced:,} more" if brief else f"up to {change.coalesced:,} more in between")
        if change.inferred:
            counts.append("after a gap")
        if change.revision is not None:
            details.append(sanitize(str(change.revision)))
        if change.size is not None:
            details.append(format_bytes(change.size))
        if change.preview:
            details.append(sanitize(change.preview))
    return ChangeRow(
        kind=change.kind,
        sign=_SIGNS[change.kind],
        time=f"{change.time.astimezone():%H:%M:%S}",
        key=sanitize(change.key),
        text=text,
        counts=" ".join(counts),
        details=tuple(details),
    )


def changes_notice(log: ChangeLog) -> str:
    """Return the text in place of an empty log; "" if it has entries."""
    return "" if len(log) else "no changes since this was opened"


def changes_title(log: ChangeLog, newer: int = 0) -> str:
    """Return the number of entries, with that of newer ones out of sight and of dropped ones; "" without any.

    Args:
        log: The log.
        newer: Number of entries above those in sight.
    """
    above = f", {newer} newer above" if newer else ""
    dropped = f", {log.dropped} older ones dropped" if log.dropped else ""
    return f"{len(log)}{above}{dropped}" if len(log) else ""
