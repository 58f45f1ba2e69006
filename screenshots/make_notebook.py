"""Makes the pictures of the notebook widgets in a real JupyterLab on the demo store: `make screenshots`.

All clocks are stopped, so that ages are the same each time. Without a Chromium or Chrome on PATH the pictures stay as
they are. `make_notebook.py FOLDER` makes every scene in every theme and width, to be looked at.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.notebook.frontend import Frontend, launch_frontend
from tests.notebook.notebook_page import Notebook, Theme
from tests.notebook.widget_view import WidgetView
from tests.servers.require import require_browser

HERE: Final = Path(__file__).resolve().parent
WIDE, NARROW = 1280, 516
"""Widths of the page; the widget has 1100 and 400 of them."""
_DEVICE: Final = "service/access/devices/olt-03"
_LIMITS: Final = "service/access/config/limits.json"
_CELL: Final = 'from widgets import Explorer\n\nexplorer = Explorer("demo:?still", write=True)\nexplorer'
_PREPARATION: Final = f"""
import asyncio, os, tempfile
from datetime import UTC, datetime
from explorer.model.clock import SystemClock

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()  # without drafts of other pictures
SystemClock.now = lambda clock: 1000.0
SystemClock.wall = lambda clock: datetime(2026, 1, 15, 9, 30, tzinfo=UTC)

async def move(steps):
    for _ in range(steps):
        explorer._live.session.connection.store.simulation.step()

async def read_locks():
    session = explorer._live.session
    now = await session.connection.store.locks()
    while getattr(getattr(session.locks.state, "value", None), "locks", None) != now:
        session.locks.request_refresh()
        await asyncio.sleep(0.1)

async def put_other():
    store = explorer._live.session.connection.store
    value = (await store.get({_DEVICE!r})).value
    await store.put({_DEVICE!r}, value.replace(b"exchange-3", b"exchange-9"))
"""
_STILL: Final = "() => { const now = performance.now(); performance.now = () => now; }"
_SETTLED_MS: Final = 300
"""Milliseconds after which a page shows what the kernel sent."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A widget with all panes that pictures are taken of."""

    notebook: Notebook
    view: WidgetView

    async def press(self, *keys: str) -> None:
        """Press keys, by Playwright's names."""
        for key in keys:
            await self.view.page.keyboard.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.view.page.keyboard.type(text)
        await self.settle()

    async def settle(self) -> None:
        """Wait until all is done and drawn."""
        await self.run("explorer._live.session.idle()")
        await self.view.page.wait_for_timeout(_SETTLED_MS)

    async def run(self, coroutine: str) -> None:
        """Await a coroutine of the kernel on the session's loop, in no cell."""
        await self.notebook.kernel_value(f"explorer._live.run({coroutine})")

    async def go(self, key: str) -> None:
        """Go to a key."""
        await self.press(":", "Control+a")
        await self.type(key)
        await self.press("Enter")

    async def move(self, steps: int) -> None:
        """Let the demo store change."""
        await self.run(f"move({steps})")
        await self.settle()


async def _browse(scene: Scene) -> None:
    await scene.go(_DEVICE)
    await scene.move(45)


async def _edit(scene: Scene) -> None:
    await scene.go(_LIMITS)
    await scene.press("e", "Control+Home", "ArrowDown", "End", "Shift+Home")
    await scene.type('  "onus_per_port": 64,')


async def _review(scene: Scene) -> None:
    await _edit(scene)
    await scene.press("Control+s")


async def _conflict(scene: Scene) -> None:
    await scene.go(_DEVICE)
    await scene.press("e", "Control+Home", "ArrowDown", "End", "Shift+Home")
    await scene.type('vendor: "Lumen"')
    await scene.run("put_other()")
    await scene.press("Control+s", "Control+s")


async def _locks(scene: Scene) -> None:
    await scene.go("locks/scheduler")
    await scene.press("ArrowRight")
    await scene.move(30)
    await scene.press("3")


async def _delete(scene: Scene) -> None:
    await scene.go("routing/eu-central")
    await scene.press("d")


async def _frozen(scene: Scene) -> None:
    await scene.go("heartbeats/checkout")
    await scene.press("ArrowRight")
    await scene.move(20)
    await scene.press("f", "4")


async def _history(scene: Scene) -> None:
    await scene.go(_LIMITS)
    await scene.press("2", "]", "]")


async def _filter(scene: Scene) -> None:
    await scene.press("/")
    await scene.type("olt")


async def _type(scene: Scene) -> None:
    await scene.go(_DEVICE)
    await scene.press("t")


async def _help(scene: Scene) -> None:
    await scene.press("?")


SCENES: Final[dict[str, Callable[[Scene], Awaitable[None]]]] = {
    "browse": _browse,
    "edit": _edit,
    "review": _review,
    "conflict": _conflict,
    "locks": _locks,
    "delete": _delete,
    "frozen": _frozen,
    "history": _history,
    "filter": _filter,
    "type": _type,
    "help": _help,
}
"""What is done before a picture is taken."""

PICTURES: Final = {
    "notebook": ("browse", WIDE, Theme.LIGHT),
    "notebook-conflict": ("conflict", WIDE, Theme.DARK),
    "notebook-narrow": ("locks", NARROW, Theme.LIGHT),
}
"""The pictures in this folder: few, because they are not as small as those of the terminal app."""


@asynccontextmanager
async def scene(frontend: Frontend, width: int, theme: Theme) -> AsyncGenerator[Scene, None]:
    """Open the widget on the demo store, with clocks that stand still."""
    notebook = await frontend.open([_CELL], width=width, theme=theme)
    await notebook.kernel_value(f"exec({_PREPARATION!r})")
    await notebook.page.evaluate(_STILL)
    await notebook.evaluate("app.shell.collapseLeft?.(); app.shell.collapseRight?.()", "the side bars are hidden")
    await notebook.run(0)
    view = WidgetView(notebook)
    await view.wait_row("service/")
    await view.focus()
    yield Scene(notebook, view)
    await frontend.close(notebook, keep_page=False)  # whose clock stands still


async def picture(frontend: Frontend, to: Path, name: str, width: int, theme: Theme) -> None:
    """Take the picture of a scene; a wide one with the cell above the widget."""
    async with scene(frontend, width, theme) as found:
        await SCENES[name](found)
        await found.run("read_locks()")  # which are read only every few seconds
        await found.settle()
        notebook = found.notebook
        cell = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first
        await notebook.screenshot(cell if width == WIDE else notebook.widget(0), to, width=width)


async def main(folder: Path | None) -> None:
    """Make the pictures; into a folder, all scenes in all forms."""
    require_browser()  # before anything is started
    async with launch_frontend() as frontend:
        if folder is None:
            for title, (name, width, theme) in PICTURES.items():
                await picture(frontend, HERE / f"{title}.png", name, width, theme)
            return
        for name in SCENES:
            for theme in Theme:
                for width in (WIDE, NARROW):
                    file = folder / f"{name}-{theme.name.lower()}-{width}.png"
                    await picture(frontend, file, name, width, theme)


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else None))
    except pytest.skip.Exception as reason:
        sys.stdout.write(f"no pictures of the notebook widgets: {reason}\n")
