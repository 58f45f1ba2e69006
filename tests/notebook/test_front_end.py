"""The front end without a kernel: a blank page, a model that records what is sent, and messages that are replayed."""

import re
from collections.abc import AsyncIterator
from typing import Final

import pytest_asyncio
from playwright.async_api import Browser

from explorer.session.actions import TYPING_IGNORED
from tests.notebook.recorded_kernel import STOPPED_CLOCK, RecordedKernel, recorded_view, tree_facts, tree_row
from tests.servers.waiting import eventually
from widgets.messages import Failure, parse

_QUESTION: Final = {
    "type": "dialog", "dialog": 1, "title": "", "options": [{"title": name, "details": ""} for name in ("No", "Yes")],
    "searching": False, "buttons": True, "lines": [], "facts": [], "note": "", "dangerous": False, "typed": "",
    "label": "", "text": "", "problem": "",
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def kernel_end(browser: Browser) -> AsyncIterator[RecordedKernel]:
    """A view of a tree in a blank page, which was greeted and has asked for rows."""
    async with recorded_view(browser, "tree") as recorded:
        await recorded.wait_sent("window", 1)
        yield recorded


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
    async with recorded_view(browser, *panes) as recorded:
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
    await kernel_end.page.evaluate(STOPPED_CLOCK)
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
