import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Revision
from explorer.model.errors import Conflict, KeyExists, KeyModified, KeyNotFound, PreviousNotSpecified
from tests.contract.fixtures import DriverFixtures, lacks, needs


@needs(Capability.ATOMIC)
class Atomic(DriverFixtures):
    """Compare-and-swap and compare-and-delete."""

    async def test_atomic_put(self, store: Store) -> None:
        """A1 AtomicPut."""
        await store.put("testAtomicPut", b"world")
        seen = await store.get("testAtomicPut")
        with pytest.raises(KeyExists):
            await store.atomic_put("testAtomicPut", b"WORLD", None)
        assert (await store.atomic_put("testAtomicPut", b"WORLD", seen)).value == b"WORLD"
        with pytest.raises(KeyModified):
            await store.atomic_put("testAtomicPut", b"W0RLD", seen._replace(revision=self.stale(seen)))
        assert (await store.get("testAtomicPut")).value == b"WORLD"

    async def test_atomic_put_creates(self, store: Store) -> None:
        """A2 AtomicPutCreate: below a directory that does not exist."""
        key = "testAtomicPutCreate/create"
        await store.atomic_put(key, b"putcreate", None)
        seen = await store.get(key)
        assert seen.value == b"putcreate"
        with pytest.raises(KeyExists):
            await store.atomic_put(key, b"other", None)
        await store.atomic_put(key, b"again", seen)
        assert (await store.get(key)).value == b"again"

    @lacks(Capability.DIRECTORIES)
    async def test_atomic_put_with_a_slash_at_the_end(self, store: Store) -> None:
        """A3 AtomicPutWithSlashSuffixKey."""
        key = "testAtomicPutWithSlashSuffixKey/key/"
        await store.atomic_put(key, b"", None)
        assert (await store.get(key)).value == b""

    async def test_atomic_delete(self, store: Store) -> None:
        """A4 AtomicDelete; stale, and missing, are different answers."""
        await store.put("testAtomicDelete", b"world")
        seen = await store.get("testAtomicDelete")
        with pytest.raises(KeyModified):
            await store.atomic_delete("testAtomicDelete", seen._replace(revision=self.stale(seen)))
        assert await store.exists("testAtomicDelete")
        await store.atomic_delete("testAtomicDelete", seen)
        with pytest.raises(KeyNotFound):
            await store.atomic_delete("testAtomicDelete", seen)

    async def test_a_revision_alone_will_do(self, store: Store) -> None:
        seen = await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", self.stale(seen))
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", self.stale(seen))
        seen = await store.atomic_put("key", b"other", seen.revision)
        await store.atomic_delete("key", seen.revision)
        assert not await store.exists("key")

    @pytest.mark.parametrize("revision", [2**63, 10**30, -1, 0, "5.5", ""])
    async def test_revision_that_cannot_be_is_modified(self, store: Store, revision: Revision) -> None:
        """Whatever somebody types for a revision is refused before anything is written."""
        await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", revision)
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", revision)
        assert (await store.get("key")).value == b"value"

    async def test_what_was_read_long_ago_is_not_written_over(self, store: Store, other: Store) -> None:
        seen = await store.put("key", b"mine")
        theirs = await other.put("key", b"theirs")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"mine again", seen)
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", seen)
        assert await store.get("key") == theirs

    async def test_a_key_that_is_gone_was_modified(self, store: Store) -> None:
        seen = await store.put("key", b"value")
        await store.delete("key")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", seen)
        assert not await store.exists("key")

    async def test_a_key_that_was_made_again_is_another(self, store: Store) -> None:
        seen = await store.put("key", b"value")
        await store.delete("key")
        await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", seen)
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", seen)

    @needs(Capability.CREATED)
    async def test_an_entry_is_compared_by_its_creation_too(self, store: Store) -> None:
        """A store that was restored from an older state may give the same revision to another life of the key."""
        seen = await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", seen._replace(created=self.stale(seen)))
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", seen._replace(created=self.stale(seen)))
        assert await store.get("key") == seen

    async def test_a_delete_without_what_was_read_is_refused(self, store: Store) -> None:
        await store.put("key", b"value")
        for key in ("key", "missing"):
            with pytest.raises(PreviousNotSpecified):
                await store.atomic_delete(key, None)
        assert await store.exists("key")

    async def test_the_same_value_makes_another_revision(self, store: Store) -> None:
        seen = await store.put("key", b"value")
        again = await store.atomic_put("key", b"value", seen)
        assert again.revision != seen.revision
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"value", seen)

    async def test_what_a_save_returns_is_what_the_next_save_compares(self, store: Store) -> None:
        entry = await store.atomic_put("key", b"0", None)
        for number in range(1, 6):
            entry = await store.atomic_put("key", f"{number}".encode(), entry)
        assert await store.get("key") == entry

    async def test_of_two_who_read_the_same_one_wins(self, store: Store, other: Store) -> None:
        seen = await store.put("key", b"value")
        wins = 0
        for connection in (store, other):
            try:
                await connection.atomic_put("key", b"mine", seen)
                wins += 1
            except Conflict as error:
                assert (error.key, error.address) == ("key", connection.address.redacted)  # noqa: PT017 - one of two may raise
        assert wins == 1


class History(DriverFixtures):
    """Earlier entries of a key."""

    @needs(Capability.HISTORY)
    async def test_earlier_entries_come_newest_first_without_todays(self, store: Store) -> None:
        written = [await store.put("key", f"{number}".encode()) for number in range(4)]
        await store.put("key-beside", b"value")
        found = [entry async for entry in store.history("key")]
        assert [(entry.value, entry.revision) for entry in found] == [
            (entry.value, entry.revision) for entry in reversed(written[:-1])
        ]

    @needs(Capability.HISTORY)
    async def test_the_last_entry_of_a_deleted_key_is_history(self, store: Store) -> None:
        await store.put("key", b"first")
        last = await store.put("key", b"last")
        await store.delete("key")
        found = [entry async for entry in store.history("key")]
        assert [entry.value for entry in found] == [b"last", b"first"]
        assert found[0].revision == last.revision

    @needs(Capability.HISTORY)
    async def test_an_earlier_life_of_a_key_is_history(self, store: Store) -> None:
        await store.put("key", b"first life")
        await store.delete("key")
        await store.put("key", b"second life")
        assert [entry.value async for entry in store.history("key")] == [b"first life"]

    @needs(Capability.HISTORY)
    async def test_a_key_that_never_was_has_none(self, store: Store) -> None:
        assert [entry async for entry in store.history("never")] == []

    @needs(Capability.HISTORY, Capability.RESUME)
    async def test_history_ends_where_it_was_compacted(self, store: Store) -> None:
        await store.put("key", b"forgotten")
        await store.put("key", b"at the compaction")
        await self.compact(store)
        await store.put("key", b"today")
        assert [entry.value async for entry in store.history("key")] == [b"at the compaction"]
