"""Deleting everything below a prefix in rounds, for a store whose own step for it would take what nobody saw."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from explorer.drivers.common.errors import nothing_below
from explorer.model.errors import KeyModified
from explorer.model.sanitize import pluralize

Found = TypeVar("Found")

_ROUNDS: Final = 10
"""How often it is looked again when others write at the same time."""


class TreeDeletion(ABC, Generic[Found]):
    """A deletion that looks what is there, deletes that as it was found, and looks again until nothing is left.

    Args:
        redacted: The address for messages.
        subject: The prefix as the caller wrote it.
    """

    def __init__(self, redacted: str, subject: str) -> None:
        self.redacted, self.subject = redacted, subject
        self.deleted = 0
        """Entries that are deleted so far."""

    @property
    def so_far(self) -> str:
        """How much is deleted so far, in words."""
        return f"{pluralize(self.deleted, 'entry', 'entries')} deleted"

    @abstractmethod
    async def _found(self) -> Sequence[Found]:
        """Look what there is to delete."""

    @abstractmethod
    async def _delete(self, found: Sequence[Found]) -> None:
        """Delete what was found, each entry only as it was found, and count it; what changed meanwhile stays."""

    async def commit(self) -> int:
        """Delete, and tell how many entries that were.

        Raises:
            KeyNotFound: There are none.
            KeyModified: Others went on writing there; some may have been deleted.
            OutcomeUnknown: An answer was lost and the store cannot tell.
        """
        for _ in range(_ROUNDS):
            found = await self._found()
            if not found:
                break
            await self._delete(found)
        else:
            raise KeyModified(
                f"others go on writing there; {self.so_far}",
                hint="try again",
                address=self.redacted,
                key=self.subject,
            )
        if not self.deleted:
            raise nothing_below(self.redacted, self.subject)
        return self.deleted
