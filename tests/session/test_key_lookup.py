"""Going to a typed key."""

import pytest

from tests.session.fixtures import Place, opened


@pytest.mark.parametrize(
    ("text", "found", "missing"),
    [
        ("a/b", "a/b", ""),
        ("a/", "a", ""),
        ("a/x/y", "a", "no such key: NAME; selected the nearest folder"),
        ("x", None, "no such key: NAME"),
        (r"a/\x1b", "a/\x1b", ""),
        (r"a\tc", r"a\tc", ""),
    ],
)
async def test_typed_key_is_found_or_its_nearest_folder(text: str, found: str | None, missing: str) -> None:
    place = Place()
    async with place.other() as other:
        for key in ("a/b", "a/\x1b", r"a\tc"):
            await other.put(key, b"")
    async with opened(place) as session:
        result = await session.lookup.find_typed(text)
        assert (None if result.node is None else session.tree.rows.key(result.node)) == found
        assert (result.is_exact, result.missing_text("NAME")) == (not missing, missing)


async def test_complete_typed_returns_an_escaped_key() -> None:
    place = Place()
    async with place.other() as other:
        await other.put("a/\x1b", b"")
    async with opened(place) as session:
        assert await session.lookup.complete_typed("a/") == r"a/\x1b"
        assert await session.lookup.complete_typed("none") is None


@pytest.mark.parametrize(("selected", "start"), [(None, ""), ("a", "a/"), ("a/b", "a/")])
async def test_new_key_begins_in_the_selected_folder(selected: str | None, start: str) -> None:
    place = Place()
    async with place.other() as other:
        await other.put("a/b", b"")
    async with opened(place) as session:
        await session.lookup.reveal("a/b")
        assert session.lookup.new_key_start(selected) == start
