import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound, NotReachable
from tests.contract.fixtures import DriverFixtures, keys_below, lacks, needs


class SingleKeyContract(DriverFixtures):
    """Reads, writes and deletions of single keys, and the connection itself."""

    @pytest.mark.parametrize(
        "suffix",
        [
            "",
            pytest.param("/", marks=lacks(Capability.DIRECTORIES)),
            pytest.param("/testbar/", marks=lacks(Capability.DIRECTORIES)),
            "/testbar/testfoobar",
        ],
    )
    async def test_put_get_delete_exists(self, store: Store, suffix: str) -> None:
        """As libkv's PutGetDeleteExists (C1): keys with and without a slash at the end are keys like any other."""
        key = f"testPutGetDeleteExists{suffix}"
        with pytest.raises(KeyNotFound):
            await store.get("testPutGetDelete_not_exist_key")
        written = await store.put(key, b"bar")
        found = await store.get(key)
        assert (found.key, found.value) == (key, b"bar")
        assert found.revision == written.revision
        assert await store.exists(key)
        await store.delete(key)
        with pytest.raises(KeyNotFound):
            await store.get(key)
        assert not await store.exists(key)

    async def test_put_returns_the_entry_that_get_reads(self, store: Store) -> None:
        written = await store.put("key", b"value")
        assert written == await store.get("key")

    async def test_get_on_another_connection_reads_a_put(self, store: Store, other: Store) -> None:
        await store.put("key", b"value")
        assert (await other.get("key")).value == b"value"

    async def test_get_not_consistent_finds_the_entry(self, store: Store) -> None:
        """A read that may be stale is allowed."""
        await store.put("key", b"value")
        assert (await store.get("key", consistent=False)).key == "key"

    async def test_delete_of_a_missing_key_raises_key_not_found(self, store: Store) -> None:
        """The error names the key and the address."""
        with pytest.raises(KeyNotFound) as raised:
            await store.delete("missing")
        assert raised.value.key == "missing"
        assert raised.value.address == store.address.redacted

    async def test_empty_value_is_not_a_missing_key(self, store: Store) -> None:
        """An empty value is read and listed, and its key exists."""
        await store.put("empty", b"")
        assert (await store.get("empty")).value == b""
        assert [entry.value for entry in (await store.list("")).items] == [b""]
        assert await store.exists("empty")
        assert not await store.exists("missing")

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(bytes(range(256)), marks=pytest.mark.needs(Capability.BINARY_VALUES)),
            pytest.param(b"\xff" * 70_000, marks=pytest.mark.needs(Capability.BINARY_VALUES)),
            bytes(range(128)),
            b"\x00",
            "Grüße\r\n&=+%ff".encode(),
            "\ufffd\U0010ffff\u2028".encode() * 10_000,
            b" ",
        ],
    )
    async def test_value_is_kept_byte_for_byte(self, store: Store, value: bytes) -> None:
        """All bytes and sizes come back as they were written, by put and by compare-and-swap."""
        written = await store.put("key", value)
        assert (await store.get("key")).value == value
        if Capability.ATOMIC in self.driver.capabilities:
            await store.atomic_put("key", value + b".", written)
            assert (await store.get("key")).value == value + b"."

    @needs(Capability.DISTINCT_REVISIONS)
    async def test_put_of_the_same_value_has_another_revision(self, store: Store) -> None:
        first = await store.put("key", b"value")
        second = await store.put("key", b"value")
        assert first.revision != second.revision

    @needs(Capability.CREATED)
    async def test_created_changes_when_a_key_is_created_again(self, store: Store) -> None:
        """A further put keeps the creation revision; a put after a deletion has another."""
        first = await store.put("key", b"value")
        second = await store.put("key", b"other")
        assert first.created == second.created
        await store.delete("key")
        third = await store.put("key", b"value")
        assert third.created != first.created

    async def test_put_with_a_lone_surrogate_in_the_key_is_refused(self, store: Store) -> None:
        """The key is refused before anything is sent."""
        with pytest.raises(InvalidKey):
            await store.put("half \ud800 a character", b"value")
        assert await keys_below(store, "") == []

    async def test_keys_are_relative_to_the_path_of_the_address(self, store: Store) -> None:
        """A key beside that path is not below it, even if it begins alike."""
        async with self.connection("deeper/still") as deeper:
            await deeper.put("key", b"value")
            assert (await deeper.get("key")).key == "key"
            assert await keys_below(deeper, "") == ["key"]
            await store.put("deeper/still-not", b"value")
            assert await keys_below(deeper, "") == ["key"]
        assert (await store.get("deeper/still/key")).value == b"value"

    async def test_status_has_product_version_and_identity(self, store: Store) -> None:
        """The identity is the same at each call."""
        status = await store.status()
        assert status.product
        assert status.version
        assert (await store.status()).identity == status.identity

    async def test_ping_changes_after_a_write_and_writes_nothing(self, store: Store) -> None:
        """A revision that ping returns is another one after a write."""
        before = await store.ping()
        written = await store.put("key", b"value")
        proved = await store.ping()
        assert proved is None or proved != before
        assert (await store.get("key")).revision == written.revision

    async def test_clone_connects_to_the_same_store(self, store: Store) -> None:
        """A store that cannot be cloned returns None."""
        await store.put("key", b"value")
        more = store.clone()
        if more is not None:
            async with more:
                assert (await more.get("key")).value == b"value"

    async def test_status_writes_nothing(self, store: Store) -> None:
        await store.put("key", b"value")
        await store.status()
        assert await keys_below(store, "") == ["key"]

    async def test_closed_store_raises_not_reachable(self, other: Store) -> None:
        """Closing again has no effect."""
        await other.close()
        await other.close()
        with pytest.raises(NotReachable):
            await other.get("key")

    @pytest.mark.parametrize("ttl", [0.0, -1.0, float("nan")])
    @needs(Capability.TTL)
    async def test_put_with_a_ttl_not_above_zero_is_refused(self, store: Store, ttl: float) -> None:
        """Nothing is written."""
        with pytest.raises(ExplorerError):
            await store.put("key", b"value", ttl=ttl)
        assert not await store.exists("key")
