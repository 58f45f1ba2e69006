import math

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from tests.contract.fixtures import LASTING, PATIENCE, TTL, DriverFixtures, needs, timed
from tests.servers.waiting import eventually


@timed
@needs(Capability.TTL)
class Lifetimes(DriverFixtures):
    """Entries that end by themselves."""

    async def _gone(self, store: Store, key: str) -> None:
        async def missing() -> bool:
            return not await store.exists(key)

        await eventually(missing, f"{key} ends", PATIENCE)

    async def test_put_with_a_time_to_live(self, store: Store) -> None:
        """T1 PutTTL: the entries end although who wrote them is gone."""
        async with self.connection() as writer:
            await writer.put("testPutTTL/first", b"foo", ttl=LASTING)
            await writer.put("testPutTTL/second", b"bar", ttl=LASTING)
            assert (await store.get("testPutTTL/first")).value == b"foo"
            assert (await store.get("testPutTTL/second")).value == b"bar"
        await self.advance(LASTING)
        await self._gone(store, "testPutTTL/first")
        await self._gone(store, "testPutTTL/second")

    @needs(Capability.TIME_LEFT)
    async def test_the_time_left_is_told(self, store: Store) -> None:
        await store.put("key", b"value", ttl=60)
        left = (await store.get("key")).ttl
        assert left is not None
        assert 50 < left <= 60
        await store.put("for-ever", b"value")
        assert (await store.get("for-ever")).ttl is None

    @needs(Capability.TIME_LEFT)
    async def test_a_save_keeps_the_lease(self, store: Store) -> None:
        lease = (await store.put("key", b"value", ttl=60)).lease
        assert (lease is not None) == self.leases
        assert (await store.put("key", b"other")).lease == lease
        found = await store.get("key")
        assert found.lease == lease
        assert found.ttl is not None
        assert 50 < found.ttl <= 60

    @needs(Capability.ATOMIC)
    async def test_a_compare_and_swap_keeps_the_lease(self, store: Store) -> None:
        seen = await store.put("key", b"value", ttl=60)
        saved = await store.atomic_put("key", b"other", seen)
        assert saved.lease == seen.lease
        assert (await store.get("key")).lease == seen.lease

    async def test_a_saved_entry_ends_at_its_time_still(self, store: Store) -> None:
        await store.put("key", b"value", ttl=TTL)
        await store.put("key", b"other")
        await self.advance(3)
        await self._gone(store, "key")

    async def test_infinity_frees_of_the_lease(self, store: Store) -> None:
        await store.put("freed", b"value", ttl=TTL)
        await store.put("control", b"value", ttl=TTL)
        freed = await store.put("freed", b"value", ttl=math.inf)
        assert (freed.lease, freed.ttl) == (None, None)
        await self.advance(3)
        await self._gone(store, "control")
        assert (await store.get("freed")).lease is None

    @needs(Capability.ATOMIC)
    async def test_a_create_can_have_a_time_to_live(self, store: Store) -> None:
        await store.atomic_put("key", b"value", None, ttl=TTL)
        await self.advance(3)
        await self._gone(store, "key")
        await store.atomic_put("key", b"again", None)

    @needs(Capability.KEEP_ALIVE)
    async def test_what_is_kept_alive_ends_with_its_connection(self, store: Store) -> None:
        async with self.connection() as writer:
            await writer.put("kept", b"value", ttl=LASTING, keep_alive=True)
            await writer.put("control", b"value", ttl=LASTING)
            await self.advance(LASTING * 1.5)
            await self._gone(store, "control")
            assert (await store.get("kept")).value == b"value"
        await self.advance(LASTING)
        await self._gone(store, "kept")
