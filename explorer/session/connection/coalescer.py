"""Coalescing of watch events between two frames: only the last event of a key is applied."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, TypeAlias

from explorer.model.events import Deleted, Put

Change: TypeAlias = Put | Deleted

MAX_PENDING_KEYS: Final = 200_000
"""Maximum number of pending keys; beyond it everything is dropped and must be read again."""
MIN_FRAME_BUDGET: Final = 0.008
"""Seconds of a frame for applying events while the session keeps up."""
MAX_FRAME_BUDGET: Final = 0.024
"""Seconds of a frame for applying events when the session lags."""
_EVENTS_PER_CLOCK_CHECK: Final = 32


class EventCoalescer:
    """Queue of watch events that are not applied yet, in the order of each key's first pending event.

    A key that was deleted and put again keeps both events, because the tree must see the deletion. Any other key
    keeps its last event only.
    """

    def __init__(self, max_keys: int = MAX_PENDING_KEYS) -> None:
        self._max_keys = max_keys
        self._pending: OrderedDict[str, Change] = OrderedDict()  # popping the first key of a dict repeatedly is slow
        self._deletions: dict[str, Deleted] = {}
        self._pending_since: float | None = None
        self.total = 0
        """Number of events ever added."""
        self.overflowed = False
        """True if events were dropped because there were too many; `reset` clears it."""

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, event: Change) -> None:
        """Add an event."""
        self.total += 1
        if self.overflowed:
            return
        key = event.key
        before = self._pending.get(key)
        if isinstance(event, Deleted):
            self._deletions.pop(key, None)
        elif isinstance(before, Deleted):
            self._deletions[key] = before
        self._pending[key] = event
        if self._pending_since is None:
            self._pending_since = time.perf_counter()
        if len(self._pending) > self._max_keys:
            self.reset()
            self.overflowed = True

    def drain(self, budget: float | None = None) -> Iterator[Change]:
        """Yield events until none is left or the budget is used up.

        Args:
            budget: Seconds; None takes a budget that grows with the number of pending keys.
        """
        allowed = self._frame_budget() if budget is None else budget
        start = time.perf_counter()
        count = 0
        while self._pending:
            key, event = self._pending.popitem(last=False)
            deletion = self._deletions.pop(key, None) if self._deletions else None
            if deletion is not None:
                yield deletion
            yield event
            count += 1
            if count % _EVENTS_PER_CLOCK_CHECK == 0 and time.perf_counter() - start >= allowed:
                break
        self._pending_since = start if self._pending else None

    def lag(self) -> float:
        """Return the seconds for which events have been pending, at least; 0 if none is."""
        return 0.0 if self._pending_since is None else time.perf_counter() - self._pending_since

    def reset(self) -> None:
        """Drop all pending events."""
        self._pending.clear()
        self._deletions.clear()
        self._pending_since = None
        self.overflowed = False

    def _frame_budget(self) -> float:
        load = len(self._pending) / self._max_keys
        return MIN_FRAME_BUDGET + (MAX_FRAME_BUDGET - MIN_FRAME_BUDGET) * min(1.0, 20 * load)
