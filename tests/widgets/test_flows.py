"""Questions that a view asks, and what its answers do; the page is a fake one."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from explorer.model.errors import KeyNotFound
from explorer.session.detail import Detail
from tests.widgets.conftest import SharedMemory
from tests.widgets.fake_page import FakePage
from widgets import Explorer, KeyTree, front_end
from widgets.flows import FLOWS

Make = Callable[..., Any]


class Reader(FakePage):
    """A page with a person who answers dialogs."""

    answered = 0

    def question(self, title: str) -> Mapping[str, Any]:
        """Wait for a dialog of a title."""
        found: list[Mapping[str, Any]] = []

        def is_asked() -> bool:
            asked = [one for one in self.messages if one["type"] == "dialog" and one["dialog"] > self.answered]
            found[:] = [one for one in asked if title in one["title"]]
            return bool(found)

        self.wait(is_asked, f"the question {title}")
        return found[-1]

    def choose(self, title: str, option: str, text: str = "") -> Mapping[str, Any]:
        """Choose an option of a dialog by its title, and return the dialog."""
        dialog = self.question(title)
        titles = [one["title"] for one in dialog["options"]]
        self.answered = dialog["dialog"]
        self.send("answer", dialog=dialog["dialog"], choice=titles.index(option), text=text)
        return dialog

    def notices(self) -> list[str]:
        """Return the texts of all notices."""
        return [one["text"] for one in self.messages if one["type"] == "notice"]

    def select(self, *path: str) -> None:
        """Open the folders of a path, and move to its end."""
        self.send("go", text="/".join(path))
        self.wait(lambda: self.list("tree").head.get("selected") == "/".join(path), f"{path} is selected")


@pytest.fixture
def reader(make: Make, memory: SharedMemory) -> Callable[..., Reader]:
    """Return a function that opens an explorer that may write."""

    def open_reader(*keys: str, write: bool = True, kind: type = Explorer) -> Reader:
        for key in keys:
            memory.put(key)
        page = Reader(make(kind, "memory:", write=write))
        page.open("tree")
        page.wait_message("status", status="LIVE")
        return page

    return open_reader


def exists(memory: SharedMemory, key: str) -> bool:
    """Return whether a key exists."""
    try:
        memory.run(lambda store: store.get(key))
    except KeyNotFound:
        return False
    return True


def test_delete_asks_and_deletes_the_key(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    page = reader("a", "b")
    page.select("a")
    page.perform("delete")
    dialog = page.choose("Delete this key?", "Cancel")
    assert (dialog["lines"], dialog["buttons"], dialog["dangerous"]) == (["a"], True, True)
    page.wait_message("notice", text="nothing was deleted")
    page.perform("delete")
    page.choose("Delete this key?", "Delete")
    page.wait_message("notice", text="deleted 1 entry")
    assert (exists(memory, "a"), exists(memory, "b")) == (False, True)


def test_delete_of_a_folder_needs_its_typed_name(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    """The kernel compares the word, whatever the page did."""
    page = reader("jobs/1", "jobs/2")
    page.select("jobs")
    for word in ("", "job"):
        page.perform("delete")
        dialog = page.choose("Everything below jobs: 2 entries", "Delete all", word)
        assert (dialog["typed"], dialog["lines"]) == ("jobs", ["jobs/1", "jobs/2"])
        page.wait_message("dialog-closed", dialog=dialog["dialog"])
    assert exists(memory, "jobs/1")
    page.perform("delete")
    page.choose("Everything below jobs", "Delete all", "jobs")
    page.wait_message("notice", text="deleted 2 entries")
    assert not exists(memory, "jobs/1")


def test_delete_asks_for_the_scope_of_a_key_with_children(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    page = reader("a", "a/1", "a/2")
    page.select("a")
    page.perform("delete")
    page.choose("What of a should be deleted?", "All keys below it")
    page.choose("Everything below a", "Delete all", "a")
    page.wait_message("notice", text="deleted 2 entries")
    assert (exists(memory, "a"), exists(memory, "a/1")) == (True, False)


def test_delete_notices_what_changed_after_the_preview(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    """Nothing is deleted then; the previewed entries that are unchanged can be deleted one by one."""
    page = reader("jobs/1", "jobs/2")
    page.select("jobs")
    page.perform("delete")
    page.question("Everything below jobs")
    memory.put("jobs/2", b"changed")
    memory.put("jobs/3")
    page.choose("Everything below jobs", "Delete all", "jobs")
    page.choose("jobs changed since the preview", "Delete the previewed entries one by one")
    page.wait_message("notice", text="deleted 1 entry; 1 entry changed or deleted meanwhile")
    assert [exists(memory, f"jobs/{number}") for number in (1, 2, 3)] == [False, True, True]


def test_page_offers_only_what_it_performs(reader: Callable[..., Reader]) -> None:
    """No action of the tree's footer and help is refused as not supported."""
    page = reader("a")
    page.select("a")
    in_page = set(re.findall(r"\bdo_(\w+)\(", front_end.module_text()))
    offered = [one["id"] for one in page.wait_message("welcome")["actions"] if "tree" in one["places"]]
    for action in offered:
        if action not in FLOWS and action.replace("-", "_") not in in_page:
            page.perform(action)
    page.perform("drafts")
    page.wait_message("notice", text="no drafts for this store")
    assert not [text for text in page.notices() if "not supported here" in text]


def test_read_only_widget_refuses_every_write(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    """A forged message does not write either, and writing cannot be unlocked."""
    page = reader("a", write=False)
    page.select("a")
    for action in ("delete", "new", "edit", "save", "keep-mine"):
        page.perform(action)
    reason = "read-only: the widget was made without write=True"
    page.wait(lambda: sum(reason in text for text in page.notices()) == 5, "each is refused with the reason")
    page.perform("writing")
    page.wait(lambda: reason in page.notices(), "writing stays locked")
    page.perform("delete")
    page.wait(lambda: sum(reason in text for text in page.notices()) == 7, "it still is")
    assert not [one for one in page.messages if one["type"] == "dialog"]
    assert page.wait_message("status")["writable"] is False
    assert exists(memory, "a")


def test_terminal_actions_are_not_offered(reader: Callable[..., Reader]) -> None:
    page = reader("a")
    offered = {action["id"] for action in page.wait_message("welcome")["actions"]}
    assert {"delete", "filter", "help"} <= offered
    assert not {"quit", "suspend", "edit-outside"} & offered
    page.perform("quit")
    page.select("a")


def test_copy_sends_the_chosen_text(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    page = reader("a")
    memory.put("b\x1b", b"text\x07")
    page.select("a")
    page.perform("copy")
    dialog = page.choose("Copy", "Command")
    assert dialog["note"].startswith("keyscope get memory:")
    page.wait_message("copy", done="copied: command")
    page.send("go", text="b\\x1b")
    page.wait(lambda: page.list("tree").head["selected"] == "b\\x1b", "the other key")
    page.perform("copy")
    page.choose("Copy", "Key")
    page.wait_message("copy", done="copied: key, with escapes for invisible characters")


@pytest.mark.parametrize("known", [True, False])
def test_type_is_chosen_for_one_key(
    reader: Callable[..., Reader], memory: SharedMemory, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    """Types that have to be searched for are added to the question."""
    memory.put("a", b'{"x": 1}')
    page = reader()
    page.select("a")
    page.open("value")
    page.wait(lambda: "json" in str(page.list("value").head.get("kind", "")).lower(), "it is read as JSON")
    if not known:
        monkeypatch.setattr(Detail, "choices", None)
    page.perform("type")
    dialog = page.question("Read this value as")
    assert dialog["searching"] is not known
    options = (dialog if known else page.wait_message("dialog-options", dialog=dialog["dialog"]))["options"]
    at = next(index for index, option in enumerate(options) if "hex" in option["title"].lower())
    page.answered = dialog["dialog"]
    page.send("answer", dialog=dialog["dialog"], choice=at, text="")
    page.choose("for which keys?", "This key only")
    page.wait(lambda: "hex" in str(page.list("value").head.get("kind", "")).lower(), "it is read as bytes")


def test_type_is_stored_for_a_typed_pattern(reader: Callable[..., Reader]) -> None:
    """A pattern that is refused is asked for again, with the reason."""
    page = reader("a/1")
    page.select("a", "1")
    page.open("value")
    page.wait(lambda: bool(page.list("value").head.get("kind")), "the value is read")
    page.perform("type")
    page.choose("Read this value as", "hex")
    page.choose("for which keys?", "Another pattern")
    page.choose("Keys read as hex", "Store", "{")
    assert page.question("Keys read as hex")["problem"]
    page.choose("Keys read as hex", "Store", "a/*")
    page.wait_message("notice", text="a/* is read as hex from now on")


def test_new_key_is_asked_until_its_name_can_be_used(reader: Callable[..., Reader]) -> None:
    page = reader("a/1")
    page.select("a", "1")
    page.perform("new")
    assert page.question("New key")["text"] == "a/"
    page.choose("New key", "Edit", "a/1")
    dialog = page.question("New key")
    assert (dialog["text"], dialog["problem"]) == ("a/1", "this key exists: e edits it")
    page.choose("New key", "Edit", "a/2")
    page.wait_message("focus", pane="value")
    session = page.widget._live.session  # noqa: SLF001 - the editor is another pane's
    edit = session.current_edit
    assert edit is not None
    assert edit.key == "a/2"


def test_new_key_needs_a_widget_with_values(reader: Callable[..., Reader]) -> None:
    page = reader("a", kind=KeyTree)
    page.perform("new")
    page.wait_message("notice", text="no widget of this session edits values")


def test_draft_is_deleted_after_a_question(reader: Callable[..., Reader]) -> None:
    page = reader("a")
    page.perform("drafts")
    page.wait_message("notice", text="no drafts for this store")
    live = page.widget._live  # noqa: SLF001 - the editor is another pane's

    async def leave_draft() -> None:
        edit = await live.session.create("b")
        edit.replace_text("some text")
        await live.session.editor.leave(keep=True)

    live.run(leave_draft())
    page.perform("drafts")
    page.choose("Drafts", "b")
    page.choose("Draft of b", "Delete")
    page.choose("Delete the draft of b?", "Delete")
    page.wait_message("notice", text="draft deleted")
    assert list(live.session.editor.drafts) == []


def test_flow_replaces_the_one_that_still_asks(reader: Callable[..., Reader]) -> None:
    """The page closes its dialog; an answer to it does nothing."""
    page = reader("a")
    page.select("a")
    page.perform("delete")
    first = page.question("Delete this key?")
    page.perform("copy")
    page.wait_message("dialog-closed", dialog=first["dialog"])
    page.send("answer", dialog=first["dialog"], choice=1, text="")
    page.choose("Copy", "Key")
    page.wait_message("copy", done="copied: key")


def test_view_that_says_hello_again_has_no_dialog(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    page = reader("a")
    page.select("a")
    page.perform("delete")
    dialog = page.question("Delete this key?")
    page.send("hello", protocol=1)
    page.send("answer", dialog=dialog["dialog"], choice=1, text="")
    page.open("tree")
    assert exists(memory, "a")


def test_go_selects_the_nearest_folder_and_says_so(reader: Callable[..., Reader]) -> None:
    page = reader("a/b/c")
    page.send("go", text="a/b/x")
    page.wait_message("notice", text="no such key: a/b/x; selected the nearest folder")
    assert page.list("tree").head["selected"] == "a/b"
    assert page.list("tree").head["folder"] == "a/"


def test_completion_is_escaped_again(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    memory.put("bell\x07/x")
    page = reader("a")
    number = page.send("complete", text="be")
    assert page.wait_message("reply", id=number)["text"] == "bell\\x07/"
    number = page.send("complete", text="nothing")
    assert page.wait_message("reply", id=number)["text"] is None


def test_filter_shows_its_progress_and_back_clears_it(reader: Callable[..., Reader]) -> None:
    page = reader("alpha", "beta")
    page.send("filter", text="alp")
    page.wait(lambda: page.list("tree").head["title"] == "1 of 2 loaded rows", "the filter is done")
    assert page.list("tree").head["filter"] == "alp"
    assert [row["name"] for row in page.list("tree").rows] == ["alpha"]
    page.perform("back")
    page.wait(
        lambda: page.list("tree").head["filter"] == "" and len(page.list("tree").rows) == 2, "all are shown again"
    )
