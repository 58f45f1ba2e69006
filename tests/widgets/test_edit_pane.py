"""The editor in a page: what is reviewed is saved, by widgets that may, and all views show the one open edit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.widgets.conftest import SharedMemory
from tests.widgets.editor_page import EditorPage, begin, stored
from widgets import ValueEditor
from widgets.panes.edit import TYPED_ELSEWHERE


def test_reviewed_text_is_saved(make: Callable[..., Any], memory: SharedMemory) -> None:
    page = begin(make, memory, b'{"a":1}')
    assert page.bodies["edit"] == '{\n  "a": 1\n}'
    page.review('{\n  "a": 2\n}')
    assert stored(memory) == b'{"a":1}'
    assert '["+", [["  \\"a\\": ", false], ["2", true]]]' in page.bodies["comparison"]
    page.confirm()
    page.wait_message("notice", severity="information")
    page.wait(lambda: page.edit["edit"] == 0, "the editor is closed")
    assert stored(memory) == b'{"a":2}'


def test_editor_is_closed_when_it_is_said_that_the_key_is_saved(make: Callable[..., Any], memory: SharedMemory) -> None:
    """Else the next key, such as `e`, would go into the editor that is still shown."""
    page = begin(make, memory, b"text")
    page.review("mine")
    number = page.edit["edit"]
    page.confirm()
    notice = page.wait_message("notice", severity="information")
    before = page.messages[: page.messages.index(notice)]
    heads = [one["head"]["edit"] for one in before if one.get("pane") == "edit" and "head" in one]
    assert heads[heads.index(number) :][-1] == 0


def test_broken_rule_is_overridden_by_name(make: Callable[..., Any], memory: SharedMemory, tmp_path: Path) -> None:
    """The review lists it, and saves only by the option that names it."""
    rules = tmp_path / "codecs.toml"
    rules.write_text("version = 1\n[[constraint]]\nname = 'small'\nkey = '**'\nmax_size = 5\n")
    page = begin(make, memory, b"old", codecs=str(rules))
    page.type("too long")
    page.wait(lambda: any("small: 8 B: larger" in line["text"] for line in page.edit["lines"]), "it is shown")
    page.review("too long")
    assert page.comparison["notes"] == ["✗ small: 8 B: larger than 5 B"]
    assert page.comparison["save"] == "Override"
    for choice in (0, 1):
        page.confirm()
        dialog = page.wait_message("dialog", dialog=choice + 1)
        assert [one["title"] for one in dialog["options"]] == ["Back to the review", "Override small, and save"]
        assert stored(memory) == b"old"
        page.send("answer", dialog=choice + 1, choice=choice, text="")
    page.wait_message("notice", severity="information")
    assert stored(memory) == b"too long"


def test_other_review_than_the_one_shown_is_not_saved(make: Callable[..., Any], memory: SharedMemory) -> None:
    page = begin(make, memory, b"text")
    page.review("mine")
    first = page.comparison["body"]
    page.type("another")
    page.review("another")
    page.wait(lambda: page.comparison["body"] > first, "another review is shown")
    page.send("save", edit=page.edit["edit"], base=0, review=first)
    page.send("save", edit=page.edit["edit"], base=page.edit["body"], review=0, buffer=b"another")
    page.send("save", edit=page.edit["edit"] + 1, base=0, review=page.comparison["body"])
    page.perform("save", pane="comparison")
    page.wait_message("reply", id=page.send("complete", text=""))
    assert stored(memory) == b"text"
    page.confirm()
    page.wait(lambda: page.edit["edit"] == 0, "the editor is closed")
    assert stored(memory) == b"another"


def test_text_of_another_edit_is_refused(make: Callable[..., Any], memory: SharedMemory) -> None:
    page = begin(make, memory, b"text")
    number = page.send("text", edit=page.edit["edit"] + 1, base=0, buffer=b"mine")
    assert "replaced meanwhile" in page.wait_message("reply", id=number)["problem"]
    number = page.send("text", edit=page.edit["edit"], base=page.edit["body"], buffer=b"a\rb")
    assert "carriage returns" in page.wait_message("reply", id=number)["problem"]


def test_invalid_text_has_its_place(make: Callable[..., Any], memory: SharedMemory) -> None:
    page = begin(make, memory, b'{\n"a": 1\n}\n')
    page.type('{\n"a": 1,\n}\n')
    page.wait(lambda: page.edit["place"] is not None, "the error is shown")
    assert page.edit["place"]["line"] == 3
    assert any(line["tone"] == "bad" for line in page.edit["lines"])


def test_pasted_controls_give_the_text_escapes(make: Callable[..., Any], memory: SharedMemory) -> None:
    page = begin(make, memory, b"text")
    number = page.send("paste", edit=page.edit["edit"], base=page.edit["body"], start=4, stop=6, buffer=b"text\x1b\r")
    answer = page.wait_message("reply", id=number)
    assert (answer["text"], answer["caret"], answer["problem"]) == (None, 10, "")
    page.wait(lambda: page.bodies["edit"] == "text\\x1b\\r", "the text has escapes")
    page.review(page.bodies["edit"])
    page.confirm()
    page.wait(lambda: page.edit["edit"] == 0, "the editor is closed")
    assert stored(memory) == b"text\x1b\r"


def test_conflict_is_merged(make: Callable[..., Any], memory: SharedMemory) -> None:
    page = begin(make, memory, b"one\ntwo\nthree\nfour\n")
    memory.put("key", b"ONE\ntwo\nthree\nfour\n")
    page.wait_theirs()
    page.review("one\ntwo\nthree\nFOUR\n", kind="conflict")
    assert page.comparison["disabled"]["use-merged"] == ""
    assert [name.partition(":")[0] for name in page.comparison["names"]] == ["Base", "Theirs", "Mine"]
    page.perform("use-merged", pane="comparison")
    page.wait(lambda: page.bodies["edit"] == "ONE\ntwo\nthree\nFOUR\n", "both changes are in the text")
    page.review(page.bodies["edit"])
    page.confirm()
    page.wait(lambda: page.edit["edit"] == 0, "the editor is closed")
    assert stored(memory) == b"ONE\ntwo\nthree\nFOUR\n"


def test_theirs_or_mine_is_taken(make: Callable[..., Any], memory: SharedMemory) -> None:
    page = begin(make, memory, b"text")
    memory.put("key", b"theirs")
    page.wait_theirs()
    page.review("mine", kind="conflict")
    page.perform("take-theirs", pane="comparison")
    page.wait(lambda: page.edit["edit"] == 0 and page.bodies["value"] == "theirs", "theirs is shown")
    page.perform("edit", pane="value")
    dialog = page.wait_message("dialog")
    assert dialog["options"][0]["title"] == "Continue the draft"
    page.send("answer", dialog=dialog["dialog"], choice=0, text="")
    page.wait(lambda: page.bodies["edit"] == "mine", "the draft is continued")
    page.wait_theirs()
    page.review("mine", kind="conflict")
    page.perform("keep-mine", pane="comparison")
    page.wait(lambda: page.edit["edit"] == 0, "the editor is closed")
    assert stored(memory) == b"mine"


def test_other_view_has_the_typed_text(make: Callable[..., Any], memory: SharedMemory) -> None:
    """It is not sent back to the view that it was typed in, but to all others, also to one that is opened later."""
    page = begin(make, memory, b"text")
    other = EditorPage(page.widget, "view-2")
    other.open_panes()
    other.wait(lambda: other.bodies.get("edit") == "text", "the edit is open there, too")
    page.type("typed")
    other.wait(lambda: other.bodies["edit"] == "typed", "it is typed there, too")
    assert page.bodies["edit"] == "text"
    later = EditorPage(page.widget, "view-3")
    later.open_panes()
    later.wait(lambda: later.bodies.get("edit") == "typed", "a page opened later has it")


def test_texts_typed_at_once_are_merged(make: Callable[..., Any], memory: SharedMemory) -> None:
    """Each view begins with the same text, and gets what the other one has typed; what one view sends follows."""
    page = begin(make, memory, b"one\ntwo\nthree")
    other = EditorPage(page.widget, "view-2")
    other.open_panes()
    base = page.edit["body"]
    assert other.type("ONE\ntwo\nthree", base=base) == ""
    assert page.type("one\nTWO\nthree", base=base) == ""
    assert page.type("one\nTWO\nthree\nfour", base=base) == ""
    for view in (page, other):
        view.wait(lambda view=view: view.bodies["edit"] == "ONE\nTWO\nthree\nfour", "it has what both have typed")  # type: ignore[misc] # mypy infers no type for it


def test_text_of_the_same_line_is_refused_not_lost(make: Callable[..., Any], memory: SharedMemory) -> None:
    """The page, which still has it, is told; nor does a text with escapes replace what the other view has typed."""
    page = begin(make, memory, b"one\ntwo")
    other = EditorPage(page.widget, "view-2")
    other.open_panes()
    base = page.edit["body"]
    assert other.type("theirs\ntwo", base=base) == ""
    assert page.type("mine\ntwo", base=base) == TYPED_ELSEWHERE
    number = page.send("paste", edit=page.edit["edit"], base=base, start=0, stop=1, buffer=b"\x1bone\ntwo")
    assert "changed in another view" in page.wait_message("reply", id=number)["problem"]
    page.wait(lambda: page.bodies["edit"] == "theirs\ntwo", "it has the text of the other view")
    assert page.type("mine\ntwo") == ""


def test_unsaved_text_is_asked_for(make: Callable[..., Any], memory: SharedMemory) -> None:
    page = begin(make, memory, b"text")
    page.type("mine")
    page.review("mine")
    page.perform("back", pane="comparison")
    page.wait(lambda: page.comparison["kind"] == "", "the review is closed")
    page.perform("back", pane="edit")
    dialog = page.wait_message("dialog")
    page.send("answer", dialog=dialog["dialog"], choice=2, text="")
    page.wait(lambda: page.edit["edit"] == 0, "the editor is closed")
    assert stored(memory) == b"text"


def test_widget_without_write_changes_nothing(make: Callable[..., Any], memory: SharedMemory) -> None:
    """Forged messages are refused, whatever a page sends."""
    memory.put("key", b"text")
    page = EditorPage(make(ValueEditor, "memory:"))
    page.open_panes()
    page.send("go", text="key")
    page.wait(lambda: "facts" in page.list("value").head, "the value is shown")
    forge(page)
    assert stored(memory) == b"text"


def test_value_view_of_a_writable_session_changes_nothing(make: Callable[..., Any], memory: SharedMemory) -> None:
    """It says that the key is being edited elsewhere, and refuses forged messages."""
    page = begin(make, memory, b"text")
    view = EditorPage(page.widget.value_view)
    view.open("value")
    view.wait(lambda: view.list("value").head["edited"] == "key", "the edit is named")
    page.review("mine")
    number, review = page.edit["edit"], page.comparison["body"]
    view.send("text", edit=number, base=0, buffer=b"forged")
    view.send("save", edit=number, base=0, review=review)
    forge(view)
    assert (page.edit["edit"], page.comparison["kind"]) == (number, "review")
    assert stored(memory) == b"text"


def forge(page: EditorPage) -> None:
    """Send all that could change something, and wait until it was handled."""
    for pane in ("value", "edit", "comparison"):
        for action in ("writing", "edit", "new", "delete", "save", "keep-mine", "use-merged", "take-theirs"):
            page.perform(action, pane=pane)
    for number in range(3):
        page.send("text", edit=number, base=0, buffer=b"forged")
        page.send("paste", edit=number, base=0, start=0, stop=6, buffer=b"forged")
        page.send("save", edit=number, base=0, review=number, buffer=b"forged")
    page.wait_message("reply", id=page.send("complete", text=""))
    assert not [one for one in page.messages if one["type"] == "dialog"]
