"""Deletion of everything below a prefix in rounds, for stores that cannot do it safely in one request."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from explorer.drivers.common.errors import nothing_below
from explorer.model.errors import KeyModified
from explorer.model.sanitize import pluralize

Found = TypeVar("Found")

_MAX_ROUNDS: Final = 10
"""Rounds of reading and deleting while others write at the same time."""


class TreeDeletion(ABC, Generic[Found]):
    """A deletion that reads the entries, deletes each only as it was read, and repeats that until none is left.

    Args:
        redacted: The address for the log.
        subject: The prefix as the caller wrote it.
    """

    def __init__(self, redacted: str, subject: str) -> None:
        self.redacted, self.subject = redacted, subject
        self.deleted = 0
        """Number of entries deleted so far."""

    @property
    def progress(self) -> str:
        """Number of entries deleted so far, as text."""
        return f"{pluralize(self.deleted, 'entry', 'entries')} deleted"

    @abstractmethod
    async def _read(self) -> Sequence[Found]:
        """Return the entries to delete."""

    @abstractmethod
    async def _delete(self, found: Sequence[Found]) -> None:
        """Delete entries, each only as it was read, and count them in `deleted`; changed ones stay."""

    async def commit(self) -> int:
        """Delete everything, and return the number of entries.

        Raises:
            KeyNotFound: There are none.
            KeyModified: Others went on writing below the prefix; some entries may have been deleted.
            OutcomeUnknown: A reply was lost and the store cannot tell.
        """
        for _ in range(_MAX_ROUNDS):
            found = await self._read()
            if not found:
                break
            await self._delete(found)
        else:
            raise KeyModified(f"others keep writing below this prefix; {self.progress}", hint="try again")
        if not self.deleted:
            raise nothing_below()
        return self.deleted
