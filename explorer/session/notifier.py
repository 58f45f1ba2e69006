"""Notifier of subscribers: passes on which parts changed, at most once per frame."""

import asyncio
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from explorer.session.states import Part

FRAME_INTERVAL: Final = 1 / 30
"""Minimum number of seconds between two notifications."""
HIGH_EVENT_RATE: Final = 500.0
"""Events per second from which on nobody can follow each change."""
THROTTLED_INTERVALS: Final[Mapping[Part, float]] = MappingProxyType(
    {Part.TREE: 0.1, Part.LIVENESS: 0.1, Part.CHANGES: 0.25}
)
"""Minimum number of seconds between two notifications of a part at a high event rate: no key is read while drawing."""

Subscriber: TypeAlias = Callable[[Part], None]


class Notifier:
    """Collects dirty parts and notifies subscribers of them once per frame."""

    def __init__(self) -> None:
        self._dirty = Part(0)
        self._last_sent = dict.fromkeys(THROTTLED_INTERVALS, 0.0)
        self._subscribers: list[Subscriber] = []
        self._frame_requested = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def subscribe(self, on_change: Subscriber) -> Callable[[], None]:
        """Call a function with the parts that change; return a function that ends the subscription."""
        self._subscribers.append(on_change)

        def unsubscribe() -> None:
            if on_change in self._subscribers:
                self._subscribers.remove(on_change)

        return unsubscribe

    def mark_dirty(self, part: Part) -> None:
        """Notify subscribers in the next frame that a part changed."""
        self._dirty |= part
        self.request_frame()

    def request_frame(self) -> None:
        """Apply pending events in the next frame."""
        self._frame_requested.set()
        self._idle.clear()

    @property
    def is_idle(self) -> bool:
        """True if subscribers were notified of everything."""
        return self._idle.is_set()

    async def wait_idle(self) -> None:
        """Wait until subscribers were notified of everything."""
        await self._idle.wait()

    async def run(self, apply_pending: Callable[[], bool], event_rate: Callable[[], float]) -> None:
        """Notify subscribers, until cancelled.

        Args:
            apply_pending: Called before each notification to apply events; it marks what changed as dirty, and
                returns whether events are left for the next frame.
            event_rate: Returns the events per second.
        """
        while True:
            await self._frame_requested.wait()
            self._frame_requested.clear()
            has_more = apply_pending()
            parts = self._take_dirty(is_throttled=event_rate() >= HIGH_EVENT_RATE)
            self._frame_requested.clear()
            if parts:
                for on_change in tuple(self._subscribers):
                    on_change(parts)
            if has_more or self._dirty:
                self._frame_requested.set()
            if not self._frame_requested.is_set():
                self._idle.set()
            await asyncio.sleep(FRAME_INTERVAL)

    def _take_dirty(self, *, is_throttled: bool) -> Part:
        """Return the dirty parts to notify of now; throttled ones stay dirty."""
        now = time.monotonic()
        deferred = Part(0)
        for part, interval in THROTTLED_INTERVALS.items():
            if part in self._dirty:
                if is_throttled and now - self._last_sent[part] < interval:
                    deferred |= part
                else:
                    self._last_sent[part] = now
        parts, self._dirty = self._dirty & ~deferred, self._dirty & deferred
        return parts
