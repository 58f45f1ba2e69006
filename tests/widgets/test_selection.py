"""The selected key of a widget: from code, in code, and as a trait that other cells react to."""

from collections.abc import Callable
from typing import Any

import pytest

from explorer.model.errors import KeyNotFound
from tests.servers.waiting import wait_until
from tests.widgets.conftest import SharedMemory
from tests.widgets.fake_page import FakePage
from widgets import Explorer, KeyTree

Make = Callable[..., Any]


def test_go_selects_a_key_in_all_views(make: Make, memory: SharedMemory) -> None:
    """Views of linked widgets move their cursor, too."""
    memory.put("a/b/c", b"1")
    memory.put("z")
    explorer = make(Explorer, "memory:")
    page, linked = FakePage(explorer), FakePage(explorer.key_tree)
    for one in (page, linked):
        one.open("tree")
        one.wait_row("z")
    explorer.go("a/b/c")
    revision = memory.run(lambda store: store.get("a/b/c")).revision
    wait_until(lambda: explorer.selected == {"key": "a/b/c", "revision": revision}, "its value is read")
    for one in (page, linked):
        one.wait(lambda one=one: one.list("tree").cursor == 2, "the cursor of each view")  # type: ignore[misc] # its own page
    explorer.key_tree.go("z")
    assert explorer.selected["key"] == "z"


def test_key_press_in_one_view_moves_the_cursor_of_others(make: Make, memory: SharedMemory) -> None:
    for name in "abc":
        memory.put(name)
    explorer = make(Explorer, "memory:")
    page, linked = FakePage(explorer), FakePage(explorer.key_tree)
    for one in (page, linked):
        one.open("tree")
        one.wait_row("c")
    page.perform("down", times=2)
    linked.wait(lambda: linked.list("tree").cursor == 2, "the cursor of the other view")


def test_go_to_a_missing_key_selects_nothing(make: Make, memory: SharedMemory) -> None:
    memory.put("a/b")
    tree = make(KeyTree, "memory:")
    tree.go("a/b")
    with pytest.raises(KeyNotFound, match="no such key: a/x"):
        tree.go("a/x")
    assert tree.selected["key"] == "a/b"
    tree.close()
    with pytest.raises(RuntimeError, match="the widget is closed"):
        tree.go("a/b")
    assert tree.selected is None


def test_follow_opens_a_folder(make: Make, memory: SharedMemory) -> None:
    memory.put("a/b")
    tree = make(KeyTree, "memory:")
    page = FakePage(tree)
    page.open("tree")
    tree.follow("a/")
    page.wait_row("a", folder="open")
    page.wait_row("b")
    memory.put("a/c")
    page.wait_row("c", mark="+")


def test_go_clears_a_filter_that_hides_the_key(make: Make, memory: SharedMemory) -> None:
    for name in ("alpha", "beta"):
        memory.put(name)
    tree = make(KeyTree, "memory:")
    page = FakePage(tree)
    page.open("tree")
    page.wait_row("beta")
    page.send("filter", text="alp")
    page.wait(lambda: page.list("tree").total == 1, "the filter is done")
    tree.go("beta")
    page.wait(lambda: page.list("tree").head["selected"] == "beta", "the key is selected")
    assert page.list("tree").head["filter"] == ""


def test_selection_is_no_trait_unless_asked_for(make: Make, memory: SharedMemory) -> None:
    """Traits may be saved with the notebook: by default no key is in them."""
    memory.put("canary")
    tree = make(KeyTree, "memory:")
    tree.go("canary")
    assert "selected" not in tree.get_state()
    assert "canary" not in str(tree.get_state(drop_defaults=True))


def test_selection_as_a_trait_is_observed(make: Make, memory: SharedMemory) -> None:
    """A key that is no text has escapes, and a revision is one of JSON."""
    for key in ("a", "b\udcff"):
        memory.put(key)
    tree = make(KeyTree, "memory:", sync_selection=True)
    seen: list[Any] = []
    tree.observe(lambda change: seen.append(change["new"]), "selected")
    tree.go("a")
    revision = memory.run(lambda store: store.get("a")).revision
    wait_until(lambda: {"key": "a", "revision": revision} in seen, "the selection is told")
    assert tree.get_state()["selected"]["key"] == "a"
    tree.go("b\udcff")
    wait_until(lambda: seen[-1]["key"] == "b\\xff", "the other key is told")
    assert type(tree).__name__ == "KeyTree"
    assert repr(tree).startswith("<KeyTree memory:")


def test_rows_are_marked_by_keys_and_clicks(make: Make, memory: SharedMemory) -> None:
    """Space marks in marking mode only; the header counts, and the footer begins with what is done with marks."""
    for name in ("a", "b", "c"):
        memory.put(name)
    page = FakePage(make(Explorer, "memory:"))
    page.open("tree")
    page.wait_row("c")
    page.perform("mark")
    page.perform("toggle")
    page.wait_row("b", marked=True)
    page.wait(lambda: _status(page)["pending"] == "✓ 2 marked", "the header counts")
    assert _status(page)["first"][:2] == ["toggle", "mark-range"]
    page.perform("mark-range")
    page.perform("up", times=2)
    page.wait_row("c", marked=True)
    page.perform("back", times=1)
    page.perform("back", times=1)
    page.wait(lambda: _status(page)["first"] == [], "marking mode ended")
    page.perform("unmark")
    page.wait_row("a", marked=False)
    page.send("click", pane="tree", row=page.list("tree").named("b")["id"], gesture="mark")  # type: ignore[index] # it is there
    page.wait_row("b", marked=True)


def _status(page: FakePage) -> Any:
    return [message for message in page.messages if message["type"] == "status"][-1]
