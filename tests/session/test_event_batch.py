"""The batch of a frame's events: merged by key as they come."""

import gc
from collections.abc import Sequence

import pytest

from explorer.model.entries import Entry
from explorer.model.events import Deleted, Event, Lost, Put, Started
from explorer.session.event_batch import EventBatch, KeyEvents


def put(key: str, revision: int, *, created: int = 1, inferred: bool = False) -> Put:
    return Put(Entry(key, b"", revision, created=created), inferred=inferred)


def test_batch_keeps_the_last_event_of_a_key_only() -> None:
    """A key that changes often takes the memory of one event."""
    key = "only in this test, because all objects of the process are looked at"
    batch = EventBatch(put(key, revision) for revision in range(10_000))
    assert len(batch) == 10_000
    assert [item.revision for item in gc.get_objects() if isinstance(item, Put) and item.key == key] == [9_999]
    (events,) = batch
    assert isinstance(events, KeyEvents)
    assert events.count == 10_000


def test_batch_keeps_changes_before_and_after_a_lost_watch_apart() -> None:
    batch = EventBatch([put("a", 2), Lost("reset"), put("a", 3), put("b", 4)])
    assert [event.count if isinstance(event, KeyEvents) else event for event in batch] == [1, Lost("reset"), 1, 1]
    assert {key: event.revision for key, event in batch.last_changes().items()} == {"a": 3, "b": 4}


def test_batch_counts_what_the_store_reported() -> None:
    """Events of the watch and inferred changes are no changes of the store."""
    batch = EventBatch([Started(1), put("a", 2), put("b", 3, inferred=True), Deleted("a", 4)])
    assert (len(batch), batch.reported) == (4, 2)


@pytest.mark.parametrize(
    ("events", "is_created"),
    [
        ((put("a", 2, created=2), put("a", 3, created=2)), True),
        ((put("a", 2, created=2), Deleted("a", 3)), False),
        ((Deleted("a", 3), put("a", 4, created=4)), True),
        ((put("a", 2, created=2), Deleted("a", 3), put("a", 5, created=4)), False),
    ],
    ids=["then changed", "then deleted", "again", "deleted and then changed"],
)
def test_batch_knows_whether_a_key_was_created(events: Sequence[Event], *, is_created: bool) -> None:
    """Only the events since its last deletion count."""
    (found,) = EventBatch(events)
    assert isinstance(found, KeyEvents)
    assert found.is_created == is_created
