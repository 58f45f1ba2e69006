"""The front end without a kernel: a blank page, a model that records what is sent, and messages that are replayed."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import pytest_asyncio
from playwright.async_api import Browser, Locator, Page

from explorer.session.actions import TYPING_IGNORED, TYPING_PAUSE
from tests.servers.waiting import eventually
from widgets import front_end
from widgets.messages import Failure, parse

_MODEL: Final = """
async ([module, css, panes]) => {
  document.head.append(Object.assign(document.createElement("style"), {textContent: css}));
  const url = URL.createObjectURL(new Blob([module], {type: "text/javascript"}));
  const {default: widget} = await import(url);
  const listeners = new Set();
  window.sent = [];
  window.deliver = (message) => { for (const one of [...listeners]) one(message, []); };
  const model = {
    get: (name) => ({panes, height: 300})[name],
    on: (name, callback) => { if (name === "msg:custom") listeners.add(callback); },
    off: (name, callback) => listeners.delete(callback),
    send: (content, _callbacks, buffers) => window.sent.push(content),
    listeners,
  };
  window.model = model;
  window.cleanup = widget.render({model, el: document.body});
}
"""
_STOPPED_CLOCK: Final = "() => { const now = performance.now(); performance.now = () => now; }"
"""Makes all keys as fast as those of one text, however slow the machine is."""
_LEAVE: Final = "() => !window.dispatchEvent(new Event('beforeunload', {cancelable: true}))"
"""Returns whether the page asks before it is left."""
_ACTION: Final = {"title": "", "help": "", "group": "", "priority": 0, "places": ["tree"]}
_QUESTION: Final = {
    "type": "dialog", "dialog": 1, "title": "", "options": [{"title": name, "details": ""} for name in ("No", "Yes")],
    "searching": False, "buttons": True, "lines": [], "facts": [], "note": "", "dangerous": False, "typed": "",
    "label": "", "text": "", "problem": "",
}  # fmt: skip


class RecordedKernel:
    """Kernel's end of a view in a blank page: what the page sent, and messages to it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def sent(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of a type that the page sent."""
        sent: list[dict[str, Any]] = await self.page.evaluate("window.sent")
        return [one for one in sent if one["type"] == kind]

    async def wait_sent(self, kind: str, count: int) -> dict[str, Any]:
        """Wait until the page has sent so many messages of a type, and return the last."""

        async def is_sent() -> bool:
            return len(await self.sent(kind)) >= count

        await eventually(is_sent, f"{count} messages {kind}")
        return (await self.sent(kind))[-1]

    async def deliver(self, message: Mapping[str, Any]) -> None:
        """Deliver a message to the page."""
        await self.page.evaluate("(message) => window.deliver(message)", json.loads(json.dumps(message)))

    async def welcome(self) -> None:
        """Answer the page's hello."""
        actions = [
            {**_ACTION, "id": "down", "keys": ["down", "j"], "hints": {"tree": "↓"}},
            {**_ACTION, "id": "edit", "keys": ["e"], "hints": {"tree": "e"}, "asks": True, "input": True},
            {**_ACTION, "id": "delete", "keys": ["d"], "hints": {"tree": "d"}, "asks": True},
            {**_ACTION, "id": "bottom", "keys": ["G", "end"], "hints": {"tree": "G"}},
        ]
        facts = {"labels": {"tree": "Keys"}, "signs": {}, "typing": {"pause": TYPING_PAUSE, "ignored": TYPING_IGNORED}}
        await self.deliver({"type": "welcome", "id": 1, "protocol": 1, "actions": actions, **facts})

    async def rows(
        self, names: Sequence[str], *, generation: int, seq: int = 0, start: int = 0, total: int | None = None
    ) -> None:
        """Deliver the rows of the tree."""
        await self.deliver(
            {
                **tree_facts(generation, seq, start, len(names) if total is None else total),
                "type": "rows",
                "rows": [tree_row(number, name) for number, name in enumerate(names, start + 1)],
            }
        )

    async def names(self) -> list[str]:
        """Return the names in sight."""
        return await self.page.locator(".ks-pane-tree .ks-name").all_inner_texts()

    async def wait_names(self, *names: str) -> None:
        """Wait until these names are in sight, in this order."""

        async def are_shown() -> bool:
            return await self.names() == list(names)

        await eventually(are_shown, f"{names} are shown")


def tree_row(number: int, name: str, mark: str = "") -> dict[str, Any]:
    """Return a row of the tree as the kernel sends it."""
    return {
        "id": number, "depth": 0, "name": name, "suffix": "", "hint": "", "folder": "", "value": True,
        "placeholder": "", "failed": False, "tombstone": False, "below": 0, "count": "", "mark": mark,
        "fresh": False, "draft": False,
    }  # fmt: skip


def tree_facts(generation: int, seq: int, start: int, total: int) -> dict[str, Any]:
    """Return what every message about the rows of the tree has."""
    head = {"title": "", "notice": "", "problem": False, "filter": "", "selected": ""}
    return {
        "pane": "tree", "generation": generation, "seq": seq, "start": start, "total": total, "cursor": 0,
        "reveals": 0, "head": head,
    }  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def kernel_end(browser: Browser) -> AsyncIterator[RecordedKernel]:
    """A view of a tree in a blank page, which was greeted and has asked for rows."""
    page = await browser.new_page()
    await page.goto("about:blank")
    await page.evaluate(_MODEL, [front_end.module_text(), front_end.stylesheet(), ["tree"]])
    recorded = RecordedKernel(page)
    await recorded.wait_sent("hello", 1)
    await recorded.welcome()
    await recorded.wait_sent("window", 1)
    yield recorded
    await page.close()


async def test_page_speaks_first_and_by_the_list(kernel_end: RecordedKernel) -> None:
    """Everything that it sends is accepted by the parser of the kernel."""
    sent = await kernel_end.page.evaluate("window.sent")
    assert sent[0]["type"] == "hello"
    assert all(parse(content, []).view == sent[0]["view"] for content in sent)


async def test_outdated_answers_and_other_views_are_dropped(kernel_end: RecordedKernel) -> None:
    generation = (await kernel_end.wait_sent("window", 1))["generation"]
    await kernel_end.rows(["old"], generation=generation - 1)
    await kernel_end.deliver({**tree_facts(generation, 0, 0, 1), "type": "rows", "rows": [], "view": "another"})
    await kernel_end.rows(["a", "b"], generation=generation)
    await kernel_end.wait_names("a", "b")


async def test_gap_and_lost_patch_are_asked_for(kernel_end: RecordedKernel) -> None:
    """A missing number, also if only a heartbeat shows it, makes the page ask for all rows again."""
    generation = (await kernel_end.wait_sent("window", 1))["generation"]
    await kernel_end.rows(["a", "b"], generation=generation)
    await kernel_end.wait_names("a", "b")
    patch = {**tree_facts(generation, 1, 0, 2), "type": "patch", "length": 2, "changes": [[1, tree_row(3, "c")]]}
    await kernel_end.deliver(patch)
    await kernel_end.wait_names("a", "c")
    await kernel_end.deliver({**patch, "seq": 3, "changes": [[1, tree_row(4, "wrong")]]})
    asked = await kernel_end.wait_sent("window", 2)
    assert await kernel_end.names() == ["a", "c"]
    await kernel_end.rows(["a", "d"], generation=asked["generation"])
    await kernel_end.wait_names("a", "d")
    await kernel_end.deliver({"type": "heartbeat", "sent": {"tree": [asked["generation"], 1]}})
    assert (await kernel_end.wait_sent("window", 3))["generation"] == asked["generation"] + 1


async def test_lost_message_of_any_pane_is_asked_for(browser: Browser) -> None:
    """A heartbeat has the numbers of all panes, also of those without rows: none of them stops the check."""
    panes = ("tree", "value", "locks", "changes")
    page = await browser.new_page()
    await page.goto("about:blank")
    await page.evaluate(_MODEL, [front_end.module_text(), front_end.stylesheet(), panes])
    recorded = RecordedKernel(page)
    await recorded.wait_sent("hello", 1)
    await recorded.welcome()
    all_panes = {*panes, "edit", "comparison"}
    asked: dict[str, int] = {}

    async def have_asked() -> bool:
        asked.update({one["pane"]: one["generation"] for one in await recorded.sent("window")})
        return asked.keys() == all_panes

    await eventually(have_asked, "all panes have asked")
    for pane in ("tree", "locks", "changes"):
        await recorded.deliver({**tree_facts(asked[pane], 0, 0, 0), "pane": pane, "type": "rows", "rows": []})
    before = dict(asked)
    await recorded.deliver({"type": "heartbeat", "sent": {pane: [before[pane], 1] for pane in sorted(all_panes)}})

    async def have_asked_again() -> bool:
        await have_asked()
        return all(asked[pane] > before[pane] for pane in all_panes)

    await eventually(have_asked_again, "all panes have asked again")
    await page.close()


async def test_kernel_that_is_silent_is_lost_within_seconds(kernel_end: RecordedKernel) -> None:
    """The page says so, greys out, and greets again; an answer brings it back."""
    await kernel_end.page.locator(".ks-root.ks-lost").wait_for(timeout=10_000)
    assert "KERNEL LOST" in await kernel_end.page.locator(".ks-status").inner_text()
    await kernel_end.wait_sent("hello", 2)
    await kernel_end.welcome()
    await kernel_end.page.locator(".ks-root:not(.ks-lost)").wait_for()


async def test_ages_stand_still_while_frozen(kernel_end: RecordedKernel) -> None:
    """An age is that of the moment of the freeze, also of a row that comes later; it goes on afterwards."""
    page = kernel_end.page
    mark = page.locator(".ks-pane-tree .ks-mark")
    status = {
        "type": "status", "status": "STALE", "sign": "STALE", "cause": "frozen", "address": "demo:", "revision": "",
        "rate": "", "frozen": "FROZEN", "writable": False, "writing": "read-only", "titles": {},
        "lockable": True, "min_age": 1.0, "disabled": {},
        "proved": None, "retry": None,
    }  # fmt: skip
    await kernel_end.deliver(status)
    generation = (await kernel_end.wait_sent("window", 1))["generation"]
    await page.evaluate("() => { const now = performance.now.bind(performance); performance.now = () => now() + 6e4; }")
    row = {**tree_row(1, "a", "~"), "changed": -65.0}
    await kernel_end.deliver({**tree_facts(generation, 0, 0, 1), "type": "rows", "rows": [row]})
    await mark.filter(has_text=re.compile("~ [45]s")).wait_for()
    await page.locator(".ks-frozen", has_text="FROZEN").wait_for()
    await kernel_end.deliver({**status, "frozen": ""})
    await mark.filter(has_text=re.compile("~ 1m0[5-9]s")).wait_for()


async def test_keys_of_a_frame_are_one_message(kernel_end: RecordedKernel) -> None:
    """Held keys do not flood the kernel; a key without an action is left to the page."""
    generation = (await kernel_end.wait_sent("window", 1))["generation"]
    await kernel_end.rows(["a", "b"], generation=generation)
    await kernel_end.wait_names("a", "b")
    await kernel_end.page.locator(".ks-pane-tree .ks-scroller").focus()
    await kernel_end.page.evaluate("""() => {
      for (let press = 0; press < 5; press += 1) {
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "j", bubbles: true}));
      }
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "x", bubbles: true}));
    }""")
    sent = await kernel_end.wait_sent("perform", 1)
    assert {name: sent[name] for name in ("action", "pane", "times")} == {"action": "down", "pane": "tree", "times": 5}


async def test_text_typed_ahead_is_no_command(kernel_end: RecordedKernel) -> None:
    """Text typed right after `e` is no command, and answers no question: the kernel says what is shown, or nothing.

    What goes on after that is ignored until a pause. The text goes into a field that is shown, and no further.
    """
    generation = (await kernel_end.wait_sent("window", 1))["generation"]
    await kernel_end.rows(["a", "b"], generation=generation)
    await kernel_end.wait_names("a", "b")
    await kernel_end.page.locator(".ks-pane-tree .ks-scroller").focus()
    await kernel_end.page.evaluate(_STOPPED_CLOCK)
    await kernel_end.page.keyboard.type("edjd")
    await kernel_end.deliver({"type": "done"})
    await kernel_end.page.keyboard.type("jd")
    await kernel_end.page.locator(".ks-notice-line", has_text=TYPING_IGNORED).first.wait_for()
    await kernel_end.page.keyboard.press("ArrowDown")
    await kernel_end.wait_sent("perform", 2)
    assert [sent["action"] for sent in await kernel_end.sent("perform")] == ["edit", "down"]
    await kernel_end.page.keyboard.type("ed")
    await kernel_end.deliver({**_QUESTION, "label": "Key", "text": "a/"})
    await kernel_end.page.keyboard.type("b\n")
    await kernel_end.page.keyboard.type("djd")
    await kernel_end.deliver({**_QUESTION, "dialog": 2})
    await kernel_end.page.keyboard.type("y1\n")
    assert [sent["text"] for sent in await kernel_end.sent("answer")] == ["a/db"]
    await kernel_end.deliver({"type": "dialog-closed", "dialog": 2})
    await kernel_end.page.keyboard.type("d")
    assert len(await kernel_end.sent("perform")) == 3


@pytest_asyncio.fixture(loop_scope="session")
async def editor_end(browser: Browser) -> AsyncIterator[RecordedKernel]:
    """A view of a tree and a value in a blank page, which was greeted and has asked for both, and for the editor."""
    page = await browser.new_page()
    await page.goto("about:blank")
    await page.evaluate(_MODEL, [front_end.module_text(), front_end.stylesheet(), ["tree", "value"]])
    recorded = RecordedKernel(page)
    await recorded.wait_sent("hello", 1)
    await recorded.welcome()
    await recorded.wait_sent("window", 4)
    yield recorded
    await page.close()


async def open_editor(kernel_end: RecordedKernel, edit: int = 1) -> Locator:
    """Deliver an edit without text, and return its editor."""
    generation = next(one for one in await kernel_end.sent("window") if one["pane"] == "edit")["generation"]
    head = {"edit": edit, "body": edit, "heading": "key", "lines": [], "readonly": False, "place": None}
    await kernel_end.deliver({"type": "focus", "pane": "value"})
    await kernel_end.deliver({"type": "body", "pane": "edit", "version": edit, "start": 0, "next": None})
    await kernel_end.deliver({"type": "rows", "pane": "edit", "generation": generation, "head": head})
    editor = kernel_end.page.locator(".ks-edit-text")
    await editor.wait_for()
    return editor


async def test_rest_of_a_dropped_text_is_not_typed(editor_end: RecordedKernel) -> None:
    """A key that cannot be held drops the text that follows, as a whole: its rest does not go into the editor."""
    page = editor_end.page
    await page.locator(".ks-pane-tree .ks-scroller").focus()
    await page.evaluate(_STOPPED_CLOCK)
    for key in ("e", "Control+Home", "a"):
        await page.keyboard.press(key)
    editor = await open_editor(editor_end)
    await editor_end.deliver({"type": "done"})
    await page.keyboard.type("bc")
    await page.locator(".ks-notice-line", has_text=TYPING_IGNORED).first.wait_for()
    assert await editor.input_value() == ""
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.type("d")
    assert await editor.input_value() == "d"


async def test_typed_text_that_is_not_taken_is_offered(editor_end: RecordedKernel) -> None:
    """Whether the kernel refuses it, or another view closes the edit before it is sent."""
    page = editor_end.page
    editor = await open_editor(editor_end)
    offered = page.locator(".ks-copied")
    await editor.fill("mine")
    sent = await editor_end.wait_sent("text", 1)
    assert (sent["edit"], sent["base"]) == (1, 1)
    await editor_end.deliver({"type": "reply", "id": sent["id"], "version": 1, "problem": "another view"})
    await page.locator(".ks-dialog-title", has_text="another view").wait_for()
    assert await offered.input_value() == "mine"
    await page.keyboard.press("Escape")
    assert (await editor_end.wait_sent("more", 1))["version"] == 1
    await editor_end.deliver({"type": "body", "pane": "edit", "version": 1, "start": 0, "next": None})
    assert await editor.input_value() == ""
    await page.evaluate("""() => {
      const area = document.querySelector(".ks-edit-text");
      area.value = "unsent";
      area.dispatchEvent(new Event("input"));
      const head = {edit: 2, body: 2, heading: "", lines: [], readonly: false, place: null};
      window.deliver({type: "body", pane: "edit", version: 2, start: 0, next: null});
      const {generation} = window.sent.findLast((one) => one.type === "window" && one.pane === "edit");
      window.deliver({type: "patch", pane: "edit", generation, seq: 1, head});
    }""")
    assert await offered.input_value() == "unsent"


async def test_unanswered_text_is_sent_again(editor_end: RecordedKernel) -> None:
    """It is sent with the next sign of life; until it is answered, the browser asks before it leaves the page."""
    page = editor_end.page
    editor = await open_editor(editor_end)
    await page.evaluate("window.later = setTimeout; window.setTimeout = (call, time) => later(call, time / 50);")
    await editor.press_sequentially("mine")
    await editor_end.wait_sent("text", 1)

    async def is_sent_again() -> bool:
        await editor_end.deliver({"type": "heartbeat", "sent": {}})
        return len(await editor_end.sent("text")) > 1

    await eventually(is_sent_again, "the text is sent again")
    assert await page.evaluate(_LEAVE)
    await page.evaluate("window.setTimeout = window.later")

    async def is_left() -> bool:
        for sent in await editor_end.sent("text"):
            await editor_end.deliver({"type": "reply", "id": sent["id"], "version": 2, "problem": ""})
        return not await page.evaluate(_LEAVE)

    await eventually(is_left, "the page is left without a question")


async def test_exception_in_a_handler_is_reported(kernel_end: RecordedKernel) -> None:
    """The header says so, and the kernel gets its place, once and without its message; what comes next is shown."""
    generation = (await kernel_end.wait_sent("window", 1))["generation"]
    for _ in range(2):
        await kernel_end.deliver({**tree_facts(generation, 0, 0, 1), "type": "rows"})
    await kernel_end.page.locator(".ks-failure", has_text="internal error: TypeError in virtual_list.js").wait_for()
    await kernel_end.rows(["a"], generation=generation)
    await kernel_end.wait_names("a")
    (failure,) = await kernel_end.sent("failure")
    assert isinstance(parse(failure, []).body, Failure)
    assert failure["text"].startswith("TypeError, while: message rows\n    at ")
    assert "undefined" not in failure["text"]


async def test_closed_view_leaves_no_listener(kernel_end: RecordedKernel) -> None:
    await kernel_end.page.evaluate("window.cleanup()")
    await kernel_end.wait_sent("bye", 1)
    assert await kernel_end.page.evaluate("window.model.listeners.size") == 0


async def test_ten_million_rows_are_reached_by_the_wheel(kernel_end: RecordedKernel) -> None:
    """Rows beyond what an element can be high are scaled: the wheel moves by rows, and the last one is reached.

    Nor does an earlier turn of the wheel count once a key has moved the cursor.
    """
    total = 10_000_000
    generation = (await kernel_end.wait_sent("window", 1))["generation"]
    names = [f"k{number}" for number in range(60)]
    await kernel_end.rows(names, generation=generation, total=total)
    page = kernel_end.page
    await page.locator(".ks-pane-tree .ks-row").first.wait_for()
    assert await page.locator(".ks-pane-tree .ks-row").count() < 40
    await page.locator(".ks-pane-tree .ks-scroller").hover()
    await page.mouse.wheel(0, 100)

    async def is_moved() -> bool:
        return (await kernel_end.names())[0] == "k5"

    await eventually(is_moved, "the wheel moves by five rows")
    asked = len(await kernel_end.sent("window"))
    facts = {**tree_facts(generation, 1, 0, total), "cursor": total - 1, "reveals": 1}
    await kernel_end.deliver({**facts, "type": "patch", "length": len(names), "changes": []})
    assert (await kernel_end.wait_sent("window", asked + 1))["step"] == 0
    await page.evaluate("() => { const list = document.querySelector('.ks-scroller'); list.scrollTop = 1e9; }")

    async def asks_for_the_end() -> bool:
        asked = (await kernel_end.sent("window"))[-1]
        return bool(asked["start"] + asked["count"] >= total)

    await eventually(asks_for_the_end, "the rows at the end are asked for")
