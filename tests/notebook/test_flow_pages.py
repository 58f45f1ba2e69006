"""Dialogs, prompts and panes of a widget in a real page, by keys and mouse."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from playwright.async_api import Locator

from explorer import open as open_store
from tests.notebook.frontend import Frontend
from tests.notebook.notebook_page import Notebook, Theme
from tests.servers.waiting import eventually

IN_SIGHT = """
    root => [...root.querySelectorAll('[data-pane]')]
        .filter(pane => pane.checkVisibility({visibilityProperty: true})).map(pane => pane.dataset.pane)
"""
CUT_OFF = """
    root => [...root.children].filter(child => child.getBoundingClientRect().right > root.getBoundingClientRect().right)
        .map(child => child.className)
"""
FOCUSED = "document.activeElement?.closest('[data-pane]')?.dataset.pane ?? null"


class Explorer:
    """A widget with all panes, in the first cell of a notebook."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root = notebook.output(0).locator(".ks-root")
        self.dialog = self.root.get_by_role("dialog")

    def row(self, text: str, pane: str = "tree") -> Locator:
        """Return a row by a text in it."""
        return self.root.locator(f".ks-pane-{pane} .ks-row", has_text=text)

    async def press(self, *keys: str) -> None:
        """Press keys, by Playwright's names."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, text: str, *keys: str) -> None:
        """Type a text, and press keys then."""
        await self.page.keyboard.type(text)
        await self.press(*keys)

    async def wait(self, read: Callable[[], Awaitable[object]], wanted: object, what: str) -> None:
        """Wait until something is as wanted."""

        async def holds() -> bool:
            return await read() == wanted

        await eventually(holds, f"{what} is {wanted}")

    async def wait_focus(self, pane: str | None) -> None:
        """Wait until a pane has the focus; None for no pane."""
        await self.wait(lambda: self.page.evaluate(FOCUSED), pane, "the focused pane")

    async def wait_cursor(self, name: str) -> None:
        """Wait until the tree's cursor is on a name."""
        await self.row(name).and_(self.root.locator(".ks-cursor")).wait_for()

    async def wait_notice(self, text: str) -> None:
        """Wait until a notice is shown."""
        await self.root.locator(".ks-notice-line", has_text=text).first.wait_for()

    async def panes(self) -> list[str]:
        """Return the names of the panes in sight."""
        names: list[str] = await self.root.evaluate(IN_SIGHT)
        return names


async def open_explorer(frontend: Frontend, place: str, options: str = "") -> Explorer:
    """Open a notebook with a widget, and another cell after it."""
    cell = f"from widgets import Explorer\nexplorer = Explorer({place!r}{options})\nexplorer"
    notebook = await frontend.open([cell, "1 + 1"], width=1400)
    await notebook.run(0)
    return Explorer(notebook)


async def test_keys_are_found_copied_and_deleted(frontend: Frontend, place: str) -> None:
    """Filter, completion, clipboard, and a deletion that needs the typed name, on a real etcd."""
    async with open_store(place) as store:
        for key in ("config/db/host", "config/db/port", "service/alpha", "service/beta"):
            await store.put(key, b"1")
        shown = await open_explorer(frontend, place, ", write=True")
        await shown.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await shown.row("service/").click()
        await shown.press("ArrowRight")
        await shown.row("beta").wait_for()

        await shown.press("/")
        await shown.type("bet")
        await shown.row("alpha").wait_for(state="detached")
        await shown.root.locator(".ks-prompt-comment", has_text="1 of").wait_for()
        await shown.press("Enter")
        await shown.wait_focus("tree")
        await shown.press("Escape")
        await shown.row("alpha").wait_for()

        await shown.press(":", "Control+a")
        await shown.type("config/d")
        await shown.root.locator(".ks-prompt-comment", has_text="config/db/").wait_for()
        await shown.press("Tab")
        await shown.type("port", "Enter")
        await shown.wait_cursor("port")
        await shown.wait_focus("tree")

        await shown.press("y")
        await shown.dialog.filter(has_text="keyscope get etcd://").wait_for()
        await shown.press("1")
        await shown.wait_notice("copied: key")
        assert await shown.page.evaluate("navigator.clipboard.readText()") == "config/db/port"
        await shown.page.context.clear_permissions()
        await shown.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(Error('refused')); }")
        await shown.press("Control+p")
        await shown.type("copy", "Enter")
        await shown.dialog.filter(has_text="Copy").wait_for()
        await shown.press("1")
        refused = shown.dialog.locator("textarea")
        assert await refused.input_value() == "config/db/port"
        await shown.press("Escape")

        await shown.press("h", "d")
        await refuse_unconfirmed(shown)
        await shown.press("d")
        await shown.dialog.wait_for()
        await shown.type("db", "Enter")
        await shown.wait_notice("deleted 2 entries")
        left = [child.key for child in (await store.children("", limit=9)).items]
        assert left == ["service"]
        assert shown.notebook.console.errors == []


async def refuse_unconfirmed(shown: Explorer) -> None:
    """Try to confirm a deletion without the typed name, and go back."""
    await shown.dialog.filter(has_text="Everything below config/db: 2 entries").wait_for()
    assert await shown.dialog.locator(".ks-danger").is_disabled()
    await shown.press("Enter", "Tab", "Tab", "Tab")
    assert await shown.dialog.locator(":focus").count() == 1  # the focus stays inside
    await shown.press("Escape")
    await shown.wait_notice("nothing was deleted")
    await shown.wait_focus("tree")


async def test_panes_of_locks_and_changes(frontend: Frontend, place: str) -> None:
    """A holder's time counts down in the page, waiters stand in order, and changes keep their place."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(place)) for _ in range(3)]
        await stack.enter_async_context(stores[0].lock("jobs/nightly", ttl=30))
        for waiters, store in enumerate(stores[1:]):
            task = asyncio.create_task(store.lock("jobs/nightly").__aenter__())
            stack.callback(task.cancel)

            async def is_queued(waiters: int = waiters) -> bool:
                return [len(lock.waiters) for lock in await stores[0].locks()] == [waiters + 1]

            await eventually(is_queued, "the waiter is in the queue")
        shown = await open_explorer(frontend, place)
        locks = shown.root.locator(".ks-pane-locks")
        await locks.locator(".ks-title", has_text="1 held, 2 waiting").wait_for()
        assert await locks.locator(".ks-sign").all_inner_texts() == ["", "●", "1.", "2."]
        times = await seconds_left(locks)

        async def is_counting() -> bool:
            return await seconds_left(locks) < times

        await eventually(is_counting, "the time left counts down")
        await shown.row("jobs/nightly", "locks").click()
        await shown.press("ArrowDown", "Enter")
        await shown.wait_focus("tree")
        holder = (await stores[0].locks())[0].holder
        assert holder is not None
        await shown.wait_cursor(holder.key.rpartition("/")[2])

        for number in range(60):
            await stores[0].put(f"k{number:02}", b"1")
        changes = shown.root.locator(".ks-pane-changes")
        await shown.row("k59", "changes").wait_for()
        first = changes.locator(".ks-row").first
        assert "k59" in await first.inner_text()
        await shown.press("4")
        await shown.wait_focus("changes")
        await shown.press("End")
        await shown.row("k00", "changes").wait_for()
        await changes.locator(".ks-newer").wait_for()
        before = await changes.locator(".ks-name").all_inner_texts()
        await stores[0].put("newest", b"1")
        await changes.locator(".ks-title", has_text="61").wait_for()
        assert await changes.locator(".ks-name").all_inner_texts() == before
        await changes.locator(".ks-newer").click()
        await shown.row("newest", "changes").wait_for()
        assert shown.notebook.console.errors == []


async def seconds_left(locks: Locator) -> list[float]:
    """Return the times left in the locks pane."""
    texts = await locks.locator(".ks-time").all_inner_texts()
    return [float(found[1]) for text in texts if (found := re.match(r"([\d.]+)s left", text))]


async def test_layout_follows_width_and_keys(frontend: Frontend) -> None:
    """All panes in a wide page, one beside the tree, or one alone; focus stays inside until it is let go."""
    shown = await open_explorer(frontend, "demo:")
    await shown.row("config/").click()
    await shown.wait(shown.panes, ["tree", "value", "locks", "changes"], "panes in sight")
    for pane in ("value", "locks", "changes", "tree"):
        await shown.press("Tab")
        await shown.wait_focus(pane)
    await shown.press("3", "+")
    await shown.wait(shown.panes, ["locks"], "panes in sight")
    await shown.press("Escape", "s")
    await shown.wait(shown.panes, ["tree", "value"], "panes in sight")
    await shown.press("s", "3")
    await shown.wait_focus("locks")
    await shown.press("?")
    await shown.dialog.filter(has_text="Keys in the locks").wait_for()
    await shown.dialog.filter(has_text="Fencing token").wait_for()
    await shown.press("Escape")

    await shown.page.set_viewport_size({"width": 400, "height": 900})
    await shown.notebook.evaluate("app.shell.collapseLeft()", "the side bar is hidden")
    await shown.press("1")
    await shown.wait(shown.panes, ["tree"], "panes in sight")
    await shown.root.get_by_role("tab", name="4 Changes").click()
    await shown.wait_focus("changes")
    await shown.wait(shown.panes, ["changes"], "panes in sight")
    assert await shown.root.evaluate(CUT_OFF) == []
    await shown.press("Escape", "Escape", "Tab")
    await shown.wait_focus(None)
    assert await shown.root.locator(":focus").count() == 0

    await shown.notebook.set_theme(Theme.DARK)
    colours = await shown.root.evaluate(
        "root => [getComputedStyle(root).backgroundColor, getComputedStyle(root).color]"
    )
    back, text = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert back < 150 < text
    await shown.notebook.execute("explorer.height = 300")
    await shown.wait(lambda: shown.root.evaluate("root => root.offsetHeight"), 300, "the height")
    await shown.notebook.execute("explorer.close()")
    await shown.root.wait_for(state="detached")
    assert shown.notebook.console.errors == []
