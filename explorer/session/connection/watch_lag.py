"""Watch lag: how late the events of a watch come, proved by pings."""

from collections import deque

from explorer.model.clock import SystemClock
from explorer.model.entries import Revision


class WatchLag:
    """Compares events with pings: one that is older than what a ping returned seconds ago comes late by as much.

    Only numbers are compared, and only here and where the newest revision is shown: other revisions belong to one key.
    """

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._pings: deque[tuple[float, int]] = deque()
        """Moments and revisions of the pings that no event has reached yet."""
        self._revision: int | None = None
        """Revision of the last event since the last ping; None without one."""
        self._seconds = 0.0

    def on_event(self, revision: Revision | None) -> None:
        """Note the revision of an event that the store reported."""
        if isinstance(revision, int):
            self._revision = revision

    def on_ping(self, revision: Revision | None) -> None:
        """Note what a ping returned. Without an event since the ping before, none is on its way."""
        self.update()
        if self._revision is None:
            self.reset()
        self._revision = None
        if isinstance(revision, int):
            self._pings.append((self._clock.now(), revision))

    def update(self) -> float:
        """Return the seconds by which the last events were late, at least."""
        if self._revision is not None:
            while self._pings and self._pings[0][1] <= self._revision:
                self._pings.popleft()
            self._seconds = self._clock.now() - self._pings[0][0] if self._pings else 0.0
        return self._seconds

    def reset(self) -> None:
        """Forget everything, as at the start of a watch."""
        self._pings.clear()
        self._revision = None
        self._seconds = 0.0
