"""Having the store prove that it is alive, by an answer on the connection on which its changes are heard."""

import asyncio
from collections.abc import Callable
from typing import Final

from explorer.drivers.base import PING_TIMEOUT, Store
from explorer.model.entries import Revision
from explorer.model.errors import Denied, ExplorerError, Timeout
from explorer.session.clock import Clock, wait_until
from explorer.session.connection.liveness import LivenessTracker

INTERVAL: Final = 2.0
"""Seconds from one question to the next."""
_AGAIN: Final = 0.5
"""Seconds to the next question after one that was refused at once."""

_SLACK: Final = 0.25
"""Seconds beyond the driver's own limit, whose error says more."""


class Heartbeat:
    """Asks every `INTERVAL` seconds, and at once when told to.

    One question proves both: that the store's authority is alive, which has to answer it, and that the session's own
    connection carries. A silent watch looks like one whose connection a network has long forgotten; an answer on
    another connection would say nothing of that, and cost the store as much.
    """

    def __init__(
        self,
        pulse: LivenessTracker,
        clock: Clock,
        *,
        notice: Callable[[Revision | None], None],
        lapsed: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            pulse: Is told of each proof and of each question without an answer.
            clock: What proofs are dated by.
            notice: Is called after the pulse was told, with the newest revision where there is one.
            lapsed: Is called when there is a proof again after a time without.
        """
        self._pulse = pulse
        self._clock = clock
        self._notice = notice
        self._lapsed = lapsed
        self._now = asyncio.Event()
        self._refused: ExplorerError | None = None

    def ask_now(self) -> None:
        """Do not wait for the next question's time."""
        self._now.set()

    async def run(self, store: Store) -> None:
        """Ask a store, until cancelled."""
        while True:
            sent = self._clock.now()
            try:
                revision = await _prove(store)
            except ExplorerError as error:
                pause = self._unproved(sent, error)
            else:
                pause = INTERVAL
                self._proved(sent)
                if self._pulse.refusal is self._refused:
                    self._pulse.refusal = None
                self._notice(revision)
            await wait_until(self._clock, sent + pause, self._now)

    def _proved(self, sent: float) -> None:
        if self._pulse.proof(sent, self._clock.now()):
            self._lapsed()

    def _unproved(self, sent: float, error: ExplorerError) -> float:
        """Take in a question without an answer, or whose answer was no, which only the living give.

        Returns the seconds from this question to the next.
        """
        refused = isinstance(error, Denied)
        if refused:
            self._pulse.refusal = self._refused = error
            self._proved(sent)
            pause = INTERVAL
        else:
            now = self._clock.now()
            self._pulse.no_proof(error, sent + _AGAIN)
            pause = _AGAIN
            if self._pulse.unconnected(now) is not None:  # seconds that a person can follow, and a server spared
                pause = now - sent + INTERVAL
                self._pulse.no_proof(error, now + INTERVAL)
        self._notice(None)
        return pause


async def _prove(store: Store) -> Revision | None:
    try:
        async with asyncio.timeout(PING_TIMEOUT + _SLACK):
            return await store.ping()
    except TimeoutError as error:
        raise Timeout(
            f"no answer within {PING_TIMEOUT:.0f} s",
            hint="the store may be down, stopped or cut off",
            address=store.address.redacted,
        ) from error
