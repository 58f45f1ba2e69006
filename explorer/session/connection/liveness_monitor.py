"""Keeping an eye on liveness: it is judged whenever something happened or time alone changes it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from explorer.model.sanitize import sanitize
from explorer.session.clock import Clock, wait_until
from explorer.session.connection.liveness import NAP, LivenessTracker
from explorer.session.states import Liveness, LivenessStatus, Part

_LOG: Final = logging.getLogger(__package__)

TICK: Final = 1.0
"""Seconds between two looks when nothing happens: ages are told in seconds."""


class LivenessMonitor:
    """Judges the pulse and tells of a change; notices that the machine slept."""

    def __init__(
        self, pulse: LivenessTracker, clock: Clock, tell: Callable[[Part], None], woke: Callable[[], None]
    ) -> None:
        """Prepare.

        Args:
            pulse: What is judged.
            clock: The time that it is judged by.
            tell: Is told of a change, and of each second's age while it is not live.
            woke: Is called after the machine slept, so that everything is proved and read again.
        """
        self._pulse = pulse
        self._clock = clock
        self._tell = tell
        self._woke = woke
        self._beat = asyncio.Event()
        self._asleep = clock.asleep()

    def look(self) -> None:
        """Judge again: something happened."""
        self._beat.set()

    def judge(self) -> Liveness:
        """Tell how it stands this very moment, the machine's sleep until now included."""
        self._notice_sleep()
        return self._pulse.judge(self._clock.now())

    async def run(self) -> None:
        """Judge, until cancelled."""
        told: Liveness | None = None
        while True:
            judged = self.judge()
            if judged.status is not LivenessStatus.LIVE or _differ(judged, told):
                self._tell(Part.LIVENESS)
            if _differ(judged, told):
                _LOG.info("%s: %s", judged.status.value, sanitize(judged.reason))
            told = judged
            now = self._clock.now()
            turn = self._pulse.turns(now)
            await wait_until(self._clock, now + TICK if turn is None else min(turn, now + TICK), self._beat)

    def _notice_sleep(self) -> None:
        asleep = self._clock.asleep()
        slept, self._asleep = asleep - self._asleep, asleep
        if slept > NAP:
            self._pulse.woke(slept, self._clock.now())
            self._woke()


def _differ(judged: Liveness, told: Liveness | None) -> bool:
    return told is None or (judged.status, judged.reason, judged.error, judged.refusal) != (
        told.status,
        told.reason,
        told.error,
        told.refusal,
    )
