from itertools import count

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor
from explorer.model.keys import encode
from tests.contract.fixtures import DriverFixtures, keys_below, lacks, needs
from tests.scale import examples

_NAMES = ["", "a", "b", "ab", "a!", "a0", "A", "é", "*", "[a]", "?", "%", " ", "\\", ".", "..", "キー"]
_BYTES = ["\udcff", "\udcc3", "a\udc80", "\x00", "\n", "\x1b[31m", "\udcff\udcff"]

_TEXTUAL = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4).map("/".join).filter(bool)
_NAMED = st.lists(st.sampled_from([name for name in _NAMES if name.strip(".")]), min_size=1, max_size=4).map("/".join)
_BINARY = st.lists(st.sampled_from(_NAMES[:6] + _BYTES), min_size=1, max_size=4).map("/".join).filter(bool)

_EXAMPLES = settings(
    max_examples=examples(25, 500),
    # Each example has its own path, and each driver runs its own examples.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
_FRESH = count()


async def _descend(store: Store, prefix: str, limit: int) -> list[str]:
    """Return the keys that have values, read level by level; check the flags of each child."""
    found: list[str] = []
    after: Cursor | None = None
    while True:
        page = await store.children(prefix, after=after, limit=limit)
        for child in page.items:
            assert child.key == prefix + child.name
            found += await _below(store, child, limit)
        after = page.next
        if after is None:
            return found


async def _below(store: Store, child: Child, limit: int) -> list[str]:
    assert child.has_value or child.has_children
    below = await _descend(store, child.key + store.separator, limit) if child.has_children else []
    assert bool(below) == child.has_children
    return [child.key, *below] if child.has_value else below


class KeyContract(DriverFixtures):
    """Keys of every kind, drawn by properties: each one that the store accepts is listed and reached exactly."""

    async def _assert_all_reached(self, drawn: frozenset[str], limit: int) -> None:
        keys = self.storable_keys(*drawn)
        assume(keys)
        async with self.connection(f"example-{next(_FRESH)}") as store:
            for key in keys:
                written = await store.put(key, key.encode("utf-8", "surrogateescape"))
                assert written.key == key
            reached = await _descend(store, "", limit)
            assert reached == await _descend(store, "", 1000)
            assert sorted(reached) == await keys_below(store, "") == self.expected_keys(*keys)
            for key in keys:
                assert (await store.get(key)).value == key.encode("utf-8", "surrogateescape")
            if store.walks_in_key_order:
                walked = [encode(entry.key) async for entry in store.walk("")]
                assert walked == sorted(walked)
            assert await store.delete_tree("") == len(self.expected_keys(*keys))

    @needs(Capability.DIRECTORIES)
    @given(keys=st.frozensets(_NAMED, min_size=1, max_size=8), limit=st.integers(1, 4))
    @_EXAMPLES
    async def test_keys_with_directories_are_all_reached(self, keys: frozenset[str], limit: int) -> None:
        """Every key of names is reached level by level, listed, read and deleted."""
        await self._assert_all_reached(keys, limit)

    @lacks(Capability.DIRECTORIES)
    @given(keys=st.frozensets(_TEXTUAL, min_size=1, max_size=8), limit=st.integers(1, 4))
    @_EXAMPLES
    async def test_keys_are_all_reached(self, keys: frozenset[str], limit: int) -> None:
        """Every key is reached level by level, listed, read and deleted."""
        await self._assert_all_reached(keys, limit)

    @needs(Capability.BINARY_KEYS)
    @given(keys=st.frozensets(_BINARY, min_size=1, max_size=8), limit=st.integers(1, 4))
    @_EXAMPLES
    async def test_binary_keys_are_all_reached(self, keys: frozenset[str], limit: int) -> None:
        """Every key that is not text is reached level by level, listed, read and deleted."""
        if Capability.DIRECTORIES in self.driver.capabilities:
            keys = frozenset("/".join(filter(None, key.split("/"))) for key in keys) - {""}
            assume(keys)
        await self._assert_all_reached(keys, limit)
