from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor
from tests.contract.fixtures import DriverFixtures, keys_below, lacks, needs
from tests.scale import figure

_NAMES = ["", "a", "b", "ab", "a!", "a0", "A", "é", "*", "[a]", "?", "%", " ", "\\", ".", "..", "キー"]
_BYTES = ["\udcff", "\udcc3", "a\udc80", "\x00", "\n", "\x1b[31m", "\udcff\udcff"]

_TEXTUAL = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4).map("/".join).filter(bool)
_NAMED = st.lists(st.sampled_from([name for name in _NAMES if name.strip(".")]), min_size=1, max_size=4).map("/".join)
_BINARY = st.lists(st.sampled_from(_NAMES[:6] + _BYTES), min_size=1, max_size=4).map("/".join).filter(bool)

_EXAMPLES = settings(
    max_examples=figure(25, 500),
    # Each example has a path of its own, and each driver runs the examples by itself.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
_FRESH = count()


async def _descend(store: Store, prefix: str, limit: int) -> list[str]:
    """Collect the keys that have values by going down level by level, checking what each child says of itself."""
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


class Keys(DriverFixtures):
    """Every key that a store can hold is shown, reachable and exact, however odd."""

    async def _holds(self, drawn: frozenset[str], limit: int) -> None:
        keys = self.possible(*drawn)
        async with self.connection(f"example-{next(_FRESH)}") as store:
            for key in keys:
                written = await store.put(key, key.encode("utf-8", "surrogateescape"))
                assert written.key == key
            reached = await _descend(store, "", limit)
            assert reached == await _descend(store, "", 1000)
            assert sorted(reached) == await keys_below(store, "") == self.entries(*keys)
            for key in keys:
                assert (await store.get(key)).value == key.encode("utf-8", "surrogateescape")
            assert await store.delete_tree("") == len(self.entries(*keys))

    @needs(Capability.DIRECTORIES)
    @given(keys=st.frozensets(_NAMED, min_size=1, max_size=8), limit=st.integers(1, 4))
    @_EXAMPLES
    async def test_every_key_of_names_is_reached_by_going_down(self, keys: frozenset[str], limit: int) -> None:
        await self._holds(keys, limit)

    @lacks(Capability.DIRECTORIES)
    @given(keys=st.frozensets(_TEXTUAL, min_size=1, max_size=8), limit=st.integers(1, 4))
    @_EXAMPLES
    async def test_every_key_is_reached_by_going_down(self, keys: frozenset[str], limit: int) -> None:
        await self._holds(keys, limit)

    @needs(Capability.BINARY_KEYS)
    @given(keys=st.frozensets(_BINARY, min_size=1, max_size=8), limit=st.integers(1, 4))
    @_EXAMPLES
    async def test_every_key_that_is_not_text_is_reached_too(self, keys: frozenset[str], limit: int) -> None:
        await self._holds(keys, limit)
