"""Reasons of writes in a notebook: asked for where the profile demands them, before anything is written."""

from collections.abc import Callable
from typing import Any

import pytest

from explorer.drivers.memory import MemoryStore
from explorer.model.errors import CallNotSupported
from explorer.model.write_reason import current_write_reason
from tests.widgets.conftest import SharedMemory
from tests.widgets.editor_page import stored
from tests.widgets.test_flows import exists
from tests.widgets.test_plans import StagingPage
from widgets import Explorer

Make = Callable[..., Any]


@pytest.fixture
def reasons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reasons of all writes that depend on what was read."""
    reasons: list[str] = []

    def recorded(call: Callable[..., Any]) -> Callable[..., Any]:
        async def write(*arguments: object, **options: object) -> object:
            reasons.append(current_write_reason())
            return await call(*arguments, **options)

        return write

    for name in ("atomic_put", "atomic_delete"):
        monkeypatch.setattr(MemoryStore, name, recorded(getattr(MemoryStore, name)))
    return reasons


@pytest.fixture
def page(make: Make, memory: SharedMemory) -> StagingPage:
    """A person in front of a store whose profile demands reasons."""
    for key in ("a", "b"):
        memory.put(key)
    widget = make(Explorer, "memory:", write=True)
    widget._live.session.asks_reason = True  # noqa: SLF001 - as a profile with `reason = true`
    page = StagingPage(widget)
    page.open("tree")
    page.wait_message("status", status="LIVE")
    return page


def test_save_asks_why(page: StagingPage, memory: SharedMemory, reasons: list[str]) -> None:
    """Without an answer nothing is saved; one that was given before is shown, and not asked for again."""
    page.select("a")
    page.begin("a")
    page.review("mine")
    page.confirm()
    page.choose("Why?", "Cancel", "because")
    page.confirm()
    page.choose("Why?", "Write", " ")
    page.perform("reason", pane="comparison")
    page.choose("Why?", "Keep", "because")
    page.wait(lambda: page.comparison["reason"] == "reason: because", "the reason is shown")
    assert (stored(memory, "a"), reasons) == (b"1", [])
    page.confirm()
    page.wait_closed()
    assert (stored(memory, "a"), reasons) == (b"mine", ["because"])


def test_mine_is_kept_with_a_reason(page: StagingPage, memory: SharedMemory, reasons: list[str]) -> None:
    page.select("a")
    page.begin("a")
    memory.put("a", b"theirs")
    page.wait_theirs()
    page.review("mine", kind="conflict")
    page.perform("keep-mine", pane="comparison")
    page.choose("Why?", "Write", "because")
    page.wait_closed()
    assert (stored(memory, "a"), reasons) == (b"mine", ["because"])


def test_deletion_asks_why(page: StagingPage, memory: SharedMemory, reasons: list[str]) -> None:
    page.select("a")
    for option, is_there in (("Cancel", True), ("Write", False)):
        page.perform("delete")
        page.choose("Delete this key?", "Delete")
        page.choose("Why?", option, "because")
        page.wait_message("notice", text="nothing was deleted" if is_there else "deleted 1 entry")
        assert exists(memory, "a") is is_there
    assert reasons == ["because"]


def test_plan_asks_why(page: StagingPage, memory: SharedMemory, reasons: list[str]) -> None:
    """So does code that applies one."""
    page.select("a")
    page.perform("copy-to")
    page.choose("Copy a to", "Plan", "c")
    page.choose("Plan: copy a to c", "Apply")
    page.choose("Why?", "Write", "because")
    page.choose("Plan: copy a to c", "Close")
    plan = page.widget.plan_deletion("c")
    with pytest.raises(CallNotSupported, match="asks why"):
        page.widget.apply(plan)
    assert exists(memory, "c")
    page.widget.apply(plan, reason="no use")
    assert (exists(memory, "c"), reasons) == (False, ["because", "no use"])


def test_new_key_says_how_backslashes_are_read(page: StagingPage) -> None:
    page.perform("new")
    dialog = page.question("New key")
    assert dialog["hints"]
    for text, hint in (("a", ""), (r"a\x00", r"read with escapes, 2 bytes; type \\ for a backslash")):
        number = page.send("hint", dialog=dialog["dialog"], text=text)
        assert page.wait_message("reply", id=number)["text"] == hint
    page.choose("New key", "Cancel")
    page.wait_message("dialog-closed", dialog=dialog["dialog"])
    assert page.wait_message("reply", id=page.send("hint", dialog=dialog["dialog"], text="\\"))["text"] == ""
