"""Event batch: the watch events between two frames, merged by key as they come."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync

WatchEvent: TypeAlias = Lost | Restored | Resync
"""An event of the watch itself."""


@dataclass(slots=True)
class KeyEvents:
    """Consecutive events of one key."""

    last: Put | Deleted
    is_created: bool
    """True if the key was created by one of them and not deleted since."""
    count: int
    coalesced: int
    """Maximum number of earlier changes that the store coalesced into them."""


class EventBatch:
    """Events of one frame. A key that changes a thousand times leaves one object, not a thousand."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.size = 0
        """Number of events."""
        self.reported = 0
        """Number of changes that the store reported; others were inferred by reading again."""
        self._earlier: list[KeyEvents | WatchEvent] = []
        """Everything up to the last event of the watch."""
        self._by_key: dict[str, KeyEvents] = {}
        """Changes since, in the order of their last events."""
        for event in events:
            self.add(event)

    def __len__(self) -> int:
        return self.size

    def add(self, event: Event) -> None:
        """Add an event."""
        self.size += 1
        if isinstance(event, Put):
            self._add_change(event.entry.key, event, is_created=event.is_creation)
        elif isinstance(event, Deleted):
            self._add_change(event.key, event, is_created=False)
        elif isinstance(event, Lost | Restored | Resync):
            self._earlier += self._by_key.values()
            self._by_key.clear()
            self._earlier.append(event)

    def _add_change(self, key: str, event: Put | Deleted, *, is_created: bool) -> None:
        if not event.inferred:
            self.reported += 1
        events = self._by_key.pop(key, None)
        if events is None:
            events = KeyEvents(event, is_created, 1, event.coalesced)
        else:
            events.is_created = is_created or (events.is_created and isinstance(event, Put))
            events.last = event
            events.count += 1
            events.coalesced += event.coalesced
        self._by_key[key] = events

    def __iter__(self) -> Iterator[KeyEvents | WatchEvent]:
        yield from self._earlier
        yield from self._by_key.values()

    def last_changes(self) -> dict[str, Put | Deleted]:
        """Return the last event of each key."""
        return {events.last.key: events.last for events in self if isinstance(events, KeyEvents)}
