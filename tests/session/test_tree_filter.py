"""A filter of loaded rows."""

import pytest

from tests.session.tree_harness import growing


async def test_filter_shows_matches_and_their_ancestors() -> None:
    async with growing("ab/cd/ef", "ab/x", "cd", "y/cd") as garden:
        await garden.expand("ab", "ab/cd")
        garden.tree.collapse(garden.node("ab"))
        garden.tree.filter("ef")
        await garden.tree.idle()
        assert garden.rows == ["ab/", "  cd/", "    ef"]
        assert str(garden.tree.filter_progress) == "1 of 6 loaded keys"
        garden.tree.filter(None)
        await garden.tree.idle()
        assert garden.rows == ["ab/", "cd", "y/"]
        assert garden.tree.filter_progress is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("c", ["ab/", "  cd", "  Cx", "cat"]),
        ("C", ["ab/", "  Cx"]),
        ("c?", ["ab/", "  cd", "  Cx"]),
        ("!c", ["ab/"]),
        ("ab/c", ["ab/", "  cd", "  Cx"]),
        ("!ab/*", ["ab/", "cat"]),
        ("[", []),
        ("b cd", ["ab/", "  cd"]),
        ("ab c", ["ab/", "  cd", "  Cx"]),
        ("AB c", []),
        ("ab !cd", ["ab/"]),
        ("!cd !cat", ["ab/", "  Cx"]),
        ("a* c?", ["ab/", "  cd", "  Cx"]),
        ("ab/ x", ["ab/", "  Cx"]),
        (" ! ", ["ab/", "  cd", "  Cx", "cat"]),
    ],
)
async def test_filter_syntax(text: str, found: list[str]) -> None:
    async with growing("ab/cd", "ab/Cx", "cat") as garden:
        await garden.expand("ab")
        garden.tree.filter(text)
        await garden.tree.idle()
        assert sorted(garden.rows) == sorted(found)


async def test_filter_applies_to_new_keys() -> None:
    async with growing("a/b/c", "z") as garden:
        await garden.expand("a", "a/b")
        garden.tree.collapse(garden.node("a"))
        garden.tree.filter("new")
        await garden.tree.idle()
        assert garden.rows == []
        garden.store.put("a/b/new")
        garden.store.put("other")
        garden.tell()
        assert garden.rows == ["a/", "  b/", "    +new"]
        garden.tree.filter(None, keep=garden.node("a/b/new"))
        await garden.tree.idle()
        assert garden.rows == ["a/", "  b/", "    c", "    +new", "+other", "z"]


async def test_expand_under_a_filter_shows_all_children() -> None:
    async with growing("ab/cd/ef", "ab/x", "z") as garden:
        garden.tree.filter("ab")
        await garden.tree.idle()
        assert garden.rows == ["ab/"]
        await garden.expand("ab")
        assert garden.rows == ["ab/", "  cd/", "  x"]
        assert str(garden.tree.filter_progress) == "3 of 4 loaded keys"
        garden.store.put("ab/later")
        garden.tell()
        assert garden.rows == ["ab/", "  cd/", "  +later", "  x"]
        garden.tree.filter("a")
        await garden.tree.idle()
        assert garden.rows == ["ab/", "  +later"]
        garden.tree.collapse(garden.node("ab"))
        await garden.expand("ab")
        assert garden.rows == ["ab/", "  cd/", "  +later", "  x"]
        garden.tree.filter(None)
        await garden.tree.idle()
        assert garden.rows == ["ab/", "  cd/", "  +later", "  x", "z"]
