"""The change log: what happened, the newest last, bounded; it says what it had to forget."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Final

from explorer.model.entries import Revision
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync

CAPACITY: Final = 10_000
"""Entries that a log keeps unless the caller says otherwise."""
MAX_PREVIEW_BYTES: Final = 64
"""The bytes of a value that an entry keeps to show."""


class ChangeKind(Enum):
    """What an entry of the log tells."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    GAP = "gap"
    """History was lost: what follows was found by reading again."""
    LOST = "lost"
    """The store could not be heard from here on."""
    RESTORED = "restored"
    """It was heard again, and nothing was missed."""


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """One entry of the log."""

    kind: ChangeKind
    time: datetime
    key: str = ""
    revision: Revision | None = None
    size: int | None = None
    """Bytes of the value, where there is one."""
    preview: bytes = b""
    """The beginning of the value."""
    count: int = 1
    """How many changes of the key, one right after the other, it stands for; it tells of the last."""
    coalesced: int = 0
    """Earlier changes of the key, at most, that the store folded into what it told."""
    inferred: bool = False
    """Found by reading again after a gap: what was between is not known."""
    reason: str = ""
    """Why, for a gap or a loss."""


class ChangeLog:
    """The last entries. Changes of one key that were told in one go are one entry with their count."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._kept: deque[LoggedChange] = deque(maxlen=capacity)
        self._total = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def total(self) -> int:
        """Entries there ever were; grows by one with each, so a view can tell how many are new."""
        return self._total

    @property
    def dropped(self) -> int:
        """Entries that had to be forgotten."""
        return self._total - len(self._kept)

    def window(self, start: int, count: int) -> Sequence[LoggedChange]:
        """Give some of the kept entries, the oldest being number 0."""
        start = max(0, start)
        if start < len(self._kept) // 2:
            return tuple(islice(self._kept, start, start + count))
        stop = min(len(self._kept), start + count)
        behind = len(self._kept) - stop
        return tuple(islice(reversed(self._kept), behind, behind + max(0, stop - start)))[::-1]

    def last(self, count: int) -> Sequence[LoggedChange]:
        """Give the newest entries, the newest last."""
        return self.window(max(0, len(self._kept) - count), count)

    def add(self, events: Iterable[Event], time: datetime) -> bool:
        """Write down what was told in one go; tell whether that was anything."""
        before_all, told = self._total, dict[str, LoggedChange]()
        for event in events:
            change = _change(event, time)
            if change is None:
                continue
            if not change.key and change.kind in _ABOUT_THE_WATCH:
                self._keep(told.values())  # what was before it stands before it
                told.clear()
                self._keep([change])
            else:
                before = told.pop(change.key, None)
                told[change.key] = change if before is None else _after(before, change)
        self._keep(told.values())
        return self._total > before_all

    def _keep(self, changes: Iterable[LoggedChange]) -> None:
        for change in changes:
            self._kept.append(change)
            self._total += 1


_ABOUT_THE_WATCH: Final = (ChangeKind.GAP, ChangeKind.LOST, ChangeKind.RESTORED)


def _after(before: LoggedChange, change: LoggedChange) -> LoggedChange:
    """Give the entry for a key's change after others in the same go."""
    created = before.kind is ChangeKind.CREATED and change.kind is ChangeKind.CHANGED
    kind = ChangeKind.CREATED if created else change.kind
    return replace(change, kind=kind, count=before.count + change.count, coalesced=before.coalesced + change.coalesced)


def _change(event: Event, time: datetime) -> LoggedChange | None:
    match event:
        case Put(entry=entry, coalesced=coalesced, inferred=inferred):
            value = entry.value or b""
            created = entry.unchanged and not inferred and event.previous is None
            kind = ChangeKind.CREATED if created else ChangeKind.CHANGED
            size = None if entry.value is None else len(value)
            short = bytes(value[:MAX_PREVIEW_BYTES])
            return LoggedChange(
                kind, time, entry.key, entry.revision, size, short, coalesced=coalesced, inferred=inferred
            )
        case Deleted(key=key, revision=revision, previous=previous, coalesced=coalesced, inferred=inferred):
            size = None if previous is None or previous.value is None else len(previous.value)
            return LoggedChange(ChangeKind.DELETED, time, key, revision, size, coalesced=coalesced, inferred=inferred)
        case Resync(reason=reason, revision=revision):
            return LoggedChange(ChangeKind.GAP, time, revision=revision, reason=reason)
        case Lost(reason=reason):
            return LoggedChange(ChangeKind.LOST, time, reason=reason)
        case Restored(revision=revision):
            return LoggedChange(ChangeKind.RESTORED, time, revision=revision)
        case _:
            return None
