"""The app as a person meets it: keys go in, lines of text come out. Tests wait until it is idle, never for a time."""

import asyncio
import unicodedata
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual import _wait
from textual.pilot import Pilot

from explorer.drivers.base import Store
from explorer.journal import Journal
from explorer.model.clock import SystemClock
from explorer.opener import opener
from explorer.session.actions import Actions
from explorer.session.commands import ACTIONS
from explorer.session.decoder import ValueCodecs
from explorer.session.internal_errors import InternalErrors
from explorer.session.session import Session
from explorer.tui.app import Keyscope
from explorer.tui.dialogs.base import Dialog

PATIENCE = 30.0
"""Seconds after which waiting for something is given up."""
NARROW, WIDE = (80, 24), (160, 50)

# Textual's pilot takes an app for idle that used less than 1 ms of processor time in 20 ms. Looking five times as often
# halves the time of these tests.
_wait.SLEEP_GRANULARITY, _wait.SLEEP_IDLE = 0.004, 0.0015
_wait.wait_for_idle.__defaults__ = (_wait.SLEEP_GRANULARITY, 1)


@dataclass(frozen=True, slots=True)
class Page:
    """The running app."""

    app: Keyscope
    session: Session
    pilot: Pilot[None]

    async def settle(self) -> None:
        """Wait until everything that was caused by a key is done and drawn."""
        await self.pilot.pause()
        await self._until_idle()

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, and wait until all is done."""
        for key in keys:
            await self.pilot.press(key)
            await self._until_idle()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.pilot.press(*map(_key, text))
        await self._until_idle()

    async def leave_editor(self, *answer: str) -> None:
        """Leave the editor with unsaved text, and answer the question with keys."""
        await self.press("escape")
        await self.shows("Leave and keep the draft")
        await self.press(*answer)

    async def _until_idle(self) -> None:
        await asyncio.wait_for(self.session.idle(), PATIENCE)
        await self.pilot.pause()
        await self.until(self._is_drawn, "a dialog is drawn: some accept no key before")

    def _is_drawn(self) -> bool:
        screens = self.app.screen_stack
        return not (screens and isinstance(screens[-1], Dialog) and screens[-1].shown_at is None)

    def lines(self) -> list[str]:
        """Return what is on the screen, line by line."""
        screen = self.app.screen
        width, height = self.app.size
        del width
        strips = screen._compositor.render_strips()  # noqa: SLF001 - Textual has no other way to its text
        return [strip.text.rstrip() for strip in strips[:height]]

    def text(self) -> str:
        """Return the whole screen."""
        return "\n".join(self.lines())

    def find(self, words: str) -> str:
        """Return the first line with some words in it."""
        found = next((line for line in self.lines() if words in line), None)
        assert found is not None, f"{words!r} is not on the screen:\n{self.text()}"
        return found

    async def shows(self, *words: str) -> None:
        """Wait until all these words are on the screen."""

        def are_shown() -> bool:
            text = self.text()  # once: it draws the screen
            return all(word in text for word in words)

        await self.until(are_shown, f"{words} on the screen")

    async def hides(self, words: str) -> None:
        """Wait until words are no longer on the screen."""
        await self.until(lambda: words not in self.text(), f"{words!r} gone")

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    await self.pilot.pause()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never: {what}\n{self.text()}") from None


def _key(letter: str) -> str:
    """Name the key of a letter by Unicode's name, which is how a pilot finds out what is neither letter nor digit."""
    return letter if letter.isalnum() else unicodedata.name(letter).lower()


@asynccontextmanager
async def browsing(
    store: str | Callable[[], Store],
    codecs: ValueCodecs,
    *,
    size: tuple[int, int] = NARROW,
    writable: bool = False,
    drafts: Path | None = None,
    plans: Path | None = None,
    errors: InternalErrors | None = None,
    clock: SystemClock | None = None,
    actions: Actions = ACTIONS,
    typing_pause: float = 0.0,
    journal: Journal | None = None,
    asks_reason: bool = False,
) -> AsyncGenerator[Page, None]:
    """Run the app on a store. An unexpected exception fails the test, unless there are `errors` to report it to.

    Tests press keys as soon as they see a screen, so by default no pause is expected before them.
    """
    connect = opener(store) if isinstance(store, str) else store
    async with Session(
        connect,
        codecs,
        writable=writable,
        drafts=drafts,
        errors=errors,
        clock=clock,
        actions=actions,
        journal=journal,
        asks_reason=asks_reason,
        plans=plans,
    ) as session:
        app = Keyscope(session, errors=errors)
        app.typing_pause = typing_pause
        async with app.run_test(size=size, notifications=True) as pilot:
            page = Page(app, session, pilot)
            await page.settle()
            yield page
