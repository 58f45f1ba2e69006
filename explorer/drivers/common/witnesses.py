"""What shows whether a store is still the one that was watched: the entries that were written or deleted last.

A store whose data went back, and whose index then grew past the watcher's, looks like one in which only a little
happened. Its entries do not: of those that were written last, one that is as it was proves that nothing before it was
undone, and one that is older than it was proves the contrary.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_FIRST: Final = 1
"""Witnesses that are read at first: the one that was written last mostly is as it was."""
OLDER: Final = "an entry is older than it was: the store was restored from an older state"
UNPROVED: Final = "all that was written last is gone or was written again: nothing proves that the store is the same"


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as it was written."""

    created: int
    modified: int
    digest: bytes
    """Of its value."""

    @classmethod
    def of(cls, value: bytes, *, created: int, modified: int) -> "Written":
        """Return what is kept of an entry."""
        return cls(created, modified, blake2b(value, digest_size=16).digest())


@dataclass(frozen=True, slots=True)
class Finding:
    """What the witnesses show."""

    trouble: str | None
    """Why changes may have been undone; None if none was."""
    gone: frozenset[str] = frozenset()
    """Witnesses that are no longer there although their deletion was not told."""


Read = Callable[[Sequence[str]], Awaitable[Mapping[str, Written]]]
"""Reads entries; one that is not there is left out."""


class Witnesses:
    """The entries that were written or deleted last, as they were told.

    Args:
        most: How many are kept.
        together: How many are read at once.
    """

    def __init__(self, most: int, *, together: int) -> None:
        self._most = most
        self._together = together
        self._last: dict[str, tuple[int, Written | None]] = {}
        """Keys with the index of the write or deletion, and what was written."""
        self._complete = True
        """Whether nothing was left out or dropped since the beginning."""

    def clear(self, *, complete: bool = True) -> None:
        """Begin anew.

        Args:
            complete: Whether everything that is there will be observed.
        """
        self._last.clear()
        self._complete = complete

    def observe(self, key: str, written: Written) -> None:
        """Take in an entry that is there."""
        self._take(key, written.modified, written)

    def observe_deletion(self, key: str, index: int) -> None:
        """Take in that an entry was deleted."""
        self._take(key, index, None)

    def below(self, start: str) -> list[str]:
        """Return the witnesses whose keys begin so and that are there."""
        return [key for key, (_, written) in self._last.items() if written and key.startswith(start)]

    def _take(self, key: str, index: int, written: Written | None) -> None:
        self._last[key] = (index, written)
        if len(self._last) > 2 * self._most:
            self._last = dict(self._newest_first()[: self._most])
            self._complete = False

    def _newest_first(self) -> list[tuple[str, tuple[int, Written | None]]]:
        return sorted(self._last.items(), key=lambda item: item[1][0], reverse=True)

    async def examine(self, read: Read, *, told: int) -> Finding:
        """Compare the witnesses with what is there now, from the newest one back.

        Args:
            read: Reads entries.
            told: The index up to which everything was told.
        """
        witnesses, gone, size = self._newest_first(), set[str](), _FIRST
        while witnesses:
            some, witnesses = witnesses[:size], witnesses[size:]
            now = await read([key for key, _ in some])
            for key, (_, before) in some:
                found = now.get(key)
                if found is None:
                    if before is not None:
                        gone.add(key)
                elif found == before:
                    return Finding(None, frozenset(gone))
                elif found.modified <= told:
                    return Finding(OLDER)
            size = self._together
        return Finding(None if self._complete else UNPROVED, frozenset(gone))
