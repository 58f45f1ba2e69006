"""Plans in a notebook: marked keys are copied and deleted after a look at the plan, which is a table in a cell."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from explorer.blocking.portal import portal
from explorer.drivers.memory import MemoryStore
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, KeyNotFound
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart
from tests.servers.waiting import PATIENCE
from tests.widgets.conftest import SharedMemory
from tests.widgets.editor_page import EditorPage, stored
from tests.widgets.test_flows import Reader, exists, reader
from widgets import Explorer, plan_flows, plan_table
from widgets.plan_table import plan_html, plan_text

__all__ = ["reader"]

Make = Callable[..., Any]


def test_marked_keys_are_moved_after_a_look_at_the_plan(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    """The dialog shows each key with the difference of its value; what is done can be taken back at once."""
    page = reader("a", "b")
    page.select("a")
    page.perform("mark", times=2)
    page.perform("move-to")
    page.choose("Move 2 keys to", "Plan", "to/")
    dialog = page.choose("Plan: move 2 keys to to/", "Apply")
    assert [line for line in dialog["lines"] if not line.startswith(" ")] == ["+ to/a", "+ to/b", "- b", "- a"]
    assert "    +1" in dialog["lines"]
    assert dialog["facts"][0] == ["2 to create, 2 to delete", "plain"]
    assert page.question("Plan: move")["facts"][0][0].startswith("all 4 changes done at")
    assert (exists(memory, "a"), exists(memory, "to/a")) == (False, True)
    page.choose("Plan: move", "Take back")
    page.choose("Plan: undo", "Apply")
    page.choose("Plan: undo", "Close")
    assert (exists(memory, "a"), exists(memory, "to/a")) == (True, False)
    page.wait(lambda: not page.widget.marked, "what is done is unmarked")


def test_marked_keys_are_deleted_once_their_number_is_typed(
    reader: Callable[..., Reader], memory: SharedMemory
) -> None:
    page = reader("a/1", "a/2", "b")
    page.select("a")
    page.perform("mark", times=2)
    page.perform("delete")
    assert page.choose("Plan: delete 2 keys", "Apply", "2")["typed"] == "3"
    page.perform("plan")
    page.choose("Plan: delete 2 keys", "Apply", "3")
    page.choose("Plan: delete 2 keys", "Close")
    assert not any(exists(memory, key) for key in ("a/1", "a/2", "b"))


def test_read_only_widget_shows_plans_and_applies_none(reader: Callable[..., Reader], memory: SharedMemory) -> None:
    page = reader("a", write=False)
    page.select("a")
    page.perform("copy-to")
    page.choose("Copy a to", "Plan", "b")
    dialog = page.choose("Plan: copy a to b", "Close")
    assert "not applied here: " in str(dialog["facts"])
    assert not exists(memory, "b")


class StagingPage(Reader, EditorPage):  # type: ignore[misc] # answers as a reader does
    """A page with a person who edits and answers."""


def test_reviewed_edits_are_staged_and_saved_together(make: Make, memory: SharedMemory) -> None:
    for key in ("a", "b"):
        memory.put(key)
    page = StagingPage(make(Explorer, "memory:", write=True))
    page.open("tree")
    page.wait_message("status", status="LIVE")
    for key in ("a", "b"):
        page.select(key)
        page.begin(key)
        page.review("mine")
        page.perform("stage", pane="comparison")
        page.wait(lambda: page.edit["edit"] == 0, "the editor is closed")
        page.wait_row(key, draft="✚")
    page.perform("save-staged")
    page.choose("Plan: save 2 staged changes", "Apply")
    page.choose("Plan: save 2 staged changes", "Close")
    assert stored(memory, "a") == stored(memory, "b") == b"mine"
    page.wait_row("a", draft="")


def test_plans_are_made_and_applied_from_code(make: Make, memory: SharedMemory) -> None:
    for key in ("a/1", "a/2", "b"):
        memory.put(key)
    explorer = make(Explorer, "memory:", write=True)
    plan = explorer.plan_copy("new", "a")
    assert explorer.plan is plan
    assert [change.key for change in plan] == ["new/1", "new/2"]
    assert explorer.apply(plan) == 2
    assert exists(memory, "new/1")
    assert explorer.apply(explorer.plan_undo()) == 2
    assert not exists(memory, "new/1")
    with pytest.raises(KeyNotFound):
        explorer.plan_deletion("gone")
    with pytest.raises(CallNotSupported, match="no change is staged"):
        explorer.plan_staged()
    explorer.go("b")
    explorer.apply(explorer.plan_deletion())
    assert not exists(memory, "b")
    reading = make(Explorer, "memory:")
    with pytest.raises(CallNotSupported, match="write=True"):
        reading.apply(reading.plan_deletion("a"))


HOSTILE = Plan(
    "copy <b>\x1b[31m",
    (PlanPart("memory:", None, (Change("<script>", None, None, b"<img>\xff"), Change("k", 1, b"x" * 99, None))),),
    same=("same",),
    conflicts=(OmittedKey("theirs", "it <exists>"),),
    omitted=(OmittedKey("leased", "it has a lease"),),
)


def test_plan_is_an_escaped_table_in_a_cell() -> None:
    """The shell that has the widgets or the extension shows it without being asked; a console gets lines."""
    shell = InteractiveShell()  # type: ignore[no-untyped-call] # IPython has no types for it
    plan_table.register(shell)
    assert shell.display_formatter is not None
    shown, _ = shell.display_formatter.format(HOSTILE)  # type: ignore[no-untyped-call] # as above
    assert shown["text/html"] == plan_html(HOSTILE)
    assert shown["text/plain"] == plan_text(HOSTILE)
    html = shown["text/html"]
    assert "<b>\x1b" not in html
    assert "<script>" not in html
    assert "img" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<tr>") == 6
    lines = shown["text/plain"].splitlines()
    assert lines[0].endswith("1 to create, 1 to delete, 1 conflict, 1 left as they are, 1 the same already")
    assert lines[1:] == [
        "!  theirs  it <exists>",
        "+  <script>  6 B",
        "-  k  99 B",
        "·  leased  it has a lease",
        "=  same",
    ]


def test_long_plan_is_cut_in_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_table, "MAX_ROWS", 2)
    assert plan_text(HOSTILE).splitlines()[-1] == "and 3 more"
    assert "<p>and 3 more</p>" in plan_html(HOSTILE)


def test_plan_that_takes_long_is_stopped(reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch) -> None:
    """A change in flight is waited for, and counted."""
    monkeypatch.setattr(plan_flows, "_QUIET_TIME", 0.0)
    begun, gate = threading.Event(), asyncio.Event()
    put = MemoryStore.atomic_put

    async def wait_and_put(store: MemoryStore, *arguments: Any, **options: Any) -> Entry:
        begun.set()
        await gate.wait()
        return await put(store, *arguments, **options)

    page = reader("a")
    page.select("a")
    page.perform("copy-to")
    page.choose("Copy a to", "Plan", "b")
    page.question("Plan: copy a to b")
    monkeypatch.setattr(MemoryStore, "atomic_put", wait_and_put)
    page.choose("Plan: copy a to b", "Apply")
    assert begun.wait(PATIENCE)
    page.choose("Applying the plan: copy a to b", "Stop")
    portal().run(_set(gate))
    assert "1 of 1 change done" in str(page.question("Plan: copy a to b")["facts"])


def test_keys_are_staged_exported_and_duplicated(reader: Callable[..., Reader], tmp_path: Path) -> None:
    """The same questions as in the app, and the same calls from code."""
    page = reader("a")
    page.select("a")
    page.perform("stage-delete")
    page.wait_message("notice", text="1 deletion staged")
    assert [change.key for change in page.widget.plan_staged()] == ["a"]
    assert page.widget.unstage("a") == "1 change unstaged"
    assert page.widget.stage_deletion("a") == "1 deletion staged"
    page.perform("unstage")
    page.wait_message("notice", text="1 change unstaged")
    page.perform("duplicate")
    page.choose("Duplicate a as", "Plan", "a-copy")
    page.choose("Plan: copy a to a-copy", "Close")
    file = tmp_path / "x.jsonl"
    page.perform("export")
    page.choose("Export a to which file?", "Export", str(file))
    page.wait_message("notice", text=f"1 key written to {file}")
    page.perform("export")
    page.choose("Export a to which file?", "Export", str(file))
    page.choose(f"Replace {file}?", "Replace")
    with pytest.raises(FileExistsError):
        page.widget.export(str(file), "a")


async def _set(gate: asyncio.Event) -> None:
    gate.set()
