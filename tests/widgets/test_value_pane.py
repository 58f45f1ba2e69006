"""The value of the selected key in a page: text, facts, tabs, notices, and parts of long texts."""

from collections.abc import Callable
from typing import Any

from tests.widgets.conftest import SharedMemory
from tests.widgets.fake_page import FakePage
from widgets import Explorer, ValueView


def shown(make: Callable[..., Any], key: str) -> FakePage:
    """Return a page of an explorer that shows the value of a key."""
    page = FakePage(make(Explorer, "memory:"))
    page.open("value")
    select(page, key)
    return page


def select(page: FakePage, key: str) -> None:
    page.send("go", text=key)
    page.wait(lambda: page.list("value").head.get("key") == key, f"{key} is selected")


def test_value_is_shown_indented_with_facts(make: Callable[..., Any], memory: SharedMemory) -> None:
    memory.put("key", b'{"a":1}')
    page = shown(make, "key")
    page.wait(lambda: page.bodies.get("value") == '{\n  "a": 1\n}', "the value is indented")
    head = page.list("value").head
    assert head["language"] == "json"
    assert head["facts"][1:] == ["v1", "7 B"]
    assert head["kind"].startswith("json, indented")
    assert (head["notice"], head["warning"], head["notes"]) == ("", "", [])


def test_deleted_value_stays_with_a_warning(make: Callable[..., Any], memory: SharedMemory) -> None:
    memory.put("key", b"text")
    page = shown(make, "key")
    page.wait(lambda: page.bodies.get("value") == "text", "the value is shown")
    memory.delete("key")
    page.wait(lambda: "deleted" in page.list("value").head["warning"], "the warning is shown")
    assert page.bodies["value"] == "text"


def test_folder_has_a_notice(make: Callable[..., Any], memory: SharedMemory) -> None:
    memory.put("folder/key", b"text")
    page = shown(make, "folder/key")
    page.perform("close")
    page.wait(lambda: "a folder without a value" in page.list("value").head["notice"], "the folder is shown")


def test_control_characters_arrive_as_escapes(make: Callable[..., Any], memory: SharedMemory) -> None:
    memory.put("key", "a\x1b[31m\u202eb\r<script>".encode())
    page = shown(make, "key")
    page.wait(lambda: "script" in page.bodies.get("value", ""), "the value is shown")
    assert page.bodies["value"] == "a\\x1b[31m\\u{202e}b\\r<script>"


def test_tabs_show_metadata_and_history(make: Callable[..., Any], memory: SharedMemory) -> None:
    """Another key is shown in the first tab again."""
    memory.put("key", b"text")
    memory.put("other", b"other text")
    page = shown(make, "key")
    page.perform("next-tab", pane="value")
    page.wait(lambda: "size: 4 bytes" in page.bodies["value"], "metadata is shown")
    page.send("tab", name="history")
    page.wait(lambda: "no earlier value" in page.bodies["value"], "history is shown")
    page.send("tab", name="nothing of the kind")
    select(page, "other")
    page.wait(lambda: page.bodies["value"] == "other text", "the other value is shown")
    assert page.list("value").head["tab"] == "value"


def test_time_left_is_a_moment(make: Callable[..., Any], memory: SharedMemory) -> None:
    """The facts do not change as time passes: the page counts."""
    memory.run(lambda store: store.put("key", b"text", ttl=100.0))
    page = shown(make, "key")
    page.wait(lambda: "expires" in page.list("value").head, "the time left is shown")
    head = page.list("value").head
    assert 90 < head["expires"] <= 100
    assert not any("left" in fact for fact in head["facts"])


def test_long_text_comes_in_parts(make: Callable[..., Any], memory: SharedMemory) -> None:
    lines = "".join(f"line {number}\n" for number in range(200_000))
    memory.put("key", lines.encode())
    page = shown(make, "key")
    page.wait(lambda: page.list("value").head["size"] == len(lines), "the whole value is read, not its beginning alone")
    text = ""
    while True:
        body = page.wait_message("body", pane="value", version=page.list("value").head["body"], start=len(text))
        text += page.bodies["value"]
        if body["next"] is None:
            break
        page.send("more", pane="value", version=body["version"], start=body["next"])
    assert text == lines


def test_part_of_an_old_version_is_not_sent(make: Callable[..., Any], memory: SharedMemory) -> None:
    memory.put("key", b"text")
    page = shown(make, "key")
    page.wait(lambda: page.bodies.get("value") == "text", "the value is shown")
    sent = len(page.messages)
    page.send("more", pane="value", version=1_000_000, start=0)
    page.send("more", pane="value", version=page.list("value").head["body"], start=-5)
    page.send("complete", text="")
    page.wait_message("reply")
    assert not [one for one in page.messages[sent:] if one["type"] == "body"]


def test_value_view_follows_the_explorer(make: Callable[..., Any], memory: SharedMemory) -> None:
    memory.put("key", b"text")
    explorer = make(Explorer, "memory:")
    page, other = FakePage(explorer), FakePage(explorer.value_view)
    assert isinstance(explorer.value_view, ValueView)
    other.open("value")
    page.send("go", text="key")
    other.wait(lambda: other.bodies.get("value") == "text", "the value is shown there, too")
