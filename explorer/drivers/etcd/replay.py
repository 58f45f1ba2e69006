"""Replaying history: several watches on one stream, each for a span of revisions, told in the order of revisions.

A server sends a watch that is behind at most 1000 revisions every tenth of a second, and each watch of a stream as
many. A watch has told its span once it tells a revision beyond it: events are ordered and complete from the revision
that a watch starts at. The last watch of all has no end. What a later one tells waits for its turn.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator

from explorer.drivers.etcd import messages

SPAN = 900
"""Revisions between the starts of two watches at least."""
_OVERLAP = 90
"""Percent of what a server sends at once that a span is long: so the first answer of a watch shows that it is told."""

_MAX_WATCHES = 12
_MAX_WAITING = 50_000
"""Events that wait for their turn; with more, no further watch is opened."""


class Replay:
    """The watches of one stream.

    How far the first answer of the first watch reaches tells how far each of the others will.

    Args:
        start: The first revision that is wanted.
        newest: The newest revision of the store; history up to it is split into spans.
        create: Makes the request for a watch from a revision on, with this id.
    """

    def __init__(self, start: int, newest: int, create: Callable[[int, int], messages.WatchRequest]) -> None:
        self._starts = [start]
        self._newest = newest
        self._split = False
        self._create = create
        self._opened = 0
        self._at_once = 1
        self._current = 0
        """The watch whose events are told now."""
        self._parts: defaultdict[int, list[messages.Event]] = defaultdict(list)
        """Fragments of an answer that is not whole yet."""
        self._waiting: defaultdict[int, deque[list[messages.Event]]] = defaultdict(deque)
        """Whole answers that were not told yet."""
        self._cancelled: dict[int, messages.WatchResponse] = {}
        self._completed: list[int] = []
        """Watches to be ended."""

    @property
    def live(self) -> int | None:
        """The watch that is told and has no end; None as long as others follow."""
        return self._current if self._current == len(self._starts) - 1 else None

    @property
    def ended(self) -> messages.WatchResponse | None:
        """The answer by which the server ended the watch whose turn it is."""
        return self._cancelled.get(self._current)

    def requests(self) -> Iterator[messages.WatchRequest]:
        """Yield what is to be sent now: watches to be opened, and ended."""
        waiting = sum(len(events) for answers in self._waiting.values() for events in answers)
        while self._opened < len(self._starts) and (
            self._opened <= self._current or (self._opened < self._current + self._at_once and waiting < _MAX_WAITING)
        ):
            yield self._create(self._starts[self._opened], self._opened)
            self._opened += 1
        for watch in self._completed:
            yield messages.WatchRequest(cancel_request=messages.WatchCancelRequest(watch_id=watch))
        self._completed.clear()

    def take(self, answer: messages.WatchResponse) -> Iterator[list[messages.Event]]:
        """Take an answer in, and yield the answers whose turn has come, each with whole revisions."""
        watch = answer.watch_id
        if watch < self._current:
            return  # its span is told
        if answer.canceled:
            self._cancelled[watch] = answer
        self._parts[watch].extend(answer.events)
        if answer.fragment:
            return
        events = self._parts.pop(watch)
        if events:
            self._waiting[watch].append(events)
            if not self._split:
                self._split_behind(events[-1].kv.mod_revision)
        while waiting := self._waiting[self._current]:
            events = waiting.popleft()
            end = None if self.live is not None else self._starts[self._current + 1]
            if end is None or events[-1].kv.mod_revision < end - 1:
                yield events
                continue
            yield [event for event in events if event.kv.mod_revision < end]
            del self._waiting[self._current]
            self._completed.append(self._current)
            self._current += 1
            self._at_once = min(2 * self._at_once, _MAX_WATCHES)

    def _split_behind(self, reached: int) -> None:
        """Split what follows into spans, each as long as what the first answer told."""
        self._split = True
        step = max(SPAN, (reached - self._starts[0]) * _OVERLAP // 100)
        self._starts += range(reached + 1, self._newest - step // 2, step)
