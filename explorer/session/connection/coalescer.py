"""Events folded between two frames: the last word on each key, so that a view does not work for what nobody sees."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, TypeAlias

from explorer.model.events import Deleted, Put

Change: TypeAlias = Put | Deleted

MAX_PENDING_KEYS: Final = 200_000
"""Keys that may wait; beyond it nothing is kept and all must be read again."""
LEAST_BUDGET: Final = 0.008
"""Seconds of a frame that applying events may take while it keeps up."""
MOST_BUDGET: Final = 0.024
"""Seconds of a frame that it may take while it lags behind."""
_ROUND: Final = 32
"""Events between two looks at the clock."""


class EventCoalescer:
    """The events that were told and not yet applied, in the order in which their keys were first told of.

    A key that was deleted and put again keeps both: the tree must hear that it was gone. Anything else is its last
    event.
    """

    def __init__(self, most: int = MAX_PENDING_KEYS) -> None:
        self._most = most
        self._waiting: OrderedDict[str, Change] = (
            OrderedDict()
        )  # a dict that loses its first key again and again is slow
        self._gone: dict[str, Deleted] = {}
        self._since: float | None = None
        self.total = 0
        """All events ever taken in, for a rate."""
        self.overflowed = False
        """Whether events were dropped because they came faster than they could be applied; `reset` ends it."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: Change) -> None:
        """Take an event in."""
        self.total += 1
        if self.overflowed:
            return
        key = event.key
        before = self._waiting.get(key)
        if isinstance(event, Deleted):
            self._gone.pop(key, None)
        elif isinstance(before, Deleted):
            self._gone[key] = before
        self._waiting[key] = event
        if self._since is None:
            self._since = time.perf_counter()
        if len(self._waiting) > self._most:
            self.reset()
            self.overflowed = True

    def drain(self, budget: float | None = None) -> Iterator[Change]:
        """Give events until all are given or a budget is used up, which grows while the oldest have waited longer.

        Args:
            budget: Seconds; None lets the fold choose.
        """
        allowed = self._budget() if budget is None else budget
        begun = time.perf_counter()
        given = 0
        while self._waiting:
            key, event = self._waiting.popitem(last=False)
            gone = self._gone.pop(key, None) if self._gone else None
            if gone is not None:
                yield gone
            yield event
            given += 1
            if given % _ROUND == 0 and time.perf_counter() - begun >= allowed:
                break
        self._since = begun if self._waiting else None

    def lag(self) -> float:
        """Tell for how many seconds, at least, what waits has been waiting; 0 when nothing does."""
        return 0.0 if self._since is None else time.perf_counter() - self._since

    def reset(self) -> None:
        """Forget what waits: everything is read again."""
        self._waiting.clear()
        self._gone.clear()
        self._since = None
        self.overflowed = False

    def _budget(self) -> float:
        lag = len(self._waiting) / self._most
        return LEAST_BUDGET + (MOST_BUDGET - LEAST_BUDGET) * min(1.0, 20 * lag)
