"""Recently written entries, which show whether a store was restored from an older state.

A store whose data went back, and whose index then grew past the watcher's, looks as if little had happened. Its entries
do not: of those that were written last, one that is unchanged proves that nothing before it was undone, and one that is
older than it was proves the contrary.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_FIRST_BATCH_SIZE: Final = 1
"""Entries of the first read: the one that was written last is usually unchanged."""
OLDER: Final = "an entry is older than it was: the store was restored from an older state"
UNPROVED: Final = "every recent entry was deleted or written again: nothing proves that the store is the same"


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """An entry as it was written."""

    created: int
    modified: int
    digest: bytes
    """Digest of the value."""

    @classmethod
    def of(cls, value: bytes, *, created: int, modified: int) -> "WriteRecord":
        """Return the record of an entry."""
        return cls(created, modified, blake2b(value, digest_size=16).digest())


@dataclass(frozen=True, slots=True)
class RestoreCheck:
    """Result of comparing the recent writes with the store."""

    reason: str | None
    """Why writes may have been undone; None if none was."""
    deleted: frozenset[str] = frozenset()
    """Entries that no longer exist although their deletion was not reported."""


Read = Callable[[Sequence[str]], Awaitable[Mapping[str, WriteRecord]]]
"""Reads entries; a missing one is left out."""


class RecentWrites:
    """The last writes and deletions that a watch has seen.

    Args:
        max_entries: Number of entries that are kept.
        batch_size: Number of entries that are read at once.
    """

    def __init__(self, max_entries: int, *, batch_size: int) -> None:
        self._max_entries = max_entries
        self._batch_size = batch_size
        self._writes: dict[str, tuple[int, WriteRecord | None]] = {}
        """Keys with the index of the last write or deletion, and what was written."""
        self._is_complete = True
        """True if nothing was dropped or left out since the beginning."""

    def clear(self, *, complete: bool = True) -> None:
        """Start again.

        Args:
            complete: Whether every existing entry will be observed.
        """
        self._writes.clear()
        self._is_complete = complete

    def observe(self, key: str, record: WriteRecord) -> None:
        """Add an existing entry."""
        self._add(key, record.modified, record)

    def observe_deletion(self, key: str, index: int) -> None:
        """Add the deletion of an entry."""
        self._add(key, index, None)

    def below(self, start: str) -> list[str]:
        """Return the existing entries whose keys begin like this."""
        return [key for key, (_, record) in self._writes.items() if record and key.startswith(start)]

    def _add(self, key: str, index: int, record: WriteRecord | None) -> None:
        self._writes[key] = (index, record)
        if len(self._writes) > 2 * self._max_entries:
            self._writes = dict(self._newest_first()[: self._max_entries])
            self._is_complete = False

    def _newest_first(self) -> list[tuple[str, tuple[int, WriteRecord | None]]]:
        return sorted(self._writes.items(), key=lambda item: item[1][0], reverse=True)

    async def check(self, read: Read, *, index: int) -> RestoreCheck:
        """Compare the recent writes with what is stored now, the newest first.

        Args:
            read: Reads entries.
            index: The index up to which all changes were reported.
        """
        writes, deleted, size = self._newest_first(), set[str](), _FIRST_BATCH_SIZE
        while writes:
            batch, writes = writes[:size], writes[size:]
            stored = await read([key for key, _ in batch])
            for key, (_, before) in batch:
                now = stored.get(key)
                if now is None:
                    if before is not None:
                        deleted.add(key)
                elif now == before:
                    return RestoreCheck(None, frozenset(deleted))
                elif now.modified <= index:
                    return RestoreCheck(OLDER)
            size = self._batch_size
        return RestoreCheck(None if self._is_complete else UNPROVED, frozenset(deleted))
