import asyncio

import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, InvalidKey, KeyExists, KeyModified, TooLarge
from explorer.model.operations import ABSENT, DeleteOperation, PutOperation
from tests.contract.fixtures import (
    LONG_TTL,
    DriverFixtures,
    keys_below,
    lacks,
    needs,
    put_all,
    settable_meta,
    take_changes,
)


@needs(Capability.TRANSACTIONS)
class TransactionContract(DriverFixtures):
    """Several keys written at once, or none of them."""

    async def test_transaction_writes_all_and_returns_their_entries(self, store: Store) -> None:
        """In the order of the operations, and as the store has them afterwards."""
        old, gone = await put_all(store, "old", "gone")
        written = await store.transact(
            [
                PutOperation("new", b"new", ABSENT),
                DeleteOperation("gone", gone),
                PutOperation("old", b"changed", old),
            ]
        )
        assert written == (await store.get("new"), None, await store.get("old"))
        assert [entry.value for entry in written if entry] == [b"new", b"changed"]
        assert await keys_below(store, "") == ["new", "old"]

    async def test_transaction_accepts_revisions(self, store: Store) -> None:
        """The revision of an entry does as well as the entry."""
        first, second = await put_all(store, "a", "b")
        await store.transact([PutOperation("a", b"", first.revision), DeleteOperation("b", second.revision)])
        assert (await store.get("a")).value == b""
        assert not await store.exists("b")

    async def test_transaction_with_a_stale_entry_writes_nothing(self, store: Store, other: Store) -> None:
        """The error names the key that was changed."""
        first, second = await put_all(store, "a", "b")
        theirs = await other.put("b", b"theirs")
        for guarded in (PutOperation("b", b"mine", second), DeleteOperation("b", second)):
            with pytest.raises(KeyModified) as caught:
                await store.transact([PutOperation("a", b"mine", first), PutOperation("c", b"mine"), guarded])
            assert (caught.value.key, caught.value.address) == ("b", store.address.redacted)
        assert await store.get("a") == first
        assert await store.get("b") == theirs
        assert not await store.exists("c")

    async def test_transaction_for_a_deleted_key_is_refused(self, store: Store) -> None:
        """A deletion is a modification, also for a guarded deletion."""
        seen = await store.put("key", b"value")
        await store.delete("key")
        for guarded in (PutOperation("key", b"mine", seen), DeleteOperation("key", seen)):
            with pytest.raises(KeyModified):
                await store.transact([PutOperation("beside", b"value"), guarded])
        assert await keys_below(store, "") == []

    @needs(Capability.DISTINCT_REVISIONS)
    async def test_transaction_for_a_key_created_again_is_refused(self, store: Store) -> None:
        """It has the value that was read, and is another one."""
        seen = await store.put("key", b"value")
        await store.delete("key")
        again = await store.put("key", b"value")
        with pytest.raises(KeyModified):
            await store.transact([PutOperation("key", b"mine", seen)])
        assert await store.get("key") == again

    async def test_transaction_that_creates_an_existing_key_is_refused(self, store: Store) -> None:
        """Neither a put nor a deletion applies to a key that is to be absent."""
        seen = await store.put("b", b"value")
        with pytest.raises(KeyExists) as caught:
            await store.transact([PutOperation("a", b"", ABSENT), PutOperation("b", b"", ABSENT)])
        assert caught.value.key == "b"
        with pytest.raises(KeyExists):
            await store.transact([DeleteOperation("b", ABSENT), PutOperation("a", b"")])
        assert await store.get("b") == seen
        assert not await store.exists("a")

    async def test_transaction_without_expectations_overwrites(self, store: Store) -> None:
        """A key to delete need not exist."""
        await put_all(store, "a", "b")
        written = await store.transact(
            [PutOperation("a", b"1"), DeleteOperation("b"), DeleteOperation("never"), PutOperation("c", b"2")]
        )
        assert [entry and entry.value for entry in written] == [b"1", None, None, b"2"]
        assert await store.transact([DeleteOperation("b"), DeleteOperation("never/below")]) == (None, None)
        assert await keys_below(store, "") == ["a", "c"]

    async def test_transaction_of_nothing_is_empty(self, store: Store) -> None:
        assert await store.transact([]) == ()

    @needs(Capability.DISTINCT_REVISIONS)
    async def test_transaction_that_changes_nothing_has_new_revisions(self, store: Store) -> None:
        """As a single write of the same value has one: what was read before is stale."""
        seen = await put_all(store, "a", "b")
        again = await store.transact([PutOperation(entry.key, b"value", entry) for entry in seen])
        assert all(new and new.revision != old.revision for new, old in zip(again, seen, strict=True))
        assert await store.get("b") == again[1]

    async def test_transaction_that_names_a_key_twice_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidKey) as caught:
            await store.transact([PutOperation("a", b"1"), PutOperation("b", b"1"), DeleteOperation("a")])
        assert caught.value.key == "a"
        assert await keys_below(store, "") == []

    @lacks(Capability.BINARY_KEYS)
    async def test_transaction_with_an_invalid_key_writes_nothing(self, store: Store) -> None:
        with pytest.raises(InvalidKey):
            await store.transact([PutOperation("a", b"1"), PutOperation("\udcff", b"1")])
        assert await keys_below(store, "") == []

    async def test_transaction_creates_keys_below_each_other(self, store: Store) -> None:
        """In whatever order they are named; and deletes them likewise."""
        keys = self.storable_keys("top/one/two", "top", "top/one", "beside/below/deep")
        written = await store.transact([PutOperation(key, key.encode(), ABSENT) for key in keys])
        assert [entry and entry.key for entry in written] == keys
        assert await keys_below(store, "") == self.expected_keys(*keys)
        await store.transact([DeleteOperation(entry.key, entry) for entry in written if entry])
        assert not [key for key in keys if await store.exists(key)]

    async def test_transaction_creates_with_metadata(self, store: Store) -> None:
        """Only the key that it names, if that is expected to be absent; a store without any refuses all of it."""
        meta = settable_meta(store) or {"flags": 1}
        beside = PutOperation("beside", b"value")
        for expected in (None, await store.put("key", b"value")):
            with pytest.raises(CallNotSupported) as refused:
                await store.transact([beside, PutOperation("key", b"other", expected, meta)])
            assert refused.value.key == "key"
        operations = [beside, PutOperation("top/new", b"new", ABSENT, meta)]
        if not store.settable_meta:
            with pytest.raises(CallNotSupported):
                await store.transact(operations)
            assert await keys_below(store, "") == ["key"]
            return
        other, written = await store.transact(operations)
        assert other is not None
        assert written is not None
        for name, value in meta.items():
            assert (written.meta[name], (await store.get("top/new")).meta[name]) == (value, value)
            assert other.meta.get(name) != value

    @needs(Capability.TTL)
    async def test_transaction_keeps_the_ttl(self, store: Store) -> None:
        """A put keeps the lease of what it overwrites, and what is new beside it has none."""
        seen = await store.put("key", b"value", ttl=10 * LONG_TTL)
        await store.transact([PutOperation("key", b"changed", seen), PutOperation("beside", b"value", ABSENT)])
        found, beside = await store.get("key"), await store.get("beside")
        assert (found.value, found.lease) == (b"changed", seen.lease)
        assert (found.ttl is not None) is (Capability.TIME_LEFT in store.capabilities)
        assert (beside.lease, beside.ttl) == (None, None)

    async def test_transactions_on_shared_keys_never_mix(self, store: Store, other: Store) -> None:
        """Two clients write two keys without expectations: both keys are always one client's."""

        async def write(client: Store, name: str) -> None:
            for number in range(10):
                value = f"{name} {number}".encode()
                await client.transact([PutOperation("a", value), PutOperation("b", value)])

        await asyncio.gather(write(store, "one"), write(other, "two"))
        assert (await store.get("a")).value == (await store.get("b")).value

    async def test_transactions_on_one_entry_succeed_once(self, store: Store, other: Store) -> None:
        """Of many that expect the same entry one wins, and its other key is the only one that is written."""
        seen = await store.put("key", b"value")

        async def write(client: Store, name: str) -> bool:
            try:
                await client.transact([PutOperation("key", b"new", seen), PutOperation(name, b"", ABSENT)])
            except KeyModified as error:
                assert error.key == "key"  # noqa: PT017 - all but one raise
                return False
            return True

        wins = await asyncio.gather(*(write((store, other)[number % 2], f"by-{number}") for number in range(8)))
        assert sum(wins) == 1
        assert await keys_below(store, "") == [f"by-{wins.index(True)}", "key"]

    @needs(Capability.WATCH)
    async def test_watch_reports_every_key_of_a_transaction(self, store: Store, other: Store) -> None:
        await put_all(store, "top/kept", "top/gone")
        async with other.watch_tree("top") as events:
            await store.transact(
                [PutOperation("top/a", b"1"), PutOperation("top/b", b"2"), DeleteOperation("top/gone")]
            )
            assert {event.key for event in await take_changes(events, 3)} == {"top/a", "top/b", "top/gone"}

    async def test_transaction_of_max_operations_is_applied(self, store: Store) -> None:
        """As many as the store says, also of existing keys that get the value they have."""
        count = min(store.max_operations or 200, 200)
        new = await store.transact([PutOperation(f"key-{number:03}", b"v") for number in range(count)])
        again = await store.transact([PutOperation(entry.key, b"v", entry) for entry in new if entry])
        assert len([entry for entry in again if isinstance(entry, Entry)]) == count

    async def test_transaction_of_too_many_operations_is_refused(self, store: Store) -> None:
        """Nothing is written. The limit is of those that always fit, so a few more may do."""
        if store.max_operations is None:
            pytest.skip(f"{self.driver.__name__}: only the size is limited")
        with pytest.raises(TooLarge):
            await store.transact([PutOperation(f"key-{number:03}", b"v") for number in range(4 * store.max_operations)])
        assert await keys_below(store, "") == []

    async def test_large_transaction_is_applied_or_too_large(self, store: Store) -> None:
        """Above the limits of the servers, of which each has another one; nothing is written then."""
        seen = await store.put("key-0", b"value")
        operations = [PutOperation(f"key-{number}", b"x" * 700_000) for number in range(3)]
        try:
            await store.transact(operations)
        except TooLarge:
            assert await keys_below(store, "") == ["key-0"]
            assert await store.get("key-0") == seen
        else:
            assert [(await store.get(each.key)).value for each in operations] == [each.value for each in operations]
