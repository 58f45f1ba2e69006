"""Makes the pictures of this folder from the real app on the demo store with a stopped clock: `make screenshots`."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from textual.pilot import Pilot

from explorer.codecs.load import codecs_for
from explorer.drivers.memory.demo.store import DemoStore
from explorer.model.address import parse
from explorer.model.clock import SystemClock
from explorer.session.session import Session
from explorer.session.states import Ready
from explorer.tui.app import Keyscope

HERE: Final = Path(__file__).resolve().parent
NARROW, WIDE = (80, 24), (132, 36)
_LOOKING: Final = 0.1
_DEVICE: Final = "service/access/devices/olt-03"
_LIMITS: Final = "service/access/config/limits.json"


class StillClock(SystemClock):
    """A clock that always returns one moment of a winter morning."""

    def now(self) -> float:
        """Return the same moment always."""
        return 1000.0

    def wall(self) -> datetime:
        """Return the same time of day always."""
        return datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scene:
    """The app that pictures are taken of."""

    app: Keyscope
    session: Session
    pilot: Pilot[None]
    store: DemoStore

    async def settle(self) -> None:
        """Wait until all is done and drawn."""
        for _ in range(3):
            await self.pilot.pause()
            await self.session.idle()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Type a text."""
        names = {"/": "slash", "-": "minus", ".": "full_stop", '"': "quotation_mark", ",": "comma", ":": "colon"}
        await self.pilot.press(*(names.get(letter, letter).replace(" ", "space") for letter in text))
        await self.settle()

    async def go(self, key: str) -> None:
        """Go to a key."""
        await self.press("colon")
        await self.type(key)
        await self.press("enter")

    async def locks_read(self) -> None:
        """Wait until the lock table is up to date; it is read only every few seconds."""
        now = await self.store.locks()
        while not (isinstance(state := self.session.locks.state, Ready) and state.value.locks == now):
            self.session.locks.request_refresh()
            await asyncio.sleep(_LOOKING)
        await self.settle()

    async def move(self, steps: int) -> None:
        """Let the demo store change."""
        assert self.store.simulation is not None  # noqa: S101 - it is connected
        for _ in range(steps):
            self.store.simulation.step()
        await self.settle()


Act = Callable[[Scene], Awaitable[None]]


async def _browse(scene: Scene) -> None:
    await scene.go(_DEVICE)
    await scene.move(45)


async def _edit(scene: Scene) -> None:
    await scene.go(_LIMITS)
    await scene.press("e", "down", "end", "ctrl+u")
    await scene.type('  "onus_per_port": 64,')
    await scene.press("ctrl+s")


async def _conflict(scene: Scene) -> None:
    await scene.go(_DEVICE)
    await scene.press("e", "down", "end", "ctrl+u")
    await scene.type('vendor: "Lumen"')
    message = await scene.store.get(_DEVICE)
    assert message.value is not None  # noqa: S101 - the demo's devices have values
    await scene.store.put(_DEVICE, message.value.replace(b"exchange-3", b"exchange-9"))
    await scene.press("ctrl+s", "ctrl+s")


async def _locks(scene: Scene) -> None:
    await scene.go("locks/scheduler")
    await scene.press("right")
    await scene.move(30)
    await scene.press("3")


async def _delete(scene: Scene) -> None:
    await scene.go("routing/eu-central")
    await scene.press("d")


async def _hostile(scene: Scene) -> None:
    await scene.go("odd/escape-")
    await scene.press("right")
    await scene.press(*["down"] * 5)


async def _help(scene: Scene) -> None:
    await scene.press("question_mark")


SCENES: Final[dict[str, tuple[Act, tuple[int, int], str]]] = {
    "browse": (_browse, WIDE, "keyscope-dark"),
    "browse-light": (_browse, WIDE, "keyscope-light"),
    "browse-80x24": (_browse, NARROW, "keyscope-dark"),
    "review": (_edit, NARROW, "keyscope-dark"),
    "conflict": (_conflict, WIDE, "keyscope-dark"),
    "locks": (_locks, NARROW, "keyscope-dark"),
    "delete": (_delete, NARROW, "keyscope-dark"),
    "harmless": (_hostile, NARROW, "keyscope-contrast"),
    "help": (_help, NARROW, "keyscope-dark"),
}
"""The pictures: the keys pressed before, the size in cells, and the theme."""


@asynccontextmanager
async def scene(size: tuple[int, int], theme: str) -> AsyncGenerator[Scene, None]:
    """Open the app on the demo store."""
    first = DemoStore(parse("demo:?still"))
    await first.connect()
    async with Session(first.clone, codecs_for(first), writable=True, clock=StillClock()) as session:
        app = Keyscope(session, theme=theme)
        async with app.run_test(size=size) as pilot:
            found = Scene(app, session, pilot, first)
            await found.settle()
            yield found
    await first.close()


async def picture(name: str) -> str:
    """Return a picture as SVG."""
    act, size, theme = SCENES[name]
    async with scene(size, theme) as found:
        await act(found)
        await found.locks_read()
        return found.app.export_screenshot(title=f"keyscope demo: ({size[0]}x{size[1]})")


def main() -> None:
    """Make all pictures."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        os.environ.pop(name, None)
    for name in SCENES:
        (HERE / f"{name}.svg").write_text(asyncio.run(picture(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
