"""Base of the lists of results: filled by a job of the session while views show it."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar, Final, Generic, TypeVar

from explorer.drivers.base import Store
from explorer.model.clock import SystemClock
from explorer.model.errors import ExplorerError
from explorer.session.internal_errors import as_failure
from explorer.session.jobs import Jobs
from explorer.session.states import Part

Item = TypeVar("Item")

MAX_ITEMS: Final = 10_000
"""Results that are kept; the search stops there."""


class ResultState(Enum):
    """State of a list of results."""

    EMPTY = "nothing was asked for"
    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    """A person stopped it."""
    FULL = "full"
    """There are as many results as are kept."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ResultHost:
    """The session, as a list of results needs it.

    Args:
        jobs: Owner of the jobs.
        clock: Clock of rates and moments.
        mark_dirty: Called with the part that changed.
        get_store: Returns the connected store, or raises why there is none.
    """

    jobs: Jobs
    clock: SystemClock
    mark_dirty: Callable[[Part], None]
    get_store: Callable[[], Store]


class ResultList(ABC, Generic[Item]):
    """Results that come while a job runs, and stay until the next one."""

    job_name: ClassVar[str]
    max_items: ClassVar[int] = MAX_ITEMS

    def __init__(self, host: ResultHost) -> None:
        self._jobs = host.jobs
        self._clock = host.clock
        self._mark_dirty = host.mark_dirty
        self._get_store = host.get_store
        self.items: list[Item] = []
        self.cursor = 0
        """Index of the current result."""
        self.state = ResultState.EMPTY
        self.error: ExplorerError | None = None
        """Why it failed."""
        self.looked_at = 0
        """Number of keys that were looked at."""
        self.total: int | None = None
        """About how many there are; None if that is not known."""
        self.left_out: Counter[str] = Counter()
        """Number of keys that could not be looked at, by the reason."""
        self.is_visited = False
        """True once somebody went to the current result."""
        self.began = 0.0
        """Moment of the start, on the session's clock."""
        self.ended = 0.0
        self.moment: datetime | None = None
        """Time at which it ended."""

    @abstractmethod
    def _pages(self) -> AsyncGenerator[Sequence[Item], None]:
        """Yield results as they are found, and keep `looked_at`, `total` and `left_out`.

        Raises:
            ExplorerError: The store could not be read any further.
        """

    @property
    def is_running(self) -> bool:
        """True while results may come."""
        return self.state is ResultState.RUNNING

    @property
    def was_started(self) -> bool:
        """True once anything was asked for."""
        return self.state is not ResultState.EMPTY

    @property
    def current(self) -> Item | None:
        """The current result."""
        return self.items[self.cursor] if self.cursor < len(self.items) else None

    def refresh(self) -> None:
        """Do the same again, in place of what still runs; without effect before anything was asked for."""
        if self.was_started:
            self._start()

    def _start(self) -> None:
        self.items, self.cursor, self.error, self.is_visited = [], 0, None, False
        self.looked_at, self.total, self.moment = 0, None, None
        self.left_out = Counter()
        self.began = self._clock.now()
        self.state = ResultState.RUNNING
        self._mark_dirty(Part.RESULTS)
        self._jobs.replace(self._run(), name=self.job_name)

    def stop(self) -> None:
        """Stop, and keep what there is."""
        if self.is_running:
            self._end(ResultState.STOPPED)
            self._jobs.cancel(self.job_name)

    def mark_changed(self) -> None:
        """Request that the views draw the results again."""
        self._mark_dirty(Part.RESULTS)

    def select(self, index: int) -> None:
        """Make a result the current one, or the nearest that exists."""
        self.cursor = max(0, min(index, len(self.items) - 1))

    def step(self, by: int) -> Item | None:
        """Make a later or earlier result the current one, and return it; None if there is none further.

        The first step goes to the current one, if nobody was there yet.
        """
        index = self.cursor + (by if self.is_visited else min(by, 0))
        if not 0 <= index < len(self.items):
            return None
        self.cursor, self.is_visited = index, True
        self._mark_dirty(Part.RESULTS)
        return self.items[index]

    async def _run(self) -> None:
        state = ResultState.COMPLETE
        try:
            async with aclosing(self._pages()) as pages:
                async for page in pages:
                    self.items.extend(page[: self.max_items - len(self.items)])
                    self._mark_dirty(Part.RESULTS)
                    if len(self.items) >= self.max_items:
                        state = ResultState.FULL
                        break
        except ExplorerError as error:
            self.error, state = error, ResultState.FAILED
        except Exception as error:
            self.error = as_failure(error)
            self._end(ResultState.FAILED)
            raise
        self._end(state)

    def _end(self, state: ResultState) -> None:
        self.state = state
        self.ended = self._clock.now()
        self.moment = self._clock.wall()
        self._mark_dirty(Part.RESULTS)
