"""Views are told at most once per frame; of a store that does more than anybody can follow, less often than that."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace

import pytest

from explorer.session import notifier
from explorer.session.notifier import FRAME_INTERVAL, HIGH_EVENT_RATE, THROTTLED_INTERVALS, Notifier
from explorer.session.states import Part

PATIENCE = 60.0


@dataclass
class NotifierHarness:
    """Frames, and what they told when."""

    rate: float = 0.0
    notified: list[tuple[float, Part]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.frames = Notifier()
        self.frames.subscribe(lambda parts: self.notified.append((time.monotonic(), parts)))

    def pauses(self, part: Part) -> list[float]:
        """Return the seconds between the notifications of a part."""
        moments = [moment for moment, parts in self.notified if parts & part]
        return [after - before for before, after in pairwise(moments)]


@asynccontextmanager
async def running(rate: float = 0.0) -> AsyncGenerator[NotifierHarness, None]:
    harness = NotifierHarness(rate)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(harness.frames.run(lambda: False, lambda: harness.rate))
        yield harness
        task.cancel()


async def notify_until(harness: NotifierHarness, part: Part, times: int) -> None:
    """Go on telling a part until it was passed on so often."""
    async with asyncio.timeout(PATIENCE):
        while sum(bool(parts & part) for _, parts in harness.notified) < times:
            harness.frames.mark_dirty(part)
            await asyncio.sleep(0)


async def test_dirty_part_is_notified_once_per_frame() -> None:
    async with running() as harness:
        await notify_until(harness, Part.TREE, 4)
    assert min(harness.pauses(Part.TREE)) >= FRAME_INTERVAL * 0.9


async def test_high_event_rate_throttles_notifications() -> None:
    async with running(rate=HIGH_EVENT_RATE) as harness:
        await notify_until(harness, Part.CHANGES, 3)
    assert min(harness.pauses(Part.CHANGES)) >= THROTTLED_INTERVALS[Part.CHANGES] * 0.9


async def test_high_event_rate_notifies_user_parts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still until it is told: nothing else could be the reason that what waits for a calmer pace waits."""
    now = 1000.0

    def go_on(parts: Part) -> None:
        nonlocal now
        if parts & Part.DETAIL:
            now += 2 * THROTTLED_INTERVALS[Part.TREE]

    monkeypatch.setattr(notifier, "time", SimpleNamespace(monotonic=lambda: now))
    async with asyncio.timeout(PATIENCE), running(rate=HIGH_EVENT_RATE) as harness:
        harness.frames.subscribe(go_on)
        harness.frames.mark_dirty(Part.TREE)
        await harness.frames.wait_idle()
        harness.frames.mark_dirty(Part.TREE)
        harness.frames.mark_dirty(Part.DETAIL)
        await harness.frames.wait_idle()
    assert [parts for _, parts in harness.notified] == [Part.TREE, Part.DETAIL, Part.TREE]


async def test_wait_idle_returns_after_the_notification() -> None:
    async with running(rate=HIGH_EVENT_RATE) as harness:
        for part in (Part.TREE, Part.LIVENESS):
            harness.frames.mark_dirty(part)
            await harness.frames.wait_idle()
            assert harness.notified[-1][1] == part
