"""The kernel's end of a view in a blank page: a model that records what is sent, and messages that are replayed."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, Page

from explorer.session.actions import ELSEWHERE, HELP_TITLE, TYPING_IGNORED, TYPING_PAUSE
from tests.servers.waiting import eventually
from widgets import front_end

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
STOPPED_CLOCK: Final = "() => { const now = performance.now(); performance.now = () => now; }"
"""Makes all keys as fast as those of one text, however slow the machine is."""
_ACTION: Final = {"title": "", "help": "", "group": "", "priority": 0, "places": ["tree"]}


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
        facts = {
            "labels": {"tree": "Keys"},
            "signs": {},
            "texts": {"help": HELP_TITLE, "elsewhere": ELSEWHERE},
            "typing": {"pause": TYPING_PAUSE, "ignored": TYPING_IGNORED},
        }
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


@asynccontextmanager
async def recorded_view(browser: Browser, *panes: str) -> AsyncIterator[RecordedKernel]:
    """Open a view of some panes in a blank page, and greet it."""
    page = await browser.new_page()
    await page.goto("about:blank")
    await page.evaluate(_MODEL, [front_end.module_text(), front_end.stylesheet(), panes])
    recorded = RecordedKernel(page)
    await recorded.wait_sent("hello", 1)
    await recorded.welcome()
    yield recorded
    await page.close()
