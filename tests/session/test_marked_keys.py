"""Marked keys: row by row and by ranges; they outlast filters, and say what was deleted."""

import pytest

from explorer.session import marked_keys
from explorer.session.marked_keys import MarkedKeys
from tests.session.tree_harness import TreeHarness, running_tree


def extend(marked: MarkedKeys, harness: TreeHarness, key: str) -> list[str]:
    marked.extend_range(harness.tree, harness.node(key))
    return list(marked)


async def test_marked_keys_toggle_and_unmark() -> None:
    async with running_tree("a/x", "b", "c") as harness:
        calls: list[str] = []
        marked = MarkedKeys(lambda: calls.append(marked.text))
        for key in ("b", "a", "b"):
            assert marked.toggle(harness.tree, harness.node(key))
        assert (list(marked), "a" in marked, marked.is_active) == (["a"], True, True)
        assert marked.leave()
        assert not marked.leave()
        assert (list(marked), marked.text) == (["a"], "1 marked")
        marked.unmark()
        assert calls == ["1 marked", "2 marked", "1 marked", "1 marked", ""]


async def test_marked_keys_have_a_folder_in_common() -> None:
    async with running_tree("a/b/x", "a/b/y/z", "a/c", "d") as harness:
        marked = MarkedKeys()
        await harness.expand("a")
        await harness.expand("a/b")
        for key, expected in (
            ("a/b/x", ("a/b/", ("x",))),
            ("a/b/y", ("a/b/", ("x", "y"))),
            ("a/c", ("a/", ("b/x", "b/y", "c"))),
            ("d", ("", ("a/b/x", "a/b/y", "a/c", "d"))),
        ):
            marked.toggle(harness.tree, harness.node(key))
            assert marked.below_folder("/") == expected


async def test_marked_range_follows_the_cursor_both_ways() -> None:
    """The range grows and shrinks; when it ends its keys stay marked, together with those that were."""
    async with running_tree("a", "b", "c", "d", "e") as harness:
        marked = MarkedKeys()
        marked.toggle(harness.tree, harness.node("e"))
        marked.toggle_range(harness.tree, harness.node("b"))
        assert extend(marked, harness, "d") == ["e", "b", "c", "d"]
        assert extend(marked, harness, "c") == ["e", "b", "c"]
        assert extend(marked, harness, "a") == ["e", "a", "b"]
        assert marked.leave()
        assert extend(marked, harness, "d") == ["e", "a", "b"]
        assert marked.is_active
        marked.toggle_range(harness.tree, harness.node("d"))
        marked.toggle_range(harness.tree, harness.node("d"))
        assert list(marked) == ["e", "a", "b", "d"]


async def test_marked_range_ends_where_its_first_row_is_gone() -> None:
    async with running_tree("a", "b", "c") as harness:
        marked = MarkedKeys()
        marked.toggle_range(harness.tree, harness.node("a"))
        extend(marked, harness, "b")
        harness.tree.filter.set("c", None)
        await harness.tree.idle()
        assert extend(marked, harness, "c") == ["a", "b"]
        assert not marked.has_range


async def test_marked_range_leaves_out_folders_above_matches() -> None:
    """A folder that is shown because of a match below it would stand for all keys below it."""
    async with running_tree("a/match", "a/other", "match") as harness:
        await harness.expand("a")
        harness.tree.filter.set("match", None)
        await harness.tree.idle()
        assert [line.row.name for line in harness.tree.rows.window(0, 9)] == ["a", "match", "match"]
        marked = MarkedKeys()
        marked.toggle_range(harness.tree, harness.node("a"))
        assert extend(marked, harness, "match") == ["a/match", "match"]
        harness.tree.filter.set(None, None)
        assert list(marked) == ["a/match", "match"]


async def test_marked_keys_that_are_deleted_stay_and_say_so() -> None:
    """Also a folder, as soon as nothing is below it; what was not read is not taken for deleted."""
    async with running_tree("a/x", "b", "c/x", "d") as harness:
        await harness.expand("a")
        marked = MarkedKeys()
        for key in ("a", "b", "c", "d"):
            marked.toggle(harness.tree, harness.node(key))
        marked.check(harness.tree)
        assert marked.text == "4 marked"
        for key in ("a/x", "b"):
            harness.store.delete(key)
        harness.apply_events()
        await harness.tree.idle()
        marked.check(harness.tree)
        assert (marked.text, marked.present(harness.tree)) == ("4 marked, 2 deleted", ["c", "d"])
        harness.now += 100
        harness.tree.sweep(harness.now)
        assert harness.tree.node("b") is None
        harness.store.put("a/x")
        harness.apply_events()
        marked.check(harness.tree)
        assert (marked.text, marked.present(harness.tree)) == ("4 marked, 1 deleted", ["a", "c", "d"])
        marked.unmark(["b", "c"])
        assert (list(marked), marked.text) == (["a", "d"], "2 marked")


async def test_marked_keys_are_checked_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marked_keys, "_KEYS_PER_CHECK", 2)
    async with running_tree("a", "b", "c", "d", "e") as harness:
        marked = MarkedKeys()
        marked.toggle_range(harness.tree, harness.node("a"))
        extend(marked, harness, "e")
        for key in "abcde":
            harness.store.delete(key)
        harness.apply_events()
        seen = []
        for _ in range(4):
            marked.check(harness.tree)
            seen.append(marked.text)
        assert seen == ["5 marked, 2 deleted", "5 marked, 4 deleted", "5 marked, 5 deleted", "5 marked, 5 deleted"]


async def test_marked_keys_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A range takes the rows that are next to its beginning."""
    monkeypatch.setattr(marked_keys, "MAX_MARKED_KEYS", 3)
    async with running_tree("a", "b", "c", "d", "e") as harness:
        marked = MarkedKeys()
        marked.toggle_range(harness.tree, harness.node("e"))
        assert extend(marked, harness, "a") == ["c", "d", "e"]
        assert marked.text == "3 marked (no more fit)"
        marked.end_range()
        assert not marked.toggle(harness.tree, harness.node("a"))
        assert list(marked) == ["c", "d", "e"]
