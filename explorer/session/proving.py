"""Having the store prove that it is alive, and that the connection on which its changes are heard still carries."""

import asyncio
from collections.abc import Callable
from typing import Final

from explorer.drivers.base import PROOF_TIME, Store
from explorer.model.entries import Revision
from explorer.model.errors import Denied, ExplorerError, Timeout
from explorer.session.clock import Clock, reach
from explorer.session.liveness import Pulse

INTERVAL: Final = 2.0
"""Seconds from one question to the next."""
_AGAIN: Final = 0.5
"""Seconds to the next question after one that was refused at once."""
_PATIENCE: Final = 5
"""Questions without an answer after which another connection is made."""


class Prover:
    """Asks every `INTERVAL` seconds, and at once when told to.

    The store's authority is asked on a connection of its own, where an answer waits behind nothing. The session's own
    connection is asked too: a silent watch looks like one whose connection a network has long forgotten.
    """

    def __init__(
        self,
        connect: Callable[[], Store],
        main: Callable[[], Store],
        pulse: Pulse,
        clock: Clock,
        *,
        notice: Callable[[Revision | None], None],
        lapsed: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            connect: Makes one more connection.
            main: Gives the session's own, open; or raises why there is none.
            pulse: Is told of each proof and of each question without an answer.
            clock: What proofs are dated by.
            notice: Is called after the pulse was told, with the newest revision where there is one.
            lapsed: Is called when there is a proof again after a time without.
        """
        self._connect = connect
        self._main = main
        self._pulse = pulse
        self._clock = clock
        self._notice = notice
        self._lapsed = lapsed
        self._now = asyncio.Event()
        self._refused: ExplorerError | None = None

    def ask_now(self) -> None:
        """Do not wait for the next question's time."""
        self._now.set()

    async def run(self) -> None:
        """Ask, until cancelled."""
        while True:
            asked = self._clock.now()
            try:
                async with self._connect() as store:
                    await self._ask(store)
            except ExplorerError as error:
                self._unproved(asked, error)
            await reach(self._clock, asked + INTERVAL, self._now)

    async def _ask(self, store: Store) -> None:
        """Ask over one connection, until it seems to be of no more use."""
        unanswered = 0
        while unanswered < _PATIENCE:
            sent = self._clock.now()
            try:
                revision = await self._both(store)
            except ExplorerError as error:
                alive = self._unproved(sent, error)
                unanswered = 0 if alive else unanswered + 1
            else:
                unanswered = 0
                self._proved(sent)
                if self._pulse.refusal is self._refused:
                    self._pulse.refusal = None
                self._notice(revision)
            await reach(self._clock, sent + (INTERVAL if not unanswered else _AGAIN), self._now)

    async def _both(self, store: Store) -> Revision | None:
        """Ask on both connections at the same time."""
        main = self._main()
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_answer(store)), group.create_task(_answer(main))]
        proof, echo = (question.result() for question in asked)
        for answer in (proof, echo):
            if isinstance(answer, ExplorerError):
                raise answer
        return None if isinstance(proof, ExplorerError) else proof

    def _proved(self, sent: float) -> None:
        if self._pulse.proof(sent, self._clock.now()):
            self._lapsed()

    def _unproved(self, sent: float, error: ExplorerError) -> bool:
        """Take in a question without an answer, or whose answer was no, which only the living give."""
        refused = isinstance(error, Denied)
        if refused:
            self._pulse.refusal = self._refused = error
            self._proved(sent)
        else:
            self._pulse.no_proof(error)
        self._notice(None)
        return refused


async def _answer(store: Store) -> Revision | ExplorerError | None:
    try:
        return await _prove(store)
    except ExplorerError as error:
        return error


async def _prove(store: Store) -> Revision | None:
    try:
        async with asyncio.timeout(PROOF_TIME):
            return await store.prove()
    except TimeoutError as error:
        raise Timeout(
            f"no answer within {PROOF_TIME:.0f} s",
            hint="the store may be down, stopped or cut off",
            address=store.address.shown,
        ) from error
