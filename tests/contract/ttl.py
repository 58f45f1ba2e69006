import math

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from tests.contract.fixtures import LONG_TTL, MIN_TTL, WAIT_TIMEOUT, DriverFixtures, needs, timed
from tests.servers.waiting import eventually


@timed
@needs(Capability.TTL)
class TtlContract(DriverFixtures):
    """Entries that expire."""

    async def _wait_until_expired(self, store: Store, key: str) -> None:
        async def missing() -> bool:
            return not await store.exists(key)

        await eventually(missing, f"{key} expires", WAIT_TIMEOUT)

    async def test_put_with_a_ttl_expires(self, store: Store) -> None:
        """As libkv's PutTTL (T1): the entries expire although the connection that wrote them is closed."""
        async with self.connection() as writer:
            await writer.put("testPutTTL/first", b"foo", ttl=LONG_TTL)
            await writer.put("testPutTTL/second", b"bar", ttl=LONG_TTL)
            assert (await store.get("testPutTTL/first")).value == b"foo"
            assert (await store.get("testPutTTL/second")).value == b"bar"
        await self.advance(LONG_TTL)
        await self._wait_until_expired(store, "testPutTTL/first")
        await self._wait_until_expired(store, "testPutTTL/second")

    @needs(Capability.TIME_LEFT)
    async def test_get_returns_the_remaining_ttl(self, store: Store) -> None:
        """An entry without a TTL has None."""
        await store.put("key", b"value", ttl=60)
        left = (await store.get("key")).ttl
        assert left is not None
        assert 50 < left <= 60
        await store.put("for-ever", b"value")
        assert (await store.get("for-ever")).ttl is None

    @needs(Capability.TIME_LEFT)
    async def test_put_keeps_the_lease(self, store: Store) -> None:
        """A put without a TTL keeps the lease and the remaining time."""
        lease = (await store.put("key", b"value", ttl=60)).lease
        assert (lease is not None) == self.has_leases
        assert (await store.put("key", b"other")).lease == lease
        found = await store.get("key")
        assert found.lease == lease
        assert found.ttl is not None
        assert 50 < found.ttl <= 60

    @needs(Capability.ATOMIC)
    async def test_atomic_put_keeps_the_lease(self, store: Store) -> None:
        seen = await store.put("key", b"value", ttl=60)
        saved = await store.atomic_put("key", b"other", seen)
        assert saved.lease == seen.lease
        assert (await store.get("key")).lease == seen.lease

    async def test_put_does_not_extend_the_ttl(self, store: Store) -> None:
        """An entry that was written again expires at its time."""
        await store.put("key", b"value", ttl=MIN_TTL)
        await store.put("key", b"other")
        await self.advance(3)
        await self._wait_until_expired(store, "key")

    async def test_put_with_an_infinite_ttl_removes_the_lease(self, store: Store) -> None:
        """The entry does not expire any more."""
        await store.put("freed", b"value", ttl=MIN_TTL)
        await store.put("control", b"value", ttl=MIN_TTL)
        freed = await store.put("freed", b"value", ttl=math.inf)
        assert (freed.lease, freed.ttl) == (None, None)
        await self.advance(3)
        await self._wait_until_expired(store, "control")
        assert (await store.get("freed")).lease is None

    @needs(Capability.ATOMIC)
    async def test_atomic_put_of_a_new_key_can_have_a_ttl(self, store: Store) -> None:
        """The key can be created again after it has expired."""
        await store.atomic_put("key", b"value", None, ttl=MIN_TTL)
        await self.advance(3)
        await self._wait_until_expired(store, "key")
        await store.atomic_put("key", b"again", None)

    @needs(Capability.KEEP_ALIVE)
    async def test_kept_alive_entry_expires_after_close(self, store: Store) -> None:
        """A kept-alive entry outlives its TTL, and expires once its connection is closed."""
        async with self.connection() as writer:
            await writer.put("kept", b"value", ttl=LONG_TTL, keep_alive=True)
            await writer.put("control", b"value", ttl=LONG_TTL)
            await self.advance(LONG_TTL * 1.5)
            await self._wait_until_expired(store, "control")
            assert (await store.get("kept")).value == b"value"
        await self.advance(LONG_TTL)
        await self._wait_until_expired(store, "kept")
