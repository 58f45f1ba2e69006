"""Tree deletion in rounds, with a fake that returns the entries of each round, as no real store lets a test choose."""

from collections.abc import Sequence

import pytest

from explorer.drivers.common.delete_tree import TreeDeletion
from explorer.model.errors import KeyModified, KeyNotFound


class FakeTreeDeletion(TreeDeletion[str]):
    """A deletion with given entries in each round; one with a capital letter was changed meanwhile, and stays."""

    def __init__(self, *rounds: str) -> None:
        super().__init__("test:", "top")
        self.rounds = iter(rounds)

    async def _read(self) -> Sequence[str]:
        return next(self.rounds)

    async def _delete(self, found: Sequence[str]) -> None:
        self.deleted += sum(name.islower() for name in found)


async def test_commit_with_changed_entries_reads_again() -> None:
    """It reads and deletes until nothing is left."""
    assert await FakeTreeDeletion("abC", "cD", "d", "").commit() == 4


async def test_commit_with_nothing_raises_key_not_found() -> None:
    with pytest.raises(KeyNotFound, match="nothing below this prefix"):
        await FakeTreeDeletion("").commit()


async def test_commit_does_not_count_what_others_deleted() -> None:
    with pytest.raises(KeyNotFound):
        await FakeTreeDeletion("A", "").commit()


async def test_commit_gives_up_while_others_keep_writing() -> None:
    """The error has the number of deleted entries."""
    with pytest.raises(KeyModified, match="others keep writing below this prefix; 1 entry deleted"):
        await FakeTreeDeletion("aB", *"B" * 100).commit()
