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
class Hall:
    """Frames, and what they told when."""

    rate: float = 0.0
    told: list[tuple[float, Part]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.frames = Notifier()
        self.frames.subscribe(lambda parts: self.told.append((time.monotonic(), parts)))

    def pauses(self, part: Part) -> list[float]:
        """Give the seconds between the tellings of a part."""
        moments = [moment for moment, parts in self.told if parts & part]
        return [after - before for before, after in pairwise(moments)]


@asynccontextmanager
async def running(rate: float = 0.0) -> AsyncGenerator[Hall, None]:
    hall = Hall(rate)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hall.frames.run(lambda: False, lambda: hall.rate))
        yield hall
        task.cancel()


async def until_told(hall: Hall, part: Part, times: int) -> None:
    """Go on telling a part until it was passed on so often."""
    async with asyncio.timeout(PATIENCE):
        while sum(bool(parts & part) for _, parts in hall.told) < times:
            hall.frames.mark_dirty(part)
            await asyncio.sleep(0)


async def test_dirty_part_is_notified_once_per_frame() -> None:
    async with running() as hall:
        await until_told(hall, Part.TREE, 4)
    assert min(hall.pauses(Part.TREE)) >= FRAME_INTERVAL * 0.9


async def test_high_event_rate_throttles_notifications() -> None:
    async with running(rate=HIGH_EVENT_RATE) as hall:
        await until_told(hall, Part.CHANGES, 3)
    assert min(hall.pauses(Part.CHANGES)) >= THROTTLED_INTERVALS[Part.CHANGES] * 0.9


async def test_high_event_rate_notifies_user_parts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still until it is told: nothing else could be the reason that what waits for a calmer pace waits."""
    now = 1000.0

    def go_on(parts: Part) -> None:
        nonlocal now
        if parts & Part.DETAIL:
            now += 2 * THROTTLED_INTERVALS[Part.TREE]

    monkeypatch.setattr(notifier, "time", SimpleNamespace(monotonic=lambda: now))
    async with asyncio.timeout(PATIENCE), running(rate=HIGH_EVENT_RATE) as hall:
        hall.frames.subscribe(go_on)
        hall.frames.mark_dirty(Part.TREE)
        await hall.frames.wait_idle()
        hall.frames.mark_dirty(Part.TREE)
        hall.frames.mark_dirty(Part.DETAIL)
        await hall.frames.wait_idle()
    assert [parts for _, parts in hall.told] == [Part.TREE, Part.DETAIL, Part.TREE]


async def test_wait_idle_returns_after_the_notification() -> None:
    async with running(rate=HIGH_EVENT_RATE) as hall:
        for part in (Part.TREE, Part.LIVENESS):
            hall.frames.mark_dirty(part)
            await hall.frames.wait_idle()
            assert hall.told[-1][1] == part
