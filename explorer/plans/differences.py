"""Differences between two sides by merging two streams of entries in the order of their keys."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from explorer.model.entries import Entry
from explorer.model.keys import encode


class DifferenceKind(StrEnum):
    """Kind of difference of a key between two sides; the words of the command's JSON."""

    ONLY_LEFT = "only-left"
    ONLY_RIGHT = "only-right"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Difference:
    """A key on two sides; None where it is absent."""

    key: str
    left: Entry | None
    right: Entry | None

    @property
    def kind(self) -> DifferenceKind:
        """Kind of the difference."""
        if self.left is None:
            return DifferenceKind.ONLY_RIGHT
        if self.right is None:
            return DifferenceKind.ONLY_LEFT
        return DifferenceKind.SAME if self.left.value == self.right.value else DifferenceKind.CHANGED


async def differences(left: AsyncIterator[Entry], right: AsyncIterator[Entry]) -> AsyncGenerator[Difference, None]:
    """Yield every key of two sides, the same ones too, holding one entry of each.

    Args:
        left: Entries in the order of their keys' bytes, as `key_order.in_key_order` yields them.
        right: The same.
    """
    one, other = await anext(left, None), await anext(right, None)
    while one is not None or other is not None:
        if one is not None and other is not None and one.key == other.key:
            yield Difference(one.key, one, other)
            one, other = await anext(left, None), await anext(right, None)
        elif one is not None and (other is None or encode(one.key) < encode(other.key)):
            yield Difference(one.key, one, None)
            one = await anext(left, None)
        elif other is not None:
            yield Difference(other.key, None, other)
            other = await anext(right, None)
