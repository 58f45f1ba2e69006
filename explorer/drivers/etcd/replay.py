"""Replay of history by several watches on one stream, each for a span of revisions, in the order of revisions.

A server sends a watch that is behind at most 1000 revisions every tenth of a second, and each watch of a stream as
many. A watch has delivered its span once it sends a revision beyond it: events are ordered and complete from the
revision that a watch starts at. The last watch has no end. What a later watch sends is buffered until its turn.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator

from explorer.drivers.etcd import messages

MIN_SPAN = 900
"""Revisions between the starts of two watches."""
_SPAN_PERCENT = 90
"""Length of a span in percent of what a server sends at once, so that a watch's first response exceeds its span."""
_MAX_WATCHES = 12
_MAX_BUFFERED_EVENTS = 50_000
"""With more buffered events, no further watch is opened."""


class Replay:
    """The watches of one stream.

    The revision that the first response of the first watch reaches sets the length of the spans.

    Args:
        start: The first revision to replay.
        newest: The newest revision of the store; the history up to it is split into spans.
        create: Returns the request for a watch, given its first revision and its id.
    """

    def __init__(self, start: int, newest: int, create: Callable[[int, int], messages.WatchRequest]) -> None:
        self._starts = [start]
        self._newest = newest
        self._is_split = False
        self._create = create
        self._opened = 0
        self._max_open = 1
        self._current = 0
        """The watch whose events are delivered now."""
        self._fragments: defaultdict[int, list[messages.Event]] = defaultdict(list)
        """Events of a response that is not complete yet."""
        self._buffered: defaultdict[int, deque[list[messages.Event]]] = defaultdict(deque)
        """Complete responses that were not delivered yet."""
        self._cancelled: dict[int, messages.WatchResponse] = {}
        self._completed: list[int] = []
        """Watches to be cancelled."""

    @property
    def live(self) -> int | None:
        """The watch that delivers and has no end; None as long as others follow."""
        return self._current if self._current == len(self._starts) - 1 else None

    @property
    def cancellation(self) -> messages.WatchResponse | None:
        """The response by which the server cancelled the current watch."""
        return self._cancelled.get(self._current)

    def requests(self) -> Iterator[messages.WatchRequest]:
        """Yield the requests to send now: for watches to open, and to cancel."""
        buffered = sum(len(events) for batches in self._buffered.values() for events in batches)
        while self._opened < len(self._starts) and (
            self._opened <= self._current
            or (self._opened < self._current + self._max_open and buffered < _MAX_BUFFERED_EVENTS)
        ):
            yield self._create(self._starts[self._opened], self._opened)
            self._opened += 1
        for watch in self._completed:
            yield messages.WatchRequest(cancel_request=messages.WatchCancelRequest(watch_id=watch))
        self._completed.clear()

    def add(self, response: messages.WatchResponse) -> Iterator[list[messages.Event]]:
        """Add a response, and yield the batches whose turn has come, each with whole revisions."""
        watch = response.watch_id
        if watch < self._current:
            return  # its span is delivered
        if response.canceled:
            self._cancelled[watch] = response
        self._fragments[watch].extend(response.events)
        if response.fragment:
            return
        events = self._fragments.pop(watch)
        if events:
            self._buffered[watch].append(events)
            if not self._is_split:
                self._split_after(events[-1].kv.mod_revision)
        while batches := self._buffered[self._current]:
            events = batches.popleft()
            end = None if self.live is not None else self._starts[self._current + 1]
            if end is None or events[-1].kv.mod_revision < end - 1:
                yield events
                continue
            yield [event for event in events if event.kv.mod_revision < end]
            del self._buffered[self._current]
            self._completed.append(self._current)
            self._current += 1
            self._max_open = min(2 * self._max_open, _MAX_WATCHES)

    def _split_after(self, reached: int) -> None:
        """Split the revisions after this one into spans as long as what the first response contained."""
        self._is_split = True
        step = max(MIN_SPAN, (reached - self._starts[0]) * _SPAN_PERCENT // 100)
        self._starts += range(reached + 1, self._newest - step // 2, step)
