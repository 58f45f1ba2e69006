"""Change log: a bounded list of changes, the newest last, that counts what it dropped."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Final

from explorer.model.entries import Revision
from explorer.model.events import Deleted, Lost, Put, Restored, Resync
from explorer.session.event_batch import EventBatch, KeyEvents, WatchEvent

CAPACITY: Final = 10_000
"""Default maximum number of entries."""
MAX_PREVIEW_BYTES: Final = 64
"""Maximum number of bytes of a value that an entry keeps."""


class ChangeKind(Enum):
    """Kind of a logged change."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    GAP = "gap"
    """History was lost; the changes after it were inferred by reading again."""
    LOST = "lost"
    """The watch was lost."""
    RESTORED = "restored"
    """The watch was restored without a gap."""


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """Entry of the change log."""

    kind: ChangeKind
    time: datetime
    key: str = ""
    revision: Revision | None = None
    size: int | None = None
    """Size of the value in bytes, where there is one."""
    preview: bytes = b""
    """Beginning of the value."""
    count: int = 1
    """Number of consecutive changes of the key in this entry, which describes the last."""
    coalesced: int = 0
    """Maximum number of earlier changes that the store coalesced into the event."""
    inferred: bool = False
    """True if it was inferred by reading again after a gap."""
    reason: str = ""
    """Reason of a gap or a loss."""


class ChangeLog:
    """The last entries. Changes of one key within a frame are one entry with their count."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._kept: deque[LoggedChange] = deque(maxlen=capacity)
        self._total = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def total(self) -> int:
        """Number of entries ever added; a view can compute from it how many are new."""
        return self._total

    @property
    def dropped(self) -> int:
        """Number of dropped entries."""
        return self._total - len(self._kept)

    def window(self, start: int, count: int) -> Sequence[LoggedChange]:
        """Return some of the kept entries; the oldest has number 0."""
        start = max(0, start)
        if start < len(self._kept) // 2:
            return tuple(islice(self._kept, start, start + count))
        stop = min(len(self._kept), start + count)
        behind = len(self._kept) - stop
        return tuple(islice(reversed(self._kept), behind, behind + max(0, stop - start)))[::-1]

    def last(self, count: int) -> Sequence[LoggedChange]:
        """Return the newest entries, the newest last."""
        return self.window(max(0, len(self._kept) - count), count)

    def add(self, batch: EventBatch, time: datetime) -> bool:
        """Add the events of a frame; return whether there was a change to log."""
        total = self._total
        for events in batch:
            self._kept.append(_logged(events, time))
            self._total += 1
        return self._total > total


def _logged(events: KeyEvents | WatchEvent, time: datetime) -> LoggedChange:
    match events:
        case Resync(reason=reason, revision=revision):
            return LoggedChange(ChangeKind.GAP, time, revision=revision, reason=reason)
        case Lost(reason=reason):
            return LoggedChange(ChangeKind.LOST, time, reason=reason)
        case Restored(revision=revision):
            return LoggedChange(ChangeKind.RESTORED, time, revision=revision)
        case KeyEvents(last=last):
            entry = last.entry if isinstance(last, Put) else last.previous
            value = None if entry is None else entry.value
            return LoggedChange(
                _kind(events),
                time,
                last.key,
                last.revision,
                None if value is None else len(value),
                bytes(value[:MAX_PREVIEW_BYTES]) if value and isinstance(last, Put) else b"",
                count=events.count,
                coalesced=events.coalesced,
                inferred=last.inferred,
            )


def _kind(events: KeyEvents) -> ChangeKind:
    if isinstance(events.last, Deleted):
        return ChangeKind.DELETED
    return ChangeKind.CREATED if events.is_created else ChangeKind.CHANGED
