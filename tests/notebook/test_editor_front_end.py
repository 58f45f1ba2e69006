"""The editor without a kernel: what is typed is sent, or offered to be copied, and never lost in silence."""

from collections.abc import AsyncIterator
from typing import Final

import pytest_asyncio
from playwright.async_api import Browser, Locator

from explorer.session.actions import TYPING_IGNORED
from tests.notebook.recorded_kernel import STOPPED_CLOCK, RecordedKernel, recorded_view
from tests.servers.waiting import eventually

_LEAVE: Final = "() => !window.dispatchEvent(new Event('beforeunload', {cancelable: true}))"
"""Returns whether the page asks before it is left."""


@pytest_asyncio.fixture(loop_scope="session")
async def editor_end(browser: Browser) -> AsyncIterator[RecordedKernel]:
    """A view of a tree and a value in a blank page, which was greeted and has asked for both, and for the editor."""
    async with recorded_view(browser, "tree", "value") as recorded:
        await recorded.wait_sent("window", 4)
        yield recorded


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
    await page.evaluate(STOPPED_CLOCK)
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
    """The kernel refuses it, or another view closes the edit before it is sent."""
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
