"""Views of the tree's rows: equal exactly if they are drawn alike."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from explorer.session.editing.drafts import Draft
from explorer.session.keytree.marks import MarkKind
from explorer.session.keytree.row_view import RowView, draft_signs, row_view
from tests.session.tree_harness import TreeHarness, running_tree


def _views(harness: TreeHarness, **keys: set[str]) -> list[RowView]:
    return [
        row_view(
            harness.tree,
            line,
            draft_signs=draft_signs(keys.get("draft_keys", set()), _staged(keys)),
            marked_keys=keys.get("marked_keys", set()),
        )
        for line in harness.tree.rows.window(0, len(harness.tree.rows))
    ]


def _staged(keys: dict[str, set[str]]) -> Iterator[Draft]:
    for name in ("staged_keys", "deleted_keys"):
        for key in keys.get(name, ()):
            yield Draft("", key, "", b"", 1, None, datetime.now(UTC), staged=True, deletes=name == "deleted_keys")


async def test_row_view_shows_folder_facts() -> None:
    async with running_tree("a", "a/b", "c") as harness:
        folder, leaf = _views(harness)
        assert (folder.name, folder.is_folder, folder.is_open, folder.has_value_mark) == ("a", True, False, True)
        assert (leaf.name, leaf.is_folder, leaf.is_open, leaf.has_value_mark) == ("c", False, False, False)
        await harness.expand("a")
        assert [(view.depth, view.is_open) for view in _views(harness)] == [(0, True), (1, False), (0, False)]


async def test_row_view_folder_ends_with_the_separator() -> None:
    """The separator of Redis's keys is a colon, and a slash there is a part of a name."""
    async with running_tree("a:b", "a/b", "c", separator=":") as harness:
        views = _views(harness)
        assert {view.name: view.suffix for view in views} == {"a/b": "", "a": ":", "c": ""}
    async with running_tree("/a", "b") as harness:
        assert [(view.name, view.suffix) for view in _views(harness)] == [("/", ""), ("b", "")]


async def test_row_view_is_equal_while_only_its_age_grows() -> None:
    async with running_tree("a") as harness:
        before = _views(harness)
        harness.store.put("a")
        harness.apply_events()
        marked = _views(harness)
        assert marked != before
        assert (marked[0].change, marked[0].changed_at) == (MarkKind.CHANGED, harness.now)
        harness.now += 2
        assert _views(harness) == marked
        harness.store.put("a")
        harness.apply_events()
        assert _views(harness)[0].changed_at == harness.now != marked[0].changed_at


@pytest.mark.parametrize("sign", ["draft_keys", "staged_keys", "deleted_keys", "marked_keys"])
async def test_row_view_differs_with_a_sign(sign: str) -> None:
    async with running_tree("a", "b") as harness:
        plain, drafted = _views(harness), _views(harness, **{sign: {"b"}})
        assert [old == new for old, new in zip(plain, drafted, strict=True)] == [True, False]


async def test_row_view_counts_changes_below_a_closed_folder() -> None:
    async with running_tree("a/0") as harness:
        assert _views(harness)[0].count_text == ""
        for _ in range(1001):
            harness.store.put("a/0")
        harness.apply_events()
        assert _views(harness)[0].count_text == "±999+"


async def test_row_view_sanitizes_names_and_shows_blank_ends() -> None:
    async with running_tree("a\x1b[m", "b ", "") as harness:
        assert sorted(view.name for view in _views(harness)) == ['""', '"b "', "a\\x1b[m"]
