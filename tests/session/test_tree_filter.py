"""A filter of loaded rows."""

import pytest

from tests.session.tree_harness import running_tree


async def test_filter_shows_matches_and_their_ancestors() -> None:
    async with running_tree("ab/cd/ef", "ab/x", "cd", "y/cd") as harness:
        await harness.expand("ab", "ab/cd")
        harness.tree.collapse(harness.node("ab"))
        harness.tree.filter.set("ef")
        await harness.tree.idle()
        assert harness.rows == ["ab/", "  cd/", "    ef"]
        assert str(harness.tree.filter.progress) == "1 of 6 loaded rows"
        harness.tree.filter.set(None)
        await harness.tree.idle()
        assert harness.rows == ["ab/", "cd", "y/"]
        assert harness.tree.filter.progress is None


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
    async with running_tree("ab/cd", "ab/Cx", "cat") as harness:
        await harness.expand("ab")
        harness.tree.filter.set(text)
        await harness.tree.idle()
        assert sorted(harness.rows) == sorted(found)


async def test_filter_applies_to_new_keys() -> None:
    async with running_tree("a/b/c", "z") as harness:
        await harness.expand("a", "a/b")
        harness.tree.collapse(harness.node("a"))
        harness.tree.filter.set("new")
        await harness.tree.idle()
        assert harness.rows == []
        harness.store.put("a/b/new")
        harness.store.put("other")
        harness.apply_events()
        assert harness.rows == ["a/", "  b/", "    +new"]
        harness.tree.filter.set(None, keep=harness.node("a/b/new"))
        await harness.tree.idle()
        assert harness.rows == ["a/", "  b/", "    c", "    +new", "+other", "z"]


async def test_expand_under_a_filter_shows_all_children() -> None:
    async with running_tree("ab/cd/ef", "ab/x", "z") as harness:
        harness.tree.filter.set("ab")
        await harness.tree.idle()
        assert harness.rows == ["ab/"]
        await harness.expand("ab")
        assert harness.rows == ["ab/", "  cd/", "  x"]
        assert str(harness.tree.filter.progress) == "3 of 4 loaded rows"
        harness.store.put("ab/later")
        harness.apply_events()
        assert harness.rows == ["ab/", "  cd/", "  +later", "  x"]
        harness.tree.filter.set("a")
        await harness.tree.idle()
        assert harness.rows == ["ab/", "  +later"]
        harness.tree.collapse(harness.node("ab"))
        await harness.expand("ab")
        assert harness.rows == ["ab/", "  cd/", "  +later", "  x"]
        harness.tree.filter.set(None)
        await harness.tree.idle()
        assert harness.rows == ["ab/", "  cd/", "  +later", "  x", "z"]
