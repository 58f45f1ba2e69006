"""Liveness of a store by its answers, for programs that serve health checks, as VOLTHA's liveness channel.

A store is dead if its authority did not answer: a time limit, a lost or refused connection, a server without a leader,
an untrusted certificate, a lost reply. Every other error is an answer. The state is a cell with the latest value, so a
reader that is slow or absent delays nothing, and one that reads late sees how often it changed.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from explorer.model.clock import boottime
from explorer.model.errors import ExplorerError, NotReachable, OutcomeUnknown

NOT_CHECKED: Final = "not checked yet"


@dataclass(frozen=True, slots=True)
class AliveState:
    """State of a store: alive or dead."""

    alive: bool
    reason: str
    """Why it is not, in one line; empty while it is."""
    changes: int
    """Number of changes from alive to dead or back until now."""
    answered_at: float | None
    """Time of the last answer, by a clock that goes on while the machine sleeps; None before the first."""

    @property
    def age(self) -> float | None:
        """Seconds since the last answer."""
        return None if self.answered_at is None else boottime() - self.answered_at


def is_alive(error: ExplorerError | None) -> bool:
    """Return whether a call that ended with this error, or without one, shows that the store is alive."""
    return not isinstance(error, NotReachable | OutcomeUnknown)


class AliveMonitor:
    """The state by all calls that were observed; dead until the first answer."""

    def __init__(self) -> None:
        self.state = AliveState(alive=False, reason=NOT_CHECKED, changes=0, answered_at=None)
        self._changed = asyncio.Event()

    def observe(self, error: ExplorerError | None) -> None:
        """Note how a call ended; never waits."""
        self.set(is_alive(error), reason="" if error is None else str(error))

    def set(self, alive: bool, reason: str = "") -> None:  # noqa: FBT001 - it is what is set
        """Note that the store is alive or dead; never waits."""
        before = self.state
        answered_at = boottime() if alive else before.answered_at
        changed = alive is not before.alive
        self.state = AliveState(alive, "" if alive else reason, before.changes + changed, answered_at)
        if changed:
            self._changed.set()
            self._changed = asyncio.Event()

    async def states(self, *, min_interval: float, max_interval: float) -> AsyncGenerator[AliveState, None]:
        """Yield the state now, at each change, and again after `max_interval` seconds without one.

        Args:
            min_interval: Seconds between two states at least; changes in between are counted in the next one.
            max_interval: Seconds between two states at most.
        """
        while True:
            changed = self._changed
            shown = self.state
            yield shown
            await asyncio.sleep(min_interval)
            if self.state.changes == shown.changes:
                try:
                    async with asyncio.timeout(max(max_interval - min_interval, 0)):
                        await changed.wait()
                except TimeoutError:
                    continue
