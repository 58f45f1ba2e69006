"""Operations of a transaction: a put or a delete, each guarded by what was read before, see `Store.transact`."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias

from explorer.model.entries import NO_META, Entry, Meta, Revision


class Absent(Enum):
    """Type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""Expectation that a key does not exist."""

Expected: TypeAlias = Entry | Revision | Literal[Absent.ABSENT] | None
"""Expected state of a key: the entry or revision that was read, or `ABSENT`; None accepts every state."""


@dataclass(frozen=True, slots=True)
class PutOperation:
    """Write an entry, and keep what is not edited: its lease, flags, owner and time left."""

    key: str
    value: bytes
    expected: Expected = None
    meta: Meta = field(default_factory=lambda: NO_META)
    """Metadata of a key that is created, which needs `ABSENT`; see `Store.atomic_put`."""


@dataclass(frozen=True, slots=True)
class DeleteOperation:
    """Delete an entry; without an expectation, a key that does not exist stays so."""

    key: str
    expected: Expected = None


Operation: TypeAlias = PutOperation | DeleteOperation
