import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from explorer.drivers.memory import MemoryStore
from tests.widgets.conftest import SharedMemory
from tests.widgets.fake_page import FakePage
from widgets import Explorer, KeyTree
from widgets import bridge as bridge_module

Make = Callable[..., Any]


def test_page_gets_rows_and_then_patches(make: Make, memory: SharedMemory) -> None:
    """Changes of another client reach the page, in messages whose numbers have no gap."""
    memory.put("a/1")
    page = FakePage(make(KeyTree, "memory:"))
    page.open("tree")
    page.wait_row("a", folder="closed")
    page.perform("open")
    page.wait_row("1")
    memory.put("a/1", b"2")
    page.wait_row("1", mark="~")
    memory.put("a/2")
    page.wait_row("2", mark="+")
    memory.delete("a/1")
    page.wait_row("1", tombstone=True)
    assert page.list("tree").gaps == 0


def test_kernel_is_silent_before_hello(make: Make, memory: SharedMemory) -> None:
    page = FakePage(make(KeyTree, "memory:"), hello=False)
    memory.put("a")
    live = page.widget._live  # noqa: SLF001 - there is nothing else to wait for
    live.run(live.session.idle())
    assert page.messages == []


def test_view_that_was_forgotten_says_hello_again(
    make: Make, memory: SharedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.put("a")
    page = FakePage(make(KeyTree, "memory:"))
    page.open("tree")
    monkeypatch.setattr(bridge_module, "VIEW_LIFETIME", 0.0)
    page.wait(lambda: not page.widget._bridge.has_views, "the view is forgotten")  # noqa: SLF001
    monkeypatch.undo()
    page.send("alive")
    page.wait_message("unknown-view")
    page.send("hello", protocol=1)
    page.open("tree")
    page.wait_row("a")


def test_two_views_have_windows_of_their_own(make: Make, memory: SharedMemory) -> None:
    """They share cursor and folders, and scroll apart."""
    for number in range(60):
        memory.put(f"k{number:02}")
    widget = make(KeyTree, "memory:")
    one, two = FakePage(widget, "one"), FakePage(widget, "two")
    one.wait_message("status", status="LIVE")
    one.open("tree", rows=10)
    two.open("tree", start=50, rows=10)
    assert [row["name"] for row in one.list("tree").rows] == [f"k{number:02}" for number in range(10)]
    assert [row["name"] for row in two.list("tree").rows] == [f"k{number:02}" for number in range(50, 60)]
    memory.put("k55", b"2")
    two.wait_row("k55", mark="~")
    one.perform("down", times=3)
    two.wait(lambda: two.list("tree").cursor == 3, "the cursor of the other view")
    assert one.list("tree").named("k55") is None


def test_rows_before_a_window_move_its_start(make: Make, memory: SharedMemory) -> None:
    """Rows in sight keep their place when others come before them."""
    for number in range(60):
        memory.put(f"k{number:02}")
    page = FakePage(make(KeyTree, "memory:"))
    page.wait_message("status", status="LIVE")
    page.open("tree", start=30, rows=10)
    memory.put("a0")
    page.wait(lambda: page.list("tree").start == 31, "the window moves")
    assert [row["name"] for row in page.list("tree").rows] == [f"k{number:02}" for number in range(30, 40)]
    memory.delete("k10")
    memory.put("k0a")
    page.wait(lambda: page.list("tree").start == 32, "the window moves")


def test_exception_in_a_page_is_logged(make: Make, memory: SharedMemory, caplog: pytest.LogCaptureFixture) -> None:
    del memory
    page = FakePage(make(KeyTree, "memory:"))
    with caplog.at_level(logging.ERROR, logger="widgets"):
        page.send("failure", text="TypeError, while: message rows\n    at take (tree.js:1:2)\x1b[2J")
        page.wait(lambda: len(caplog.records) == 2, "two lines are logged")
    assert caplog.messages == [
        "internal error in a page: TypeError, while: message rows",
        "internal error in a page:     at take (tree.js:1:2)\\x1b[2J",
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "exec", "id": 1, "view": "view-1", "code": "1"},
        {"type": "window", "id": 1, "view": "view-1"},
        "hello",
        None,
    ],
)
def test_refused_message_is_logged_without_its_content(
    make: Make, memory: SharedMemory, caplog: pytest.LogCaptureFixture, content: Any
) -> None:
    page = FakePage(make(KeyTree, "memory:"))
    with caplog.at_level(logging.WARNING, logger="widgets"):
        page.widget._handle_custom_msg(content, [])  # noqa: SLF001 - as ipywidgets calls it
        page.wait_message("refused")
    assert any("refused" in record.message for record in caplog.records)
    memory.put("a")
    page.open("tree")
    page.wait_row("a")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("window", {"pane": "nothing", "generation": 1, "start": 0, "count": 9, "height": 9, "step": 7}),
        ("window", {"pane": "tree", "generation": 1, "start": -5, "count": -1, "height": -1, "step": -9}),
        (
            "window",
            {"pane": "tree", "generation": 1, "start": 1 << 50, "count": 1 << 50, "height": 1 << 50, "step": 1 << 50},
        ),
        ("click", {"pane": "tree", "row": 999, "gesture": "show"}),
        ("click", {"pane": "tree", "row": 1, "gesture": "explode"}),
        ("perform", {"action": "format-disk", "pane": "tree", "times": 1}),
        ("perform", {"action": "down", "pane": "tree", "times": 1 << 50}),
        ("perform", {"action": "down", "pane": "nothing", "times": -1}),
        ("answer", {"dialog": 99, "choice": 0, "text": ""}),
    ],
)
def test_senseless_values_do_no_harm(make: Make, memory: SharedMemory, kind: str, fields: dict[str, Any]) -> None:
    memory.put("a")
    page = FakePage(make(KeyTree, "memory:"))
    page.open("tree")
    page.wait_row("a")
    page.send(kind, **fields)
    page.open("tree", rows=100_000)
    memory.put("b")
    page.wait_row("b")
    assert not [one for one in page.messages if one["type"] == "notice" and "internal" in one["text"]]


def test_messages_from_many_threads_are_handled(make: Make, memory: SharedMemory) -> None:
    """A kernel calls handlers on its main thread and on those of its subshells."""
    for number in range(50):
        memory.put(f"k{number:02}")
    page = FakePage(make(KeyTree, "memory:"))
    page.wait_message("status", status="LIVE")
    page.open("tree")

    def press() -> None:
        for _ in range(5):
            page.perform("down")

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page.wait(lambda: page.list("tree").cursor == 20, "every key press counts")


def test_patches_are_at_most_fifteen_a_second(make: Make, memory: SharedMemory) -> None:
    """Changes in between are in the next one, and the last state is shown."""
    page = FakePage(make(KeyTree, "memory:"))
    page.open("tree")
    page.wait_message("status", status="LIVE")

    async def write(store: MemoryStore) -> float:
        began = time.monotonic()
        for number in range(2000):
            await store.put(f"hot/{number % 20}", str(number).encode())
            await asyncio.sleep(0)
        return time.monotonic() - began

    before = page.list("tree").patches
    taken = memory.run(write)
    memory.put("last")
    page.wait_row("last")
    assert page.list("tree").patches - before <= 15 * (taken + 2) + 5
    assert page.list("tree").gaps == 0


def test_explorer_shares_its_session_with_its_widgets(make: Make, memory: SharedMemory) -> None:
    memory.put("a")
    explorer = make(Explorer, "memory:")
    alone = FakePage(explorer.key_tree)
    alone.open("tree")
    alone.wait_row("a")
    assert explorer.key_tree is explorer.key_tree
    explorer.close()
    alone.wait_message("closed")


def test_heartbeat_has_the_number_of_the_last_patch(make: Make, memory: SharedMemory) -> None:
    """By it a page sees that the last patch was lost, even if no other follows."""
    memory.put("a")
    page = FakePage(make(KeyTree, "memory:"))
    page.open("tree")
    page.wait_message("status", status="LIVE")
    memory.put("b")
    page.wait_row("b")
    tree = page.list("tree")
    page.wait_message("heartbeat", sent={"tree": (tree.generation, tree.seq)})


@pytest.mark.parametrize("action", ["edit", "delete", "new", "copy"])
def test_page_is_released_after_a_refused_or_ended_flow(make: Make, memory: SharedMemory, action: str) -> None:
    """A page drops keys from the key that starts a flow on; whatever becomes of it, it accepts them again."""
    memory.put("a")
    page = FakePage(make(KeyTree, "memory:"))
    page.open("tree")
    page.wait(lambda: page.list("tree").head.get("selected") == "a", "the key is selected")
    page.perform(action)
    if action == "copy":  # the others are refused: nothing can be written here
        dialog = page.wait_message("dialog")
        assert not [one for one in page.messages if one["type"] == "done"]
        page.send("answer", dialog=dialog["dialog"], choice=-1, text="")
    page.wait_message("done")
