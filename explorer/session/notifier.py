"""Telling views what changed: at most once per frame, however much happens."""

import asyncio
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from explorer.session.states import Part

FRAME: Final = 1 / 30
"""Seconds between two tellings at least."""
MANY: Final = 500.0
"""Events per second from which on a store does more than anybody can follow."""
CALM: Final[Mapping[Part, float]] = MappingProxyType({Part.TREE: 0.1, Part.LIVENESS: 0.1, Part.CHANGES: 0.25})
"""Seconds from then on between two tellings of what the store does. All drawing is time in which no key is heard."""

Subscriber: TypeAlias = Callable[[Part], None]


class Notifier:
    """What is to be told, and to whom. Before each telling `fold` is called: it takes in what waits."""

    def __init__(self, fold: Callable[[], bool], rate: Callable[[], float] = lambda: 0.0) -> None:
        """Prepare.

        Args:
            fold: Takes in what waits, tells of it through `tell`, and says whether something waits still.
            rate: Gives the events per second.
        """
        self._fold = fold
        self._rate = rate
        self._last = dict.fromkeys(CALM, 0.0)
        self._parts = Part(0)
        self._subscribers: list[Subscriber] = []
        self._due = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def subscribe(self, told: Subscriber) -> Callable[[], None]:
        """Have a function called with the parts that changed; gives what ends that."""
        self._subscribers.append(told)

        def end() -> None:
            if told in self._subscribers:
                self._subscribers.remove(told)

        return end

    def tell(self, part: Part) -> None:
        """Say that a part changed."""
        self._parts |= part
        self.wake()

    def wake(self) -> None:
        """Say that something waits to be folded."""
        self._due.set()
        self._quiet.clear()

    @property
    def quiet(self) -> bool:
        """Whether everything was told."""
        return self._quiet.is_set()

    async def told(self) -> None:
        """Wait until everything was told."""
        await self._quiet.wait()

    async def run(self) -> None:
        """Tell, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            more = self._fold()
            parts = self._take()
            self._due.clear()
            if parts:
                for told in tuple(self._subscribers):
                    told(parts)
            if more or self._parts:
                self._due.set()
            if not self._due.is_set():
                self._quiet.set()
            await asyncio.sleep(FRAME)

    def _take(self) -> Part:
        """Give what is to be told now; what waits for a calmer pace remains."""
        now = time.monotonic()
        many = self._rate() >= MANY
        calm = Part(0)
        for part, pause in CALM.items():
            if part in self._parts:
                if many and now - self._last[part] < pause:
                    calm |= part
                else:
                    self._last[part] = now
        parts, self._parts = self._parts & ~calm, self._parts & calm
        return parts
