"""Found keys, differences and the journal, as a page has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from explorer.model.errors import InvalidText
from tests.widgets.conftest import SharedMemory
from tests.widgets.fake_page import FakePage
from tests.widgets.test_flows import Reader
from widgets import Explorer

Make = Callable[..., Any]
CHANGES = 3


@pytest.fixture
def explorer(make: Make, memory: SharedMemory) -> Explorer:
    """Return a widget of a store with two folders."""
    for key, value in {"a/x": b"one", "a/y": b"port: 80", "b/x": b"two", "b/y": b"port: 80", "b/z": b""}.items():
        memory.put(key, value)
    widget: Explorer = make(Explorer, "memory:")
    FakePage(widget).wait_message("status", status="LIVE")
    return widget


def test_found_keys_fill_a_list(explorer: Explorer, memory: SharedMemory) -> None:
    """Each row has the line that matches; again reads the store as it is now."""
    with explorer.find(value="port", prefix="a") as found:
        page = FakePage(found)
        hits = page.open("hits")
        page.wait(lambda: bool(hits.rows), "a hit")
        (row,) = hits.rows
        assert (row["name"], row["before"], row["match"], row["after"]) == ("a/y", "", "port", ": 80")
        assert hits.head["title"] == "values with port, below a"
        page.wait(lambda: hits.head["facts"][0].startswith("1 match; looked at all 2 keys at "), "the end")
        page.send("click", pane="hits", row=row["id"], gesture="show")
        page.wait(lambda: (explorer.selected or {}).get("key") == "a/y", "the key in the tree")
        memory.put("a/z", b"port: 81")
        page.perform("again", "hits")
        page.wait(lambda: hits.total == 2, "the new key")


def test_find_of_nothing_is_refused(explorer: Explorer) -> None:
    with pytest.raises(InvalidText):
        explorer.find()


def test_differences_show_how_values_differ(explorer: Explorer) -> None:
    with explorer.diff("b", "a", ignored=["y*"]) as differing:
        page = FakePage(differing)
        differences = page.open("differences")
        page.wait(lambda: differences.total == 2, "the differences")
        assert [(row["sign"], row["name"]) for row in differences.rows] == [("~", "x"), (">", "z")]
        page.wait(lambda: {"-one", "+two"} <= set(differences.head["facts"]), "the diff of the first")
        page.perform("down", "differences")
        page.wait(lambda: "-one" not in differences.head["facts"], "the diff of the second")


def test_journal_lists_changes(make: Make, tmp_path: Path) -> None:
    """Those of the widget's session are in this person's journal, and a value comes back from it by an edit."""
    folder = tmp_path / "store"
    folder.mkdir()
    explorer: Explorer = make(Explorer, f"file://{folder}", write=True)
    page = FakePage(explorer)
    page.wait_message("status", status="LIVE")
    edit = page.open("edit")
    live = explorer._live  # noqa: SLF001 - the journal is written below the widget
    store = live.session.connection.store
    live.run(store.put("a", b"1"))
    live.run(store.put("b", b"2"))
    live.run(store.delete("a"))
    with explorer.journal() as shown:
        reader = Reader(shown)
        journal = reader.open("journal")
        reader.wait(lambda: len(journal.rows) == CHANGES, "the changes")
        assert [(row["sign"], row["name"]) for row in journal.rows] == [("-", "a"), ("+", "b"), ("+", "a")]
        reader.wait(lambda: "-1" in journal.head["facts"], "what the newest one did")
        reader.perform("filter-list", "journal")
        reader.choose("List the changes of which keys?", "List", "a")
        reader.wait(lambda: journal.total == CHANGES - 1, "those of the key")
        reader.perform("all-stores", "journal")
        reader.wait(lambda: "all stores" in journal.head["title"] and journal.total > 0, "those in all stores")
        reader.perform("bring-back", "journal")
        page.wait(lambda: edit.head.get("edit", 0) > 0, "the editor with the value of the deleted key")
        assert edit.head["heading"].startswith("a  (new")
        elsewhere = "the editor is open in the widget that shows the value"
        reader.wait(lambda: elsewhere in reader.notices(), "it is said where the editor is")
        lists = [one for one in reader.messages if one.get("pane") == "journal" and one.get("total") == 0]
        assert not [one for one in lists if "-1" in one["head"]["facts"]], "nothing is said of rows that are gone"
