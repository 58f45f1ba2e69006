"""Deleting takes away what was shown and nothing else."""

import pytest

from explorer.model.errors import CallNotSupported, KeyModified, KeyNotFound
from explorer.session.editing.removal import NAMES
from tests.session.ground import Place, opened


async def test_a_key_is_deleted_as_it_was_shown() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"value")
        await other.put("key/below", b"stays")
        removal = await session.preview_removal("key", subtree=False)
        assert removal.entry == await other.get("key")
        assert (removal.count, removal.names) == (1, ("key",))
        assert await session.remove(removal) == 1
        assert not await other.exists("key")
        assert await other.exists("key/below")


async def test_a_key_that_changed_since_it_was_shown_is_not_deleted() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"value")
        removal = await session.preview_removal("key", subtree=False)
        await other.put("key", b"another")
        with pytest.raises(KeyModified):
            await session.remove(removal)
        await other.delete("key")
        with pytest.raises(KeyNotFound):
            await session.remove(removal)


async def test_a_folder_is_counted_named_and_deleted_at_one_revision() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        for number in range(2500):
            place.keyspace.put(f"foo/{number:04}".encode(), b"")
        for kept in ("foo", "foobar", "foo-", "fo"):
            await other.put(kept, b"")
        removal = await session.preview_removal("foo", subtree=True)
        assert (removal.count, removal.more, removal.revision) == (2500, False, place.keyspace.revision)
        assert removal.names == tuple(f"foo/{number:04}" for number in range(NAMES))
        assert await session.remove(removal) == 2500
        assert [entry.key for entry in (await other.list("")).items] == ["fo", "foo", "foo-", "foobar"]


@pytest.mark.parametrize("key", ["foo/0", "foo/new"])
async def test_a_folder_in_which_something_was_written_since_is_not_deleted(key: str) -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("foo/0", b"")
        await other.put("foo/1", b"")
        removal = await session.preview_removal("foo", subtree=True)
        await other.put("elsewhere", b"")
        await other.put(key, b"later")
        with pytest.raises(KeyModified):
            await session.remove(removal)
        assert len((await other.list("foo")).items) >= 2


async def test_nothing_there_is_said_at_the_preview() -> None:
    async with opened(Place()) as session:
        for subtree in (False, True):
            with pytest.raises(KeyNotFound):
                await session.preview_removal("missing", subtree=subtree)


async def test_a_session_that_was_locked_meanwhile_deletes_nothing() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"value")
        removal = await session.preview_removal("key", subtree=False)
        await session.run("writing")
        with pytest.raises(CallNotSupported, match="read-only"):
            await session.remove(removal)
        assert await other.exists("key")
