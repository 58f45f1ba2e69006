"""Deleting in rounds. No real store lets a test choose what others do between two looks: here the looks are given."""

from collections.abc import Sequence

import pytest

from explorer.drivers.common.delete_tree import TreeDeletion
from explorer.model.errors import KeyModified, KeyNotFound


class Looks(TreeDeletion[str]):
    """What is found at each look; a name in capitals changed meanwhile, and stays."""

    def __init__(self, *looks: str) -> None:
        super().__init__("test:", "top")
        self.looks = iter(looks)

    async def _found(self) -> Sequence[str]:
        return next(self.looks)

    async def _delete(self, found: Sequence[str]) -> None:
        self.deleted += sum(name.islower() for name in found)


async def test_it_is_looked_again_until_nothing_is_left() -> None:
    assert await Looks("abC", "cD", "d", "").commit() == 4


async def test_nothing_to_delete_is_refused() -> None:
    with pytest.raises(KeyNotFound) as raised:
        await Looks("").commit()
    assert raised.value.key == "top"


async def test_what_was_deleted_by_somebody_else_meanwhile_is_not_counted() -> None:
    with pytest.raises(KeyNotFound):
        await Looks("A", "").commit()


async def test_others_who_never_stop_writing_end_it_and_what_was_deleted_is_said() -> None:
    with pytest.raises(KeyModified, match="others go on writing there; 1 entry deleted"):
        await Looks("aB", *"B" * 100).commit()
