"""Changes per second, counted from the events of a watch."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from explorer.data.extras import extra
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_SECONDS: Final = 3600
"""Seconds that are kept; older ones are forgotten, and their changes counted."""

SecondState: TypeAlias = Literal["live", "lost", "resync"]
"""State of the watch in a second: events came as they happened, the connection was lost, or history was lost."""


@dataclass(slots=True)
class Second:
    """Changes in one second of the clock."""

    time: int
    """Seconds since the epoch."""
    put: int = 0
    deleted: int = 0
    inferred: int = 0
    """Puts and deletes found by comparison after a gap; when they happened is unknown."""
    coalesced: int = 0
    """Changes that may be hidden behind the others, at most."""
    state: SecondState = "live"
    reason: str | None = None
    """Reason of a gap that began in this second."""

    @property
    def changes(self) -> int:
        """Puts and deletes of all kinds."""
        return self.put + self.deleted + self.inferred

    @property
    def is_unknown(self) -> bool:
        """True if the connection was lost, and nothing came."""
        return self.state == "lost" and not self.changes


_COUNTS: Final = ("put", "deleted", "inferred", "coalesced")


class ActivityCounts:
    """Thread-safe counts of puts and deletes by second; memory is bounded.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seconds = [Second(int(clock()))]
        self._lost: str | None = None
        self._ended: str | None = None
        self.dropped = 0
        """Changes that were forgotten because they are older than MAX_SECONDS."""

    def add(self, event: Event) -> None:
        """Count an event."""
        with self._lock:
            second = self._advance()
            match event:
                case Put(inferred=True) | Deleted(inferred=True):
                    second.inferred += 1
                    second.coalesced += event.coalesced
                case Put(coalesced=coalesced):
                    second.put += 1
                    second.coalesced += coalesced
                case Deleted(coalesced=coalesced):
                    second.deleted += 1
                    second.coalesced += coalesced
                case Lost(reason=reason):
                    self._lost = reason
                    second.state, second.reason = "lost", reason
                case Resync(reason=reason):
                    self._lost = None
                    second.state, second.reason = "resync", reason
                case Restored() | Started():
                    self._lost = None

    def end(self, reason: str) -> None:
        """Stop the clock; a second call does nothing."""
        with self._lock:
            if self._ended is None:
                self._advance()
                self._ended = reason

    def seconds(self) -> Sequence[Second]:
        """Return a copy of every second from the first one kept until now, or until the end."""
        with self._lock:
            self._advance()
            return [replace(one) for one in self._seconds]

    @property
    def status(self) -> str:
        """`live`, or why there is nothing new: `lost: ...`, `closed`, or an error."""
        return self._ended or (f"lost: {self._lost}" if self._lost is not None else "live")

    def frame(self) -> "DataFrame":
        """Return the counts by second.

        Raises:
            ExtraNotInstalled: There is no pandas.
        """
        with extra("data"):
            import pandas as pd  # noqa: PLC0415 - optional

            from explorer.data.columns import make_array  # noqa: PLC0415 - imports pandas
        seconds = self.seconds()
        counts = {
            name: make_array([None if one.is_unknown else getattr(one, name) for one in seconds]) for name in _COUNTS
        }
        times = pd.to_datetime([one.time for one in seconds], unit="s", utc=True)
        states = {
            "state": make_array([one.state for one in seconds], "string"),
            "reason": make_array([one.reason for one in seconds], "string"),
        }
        frame = pd.DataFrame(counts | states, index=times)
        frame.index.name = "time"
        return frame

    def _advance(self) -> Second:
        """Add the seconds until now, and return the last one."""
        now = self._seconds[-1].time if self._ended is not None else int(self._clock())
        state: SecondState = "live" if self._lost is None else "lost"
        first = max(self._seconds[-1].time + 1, now - MAX_SECONDS + 1)
        self._seconds += (Second(moment, state=state) for moment in range(first, now + 1))
        excess = len(self._seconds) - MAX_SECONDS
        if excess > 0:
            self.dropped += sum(one.changes for one in self._seconds[:excess])
            del self._seconds[:excess]
        return self._seconds[-1]
