"""Deleting takes away what was shown and nothing else."""

import pytest

from explorer.drivers.memory import MemoryStore
from explorer.model.capabilities import Capability
from explorer.model.errors import CallNotSupported, KeyModified, KeyNotFound
from explorer.session.editing import deletion as removing
from tests.session.fixtures import CuttableStore, Place, opened


async def test_delete_removes_the_previewed_key() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"value")
        await other.put("key/below", b"stays")
        removal = await session.preview_deletion("key", subtree=False)
        assert removal.entry == await other.get("key")
        assert (removal.count, removal.keys) == (1, ("key",))
        assert await session.delete(removal) == 1
        assert not await other.exists("key")
        assert await other.exists("key/below")


async def test_delete_of_a_changed_key_is_refused() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"value")
        removal = await session.preview_deletion("key", subtree=False)
        await other.put("key", b"another")
        with pytest.raises(KeyModified):
            await session.delete(removal)
        await other.delete("key")
        with pytest.raises(KeyNotFound):
            await session.delete(removal)


async def test_delete_removes_a_folder_at_one_revision() -> None:
    """A folder's keys are counted, named, and deleted at one revision."""
    place = Place()
    async with place.other() as other, opened(place) as session:
        for number in range(2500):
            place.keyspace.put(f"foo/{number:04}".encode(), b"")
        for kept in ("foo", "foobar", "foo-", "fo"):
            await other.put(kept, b"")
        removal = await session.preview_deletion("foo", subtree=True)
        assert (removal.count, removal.truncated, removal.revision) == (2500, False, place.keyspace.revision)
        assert removal.keys == tuple(f"foo/{number:04}" for number in range(2500))
        assert await session.delete(removal) == 2500
        assert [entry.key for entry in (await other.list("")).items] == ["fo", "foo", "foo-", "foobar"]


@pytest.mark.parametrize("key", ["foo/0", "foo/new"])
async def test_delete_of_a_changed_folder_is_refused(key: str) -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("foo/0", b"")
        await other.put("foo/1", b"")
        removal = await session.preview_deletion("foo", subtree=True)
        await other.put("elsewhere", b"")
        await other.put(key, b"later")
        with pytest.raises(KeyModified):
            await session.delete(removal)
        assert len((await other.list("foo")).items) >= 2


async def test_preview_of_nothing_raises_key_not_found() -> None:
    async with opened(Place()) as session:
        for subtree in (False, True):
            with pytest.raises(KeyNotFound):
                await session.preview_deletion("missing", subtree=subtree)


async def test_delete_after_writing_was_locked_is_refused() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"value")
        removal = await session.preview_deletion("key", subtree=False)
        await session.run("writing")
        with pytest.raises(CallNotSupported, match="read-only"):
            await session.delete(removal)
        assert await other.exists("key")


class Unguarded(CuttableStore):
    """A store that guards no subtree, as most do not."""

    capabilities = MemoryStore.capabilities & ~Capability.GUARDED_DELETE


class TestAStoreThatGuardsNoSubtree:
    @pytest.fixture
    def place(self) -> Place:
        place = Place()
        place.connect = lambda: Unguarded(place)  # type: ignore[method-assign]  # one method of a test's own object is replaced
        return place

    async def test_one_by_one_deletes_the_previewed_entries(self, place: Place) -> None:
        async with place.other() as other, opened(place) as session:
            for number in range(1100):
                place.keyspace.put(f"foo/{number}/deep".encode(), b"")
            for kept in ("foo", "foobar/0"):
                await other.put(kept, b"")
            removal = await session.preview_deletion("foo", subtree=True)
            assert removal.count == 1100
            assert await session.delete(removal) == 1100
            assert [entry.key for entry in (await other.list("")).items] == ["foo", "foobar/0"]

    async def test_one_by_one_keeps_changed_and_new_entries(self, place: Place) -> None:
        async with place.other() as other, opened(place) as session:
            for key in ("foo/changed", "foo/gone", "foo/made-again", "foo/same"):
                await other.put(key, b"")
            removal = await session.preview_deletion("foo", subtree=True)
            await other.put("foo/changed", b"later")
            await other.put("foo/new", b"")
            for key in ("foo/gone", "foo/made-again"):
                await other.delete(key)
            await other.put("foo/made-again", b"")
            assert await session.delete(removal) == 1
            left = [entry.key for entry in (await other.list("")).items]
            assert left == ["foo/changed", "foo/made-again", "foo/new"]

    async def test_preview_of_too_many_entries_is_refused(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(removing, "MAX_ONE_BY_ONE", 2)
        async with place.other() as other, opened(place) as session:
            for number in range(3):
                await other.put(f"foo/{number}", b"")
            with pytest.raises(CallNotSupported, match="more than 2"):
                await session.preview_deletion("foo", subtree=True)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "one-by-one"])
async def test_with_key_deletes_the_key_and_all_below_it(*, guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys below go first, then the key itself, only at its previewed revision; it is counted and named, too."""
    if not guarded:
        monkeypatch.setattr(CuttableStore, "capabilities", MemoryStore.capabilities & ~Capability.GUARDED_DELETE)
    place = Place()
    async with place.other() as other, opened(place) as session:
        for changed in (False, True):
            for key in ("key", "key/a", "key/b"):
                await other.put(key, b"value")
            removal = await session.preview_deletion("key", subtree=True, with_key=True)
            assert (removal.count, removal.keys) == (3, ("key", "key/a", "key/b"))
            if changed and not guarded:
                await other.put("key", b"changed")
            assert await session.delete(removal) == (2 if changed and not guarded else 3)
            assert await other.exists("key") == (changed and not guarded)


async def test_as_one_by_one_deletes_a_changing_folder() -> None:
    """Entry by entry, each guarded by its revision: what was written since stays, all else goes."""
    place = Place()
    async with place.other() as other, opened(place) as session:
        for key in ("jobs/1", "jobs/2", "jobs/3"):
            await other.put(key, b"value")
        removal = await session.preview_deletion("jobs", subtree=True)
        await other.put("jobs/2", b"changed")
        await other.put("jobs/4", b"new")
        with pytest.raises(KeyModified):
            await session.delete(removal)
        rest = removal.as_one_by_one()
        assert rest is not None
        assert await session.delete(rest) == 2
        assert [entry.key for entry in (await other.list("jobs/")).items] == ["jobs/2", "jobs/4"]
