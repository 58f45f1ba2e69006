"""Heartbeat: periodic pings that prove that the store's authority answers on the watch's own connection."""

import asyncio
from collections.abc import Callable
from typing import Final

from explorer.drivers.base import PING_TIMEOUT, Store
from explorer.model.clock import SystemClock, wait_until
from explorer.model.entries import Revision
from explorer.model.errors import Denied, ExplorerError, Timeout
from explorer.session.connection.liveness import LivenessTracker

PING_INTERVAL: Final = 2.0
"""Seconds from one ping to the next."""
_RETRY_INTERVAL: Final = 0.5
"""Seconds to the next ping after one that failed at once."""
_TIMEOUT_MARGIN: Final = 0.25
"""Seconds beyond the driver's own timeout, whose error says more."""


class Heartbeat:
    """Pings the store every `PING_INTERVAL` seconds, and at once on `ping_now`.

    One ping proves two things: the store's authority answers, and the session's connection carries data. A silent
    watch may stand on a connection that the network dropped long ago; a ping on another connection would not show it.
    """

    def __init__(
        self,
        tracker: LivenessTracker,
        clock: SystemClock,
        *,
        on_ping: Callable[[Revision | None], None],
        on_recovery: Callable[[], None],
    ) -> None:
        """Prepare the heartbeat.

        Args:
            tracker: Records each answer and each failure.
            clock: Clock of the proofs.
            on_ping: Called after each ping, with the newest revision if the store returned one.
            on_recovery: Called when a ping is answered after the proof before had expired.
        """
        self._tracker = tracker
        self._clock = clock
        self._on_ping = on_ping
        self._on_recovery = on_recovery
        self._ping_requested = asyncio.Event()
        self._refusal: ExplorerError | None = None

    def ping_now(self) -> None:
        """Send the next ping at once."""
        self._ping_requested.set()

    async def run(self, store: Store) -> None:
        """Ping a store, until cancelled."""
        while True:
            sent = self._clock.now()
            try:
                revision = await _ping(store)
            except ExplorerError as error:
                interval = self._on_error(sent, error)
            else:
                interval = PING_INTERVAL
                self._on_answer(sent)
                if self._tracker.refusal is self._refusal:
                    self._tracker.refusal = None
                self._on_ping(revision)
            await wait_until(self._clock, sent + interval, self._ping_requested)

    def _on_answer(self, sent: float) -> None:
        if self._tracker.on_ping_answered(sent, self._clock.now()):
            self._on_recovery()

    def _on_error(self, sent: float, error: ExplorerError) -> float:
        """Record a failed ping; return the seconds from it to the next. A refusal is an answer, too."""
        if isinstance(error, Denied):
            self._tracker.refusal = self._refusal = error
            self._on_answer(sent)
            interval = PING_INTERVAL
        else:
            now = self._clock.now()
            self._tracker.on_ping_failed(error, sent + _RETRY_INTERVAL)
            interval = _RETRY_INTERVAL
            if self._tracker.connection_error(now) is not None:  # seconds that a person can follow; spares the server
                interval = now - sent + PING_INTERVAL
                self._tracker.on_ping_failed(error, now + PING_INTERVAL)
        self._on_ping(None)
        return interval


async def _ping(store: Store) -> Revision | None:
    try:
        async with asyncio.timeout(PING_TIMEOUT + _TIMEOUT_MARGIN):
            return await store.ping()
    except TimeoutError as error:
        raise Timeout(
            f"no answer within {PING_TIMEOUT:.0f} s",
            hint="the store may be down, stopped or cut off",
            address=store.address.redacted,
        ) from error
