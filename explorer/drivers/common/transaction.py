"""Transactions: several keys are written at once, or none of them.

As a plain put is a compare-and-swap on what exists at the moment, a transaction compares every key that it names, also
those without an expectation. So it can be sent again if its reply is lost, and its outcome can be found out. When
another client was faster, the keys are read again: one that is not as expected is the error, the others are no reason
to give up.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from explorer.drivers.common.errors import key_exists, key_modified
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import Conflict, ExplorerError, InvalidKey, TooLarge
from explorer.model.operations import ABSENT, Expected, Operation, PutOperation

Guard = TypeVar("Guard")
"""State of a key that must not have changed when the transaction is applied."""

Transacted = tuple[Entry | None, ...]
"""Result of a transaction: the entry of each put, None for a deletion, in the order of the operations."""


@dataclass(frozen=True, slots=True)
class GuardedOperation(Generic[Guard]):
    """An operation with the state that its key has to have; None if the key must not exist."""

    operation: Operation
    guard: Guard | None

    @property
    def key(self) -> str:
        """The key as the caller spells it."""
        return self.operation.key

    @property
    def value(self) -> bytes | None:
        """The value to write; None for a deletion."""
        return self.operation.value if isinstance(self.operation, PutOperation) else None

    @property
    def meta(self) -> Meta:
        """Metadata of a key that is created."""
        return self.operation.meta if isinstance(self.operation, PutOperation) else NO_META

    @property
    def writes(self) -> bool:
        """False for the deletion of a key that does not exist."""
        return self.guard is not None or self.value is not None


class Transaction(ABC, Generic[Guard]):
    """Commits operations together; a driver supplies how keys are read and one guarded commit is sent."""

    async def commit(self, operations: Sequence[Operation]) -> Transacted:
        """Apply all operations, or none of them, see `Store.transact`."""
        while True:
            guards = await self._read_guards([operation.key for operation in operations])
            guarded = [GuardedOperation(operation, guard) for operation, guard in zip(operations, guards, strict=True)]
            for each in guarded:
                self._require_expected(each.key, each.guard, each.operation.expected)
            if not any(each.writes for each in guarded):
                return (None,) * len(guarded)
            try:
                return await self._commit(guarded)
            except Conflict:
                continue  # another client was faster: what is not as expected now is the error

    def _require_expected(self, key: str, guard: Guard | None, expected: Expected) -> None:
        """Raise KeyExists or KeyModified, with the key, if its state is not the expected one."""
        if expected is None:
            return
        if expected is ABSENT:
            if guard is not None:
                raise with_key(key_exists(), key)
        elif guard is None or not self._is_expected(guard, expected):
            raise with_key(key_modified(), key)

    @abstractmethod
    async def _read_guards(self, keys: Sequence[str]) -> Sequence[Guard | None]:
        """Return the present state of each key, None where there is none."""

    @abstractmethod
    def _is_expected(self, guard: Guard, expected: Entry | Revision) -> bool:
        """Return whether a state is that of the entry or revision that the caller had read."""

    @abstractmethod
    async def _commit(self, operations: Sequence[GuardedOperation[Guard]]) -> Transacted:
        """Apply all operations if every key still is as its guard says.

        Raises:
            Conflict: One is not; nothing was written.
            TooLarge: The store refuses the number or the size of the operations; nothing was written.
            OutcomeUnknown: The reply was lost, and the store does not show what happened.
        """


def require_distinct(operations: Iterable[Operation]) -> None:
    """Raise InvalidKey if a key is named twice: which of the operations would be the last one differs by store."""
    counts = Counter(operation.key for operation in operations)
    for key, count in counts.items():
        if count > 1:
            raise InvalidKey("the transaction names the key more than once", hint="combine its operations", key=key)


def too_many(count: int, limit: int) -> TooLarge:
    """Return the error for a transaction with too many operations."""
    return TooLarge(
        f"the transaction has {count} operations, the store takes {limit}", hint="split it; see Store.max_operations"
    )


def combined_outcome(applied: Iterable[bool | None]) -> bool | None:
    """Return whether a transaction was applied, by whether each of its writes was; None if that is unknown."""
    found = list(applied)
    if False in found:
        return False
    return None if None in found else True


def with_key(error: ExplorerError, key: str) -> ExplorerError:
    """Return an error that names the key of the operation that failed."""
    error.key = key
    return error
