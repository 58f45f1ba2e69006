import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound, NotReachable
from tests.contract.fixtures import DriverFixtures, keys_below, lacks, needs


class Common(DriverFixtures):
    """Reading, writing and deleting single keys."""

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

    async def test_a_written_entry_is_told_as_it_is_read(self, store: Store) -> None:
        written = await store.put("key", b"value")
        assert written == await store.get("key")

    async def test_another_connection_reads_what_was_written(self, store: Store, other: Store) -> None:
        await store.put("key", b"value")
        assert (await other.get("key")).value == b"value"

    async def test_a_stale_read_is_allowed_and_finds_the_entry_in_the_end(self, store: Store) -> None:
        await store.put("key", b"value")
        assert (await store.get("key", consistent=False)).key == "key"

    async def test_deleting_what_is_missing_says_so(self, store: Store) -> None:
        with pytest.raises(KeyNotFound) as raised:
            await store.delete("missing")
        assert raised.value.key == "missing"
        assert raised.value.address == store.address.redacted

    async def test_an_empty_value_is_not_a_missing_key(self, store: Store) -> None:
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
    async def test_a_value_is_kept_byte_for_byte(self, store: Store, value: bytes) -> None:
        written = await store.put("key", value)
        assert (await store.get("key")).value == value
        if Capability.ATOMIC in self.driver.capabilities:
            await store.atomic_put("key", value + b".", written)
            assert (await store.get("key")).value == value + b"."

    async def test_writing_again_makes_another_revision(self, store: Store) -> None:
        first = await store.put("key", b"value")
        second = await store.put("key", b"value")
        assert first.revision != second.revision

    @needs(Capability.CREATED)
    async def test_a_key_made_again_has_another_creation(self, store: Store) -> None:
        first = await store.put("key", b"value")
        second = await store.put("key", b"other")
        assert first.created == second.created
        await store.delete("key")
        third = await store.put("key", b"value")
        assert third.created != first.created

    async def test_a_key_with_a_lone_surrogate_is_refused_before_anything_is_sent(self, store: Store) -> None:
        with pytest.raises(InvalidKey):
            await store.put("half \ud800 a character", b"value")
        assert await keys_below(store, "") == []

    async def test_keys_are_relative_to_the_path_of_the_address(self, store: Store) -> None:
        async with self.connection("deeper/still") as deeper:
            await deeper.put("key", b"value")
            assert (await deeper.get("key")).key == "key"
            assert await keys_below(deeper, "") == ["key"]
            await store.put("deeper/still-not", b"value")
            assert await keys_below(deeper, "") == ["key"]
        assert (await store.get("deeper/still/key")).value == b"value"

    async def test_the_store_proves_that_it_is_alive(self, store: Store) -> None:
        status = await store.status()
        assert status.product
        assert status.version
        assert (await store.status()).identity == status.identity

    async def test_a_proof_of_life_knows_of_the_last_write_and_writes_nothing(self, store: Store) -> None:
        before = await store.ping()
        written = await store.put("key", b"value")
        proved = await store.ping()
        assert proved is None or proved != before
        assert (await store.get("key")).revision == written.revision

    async def test_one_more_connection_is_one_to_the_same_store(self, store: Store) -> None:
        await store.put("key", b"value")
        more = store.clone()
        if more is not None:
            async with more:
                assert (await more.get("key")).value == b"value"

    async def test_asking_for_the_status_writes_nothing(self, store: Store) -> None:
        await store.put("key", b"value")
        await store.status()
        assert await keys_below(store, "") == ["key"]

    async def test_a_closed_store_says_so_and_closes_twice(self, other: Store) -> None:
        await other.close()
        await other.close()
        with pytest.raises(NotReachable):
            await other.get("key")

    @pytest.mark.parametrize("ttl", [0.0, -1.0, float("nan")])
    @needs(Capability.TTL)
    async def test_no_time_to_live_at_all_is_refused(self, store: Store, ttl: float) -> None:
        with pytest.raises(ExplorerError):
            await store.put("key", b"value", ttl=ttl)
        assert not await store.exists("key")
