import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Meta, Revision
from explorer.model.errors import CallNotSupported, Conflict, KeyExists, KeyModified, KeyNotFound, PreviousNotSpecified
from tests.contract.fixtures import DriverFixtures, lacks, needs, settable_meta


@needs(Capability.ATOMIC)
class AtomicContract(DriverFixtures):
    """Compare-and-swap and compare-and-delete."""

    async def test_atomic_put(self, store: Store) -> None:
        """As libkv's AtomicPut (A1): an existing key, and a stale revision, are different errors."""
        await store.put("testAtomicPut", b"world")
        seen = await store.get("testAtomicPut")
        with pytest.raises(KeyExists):
            await store.atomic_put("testAtomicPut", b"WORLD", None)
        assert (await store.atomic_put("testAtomicPut", b"WORLD", seen)).value == b"WORLD"
        with pytest.raises(KeyModified):
            await store.atomic_put("testAtomicPut", b"W0RLD", seen._replace(revision=self.stale_revision(seen)))
        assert (await store.get("testAtomicPut")).value == b"WORLD"

    async def test_atomic_put_creates(self, store: Store) -> None:
        """As libkv's AtomicPutCreate (A2): below a directory that does not exist."""
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
        """As libkv's AtomicPutWithSlashSuffixKey (A3)."""
        key = "testAtomicPutWithSlashSuffixKey/key/"
        await store.atomic_put(key, b"", None)
        assert (await store.get(key)).value == b""

    async def test_atomic_delete(self, store: Store) -> None:
        """As libkv's AtomicDelete (A4): a stale revision, and a missing key, are different errors."""
        await store.put("testAtomicDelete", b"world")
        seen = await store.get("testAtomicDelete")
        with pytest.raises(KeyModified):
            await store.atomic_delete("testAtomicDelete", seen._replace(revision=self.stale_revision(seen)))
        assert await store.exists("testAtomicDelete")
        await store.atomic_delete("testAtomicDelete", seen)
        with pytest.raises(KeyNotFound):
            await store.atomic_delete("testAtomicDelete", seen)

    async def test_atomic_calls_accept_a_revision(self, store: Store) -> None:
        """The revision of an entry does as well as the entry."""
        seen = await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", self.stale_revision(seen))
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", self.stale_revision(seen))
        seen = await store.atomic_put("key", b"other", seen.revision)
        await store.atomic_delete("key", seen.revision)
        assert not await store.exists("key")

    async def test_key_is_created_with_metadata(self, store: Store, other: Store) -> None:
        """In the same request, and nothing else is; a later save keeps it. A store without any refuses it."""
        if not (meta := settable_meta(store)):
            with pytest.raises(CallNotSupported, match="has no flags"):
                await store.atomic_put("key", b"value", None, meta={"flags": 1})
            assert not await store.exists("key")
            return
        written = await store.atomic_put("a/key", b"value", None, meta=meta)
        assert [(await client.get("a/key")).meta[name] for client in (store, other) for name in meta] == [
            *meta.values(),
            *meta.values(),
        ]
        saved = await store.atomic_put("a/key", b"saved", written)
        for name, value in meta.items():
            assert (written.meta[name], saved.meta[name]) == (value, value)
        with pytest.raises(KeyExists):
            await store.atomic_put("a/key", b"other", None, meta=meta)

    async def test_metadata_of_an_existing_key_is_not_set(self, store: Store, other: Store) -> None:
        """Nor one whose name or value the store does not know; the message has what to do instead."""
        seen = await store.put("key", b"value")
        wrong: list[Meta] = [{"colour": "red"}, *({name: "?:"} for name in store.settable_meta)]
        for meta in wrong:
            with pytest.raises(CallNotSupported):
                await store.atomic_put("new", b"", None, meta=meta)
        with pytest.raises(CallNotSupported) as refused:
            await store.atomic_put("key", b"other", seen, meta=settable_meta(store) or wrong[0])
        assert (refused.value.key, bool(refused.value.hint)) == ("key", True)
        assert not await store.exists("new")
        assert (await other.get("key")).revision == seen.revision

    @pytest.mark.parametrize("revision", [2**63, 10**30, -1, 0, "5.5", ""])
    async def test_atomic_calls_with_an_impossible_revision_are_refused(self, store: Store, revision: Revision) -> None:
        """Any text or number that a person may type is refused as KeyModified before anything is written."""
        await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", revision)
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", revision)
        assert (await store.get("key")).value == b"value"

    async def test_atomic_calls_with_a_stale_entry_are_refused(self, store: Store, other: Store) -> None:
        """The entry that another connection wrote stays."""
        seen = await store.put("key", b"mine")
        theirs = await other.put("key", b"theirs")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"mine again", seen)
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", seen)
        assert await store.get("key") == theirs

    async def test_atomic_put_of_a_deleted_key_is_refused(self, store: Store) -> None:
        """A deletion is a modification, and the key is not created again."""
        seen = await store.put("key", b"value")
        await store.delete("key")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", seen)
        assert not await store.exists("key")

    @needs(Capability.DISTINCT_REVISIONS)
    async def test_atomic_calls_for_a_key_created_again_are_refused(self, store: Store) -> None:
        """A key that was deleted and created with the same value is another one."""
        seen = await store.put("key", b"value")
        await store.delete("key")
        await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", seen)
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", seen)

    @needs(Capability.CREATED)
    async def test_atomic_calls_compare_the_creation_revision(self, store: Store) -> None:
        """After a restore the store may use the same revision for a key that was created again."""
        seen = await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"other", seen._replace(created=self.stale_revision(seen)))
        with pytest.raises(KeyModified):
            await store.atomic_delete("key", seen._replace(created=self.stale_revision(seen)))
        assert await store.get("key") == seen

    async def test_atomic_delete_without_an_entry_is_refused(self, store: Store) -> None:
        """PreviousNotSpecified is raised for an existing and for a missing key."""
        await store.put("key", b"value")
        for key in ("key", "missing"):
            with pytest.raises(PreviousNotSpecified):
                await store.atomic_delete(key, None)
        assert await store.exists("key")

    @needs(Capability.DISTINCT_REVISIONS)
    async def test_atomic_put_of_the_same_value_has_a_new_revision(self, store: Store) -> None:
        """The entry that was read before is stale after it."""
        seen = await store.put("key", b"value")
        again = await store.atomic_put("key", b"value", seen)
        assert again.revision != seen.revision
        with pytest.raises(KeyModified):
            await store.atomic_put("key", b"value", seen)

    async def test_atomic_put_returns_the_entry_for_the_next_one(self, store: Store) -> None:
        """Each call compares with the entry that the call before returned."""
        entry = await store.atomic_put("key", b"0", None)
        for number in range(1, 6):
            entry = await store.atomic_put("key", f"{number}".encode(), entry)
        assert await store.get("key") == entry

    async def test_atomic_put_by_two_connections_succeeds_once(self, store: Store, other: Store) -> None:
        """The other connection gets a Conflict that names the key and the address."""
        seen = await store.put("key", b"value")
        wins = 0
        for connection in (store, other):
            try:
                await connection.atomic_put("key", b"mine", seen)
                wins += 1
            except Conflict as error:
                assert (error.key, error.address) == ("key", connection.address.redacted)  # noqa: PT017 - one of two may raise
        assert wins == 1


class HistoryContract(DriverFixtures):
    """Earlier entries of a key."""

    @needs(Capability.HISTORY)
    async def test_history_is_newest_first_without_the_current(self, store: Store) -> None:
        """Entries of other keys are not in it."""
        written = [await store.put("key", f"{number}".encode()) for number in range(4)]
        await store.put("key-beside", b"value")
        found = [entry async for entry in store.history("key")]
        assert [(entry.value, entry.revision) for entry in found] == [
            (entry.value, entry.revision) for entry in reversed(written[:-1])
        ]

    @needs(Capability.HISTORY)
    async def test_history_of_a_deleted_key_has_its_last_entry(self, store: Store) -> None:
        await store.put("key", b"first")
        last = await store.put("key", b"last")
        await store.delete("key")
        found = [entry async for entry in store.history("key")]
        assert [entry.value for entry in found] == [b"last", b"first"]
        assert found[0].revision == last.revision

    @needs(Capability.HISTORY)
    async def test_history_includes_entries_before_a_deletion(self, store: Store) -> None:
        """A key that was created again keeps its earlier entries."""
        await store.put("key", b"first life")
        await store.delete("key")
        await store.put("key", b"second life")
        assert [entry.value async for entry in store.history("key")] == [b"first life"]

    @needs(Capability.HISTORY)
    async def test_history_of_a_missing_key_is_empty(self, store: Store) -> None:
        assert [entry async for entry in store.history("never")] == []

    @needs(Capability.HISTORY, Capability.RESUME)
    async def test_history_ends_at_the_compaction(self, store: Store) -> None:
        """The entry at the compaction is the oldest."""
        await store.put("key", b"forgotten")
        await store.put("key", b"at the compaction")
        await self.compact(store)
        await store.put("key", b"today")
        assert [entry.value async for entry in store.history("key")] == [b"at the compaction"]
