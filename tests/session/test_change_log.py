"""The change log: bounded, folded by key within a frame, gaps named, and what was forgotten is counted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.model.entries import Entry
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.session.change_log import MAX_PREVIEW_BYTES, ChangeKind, ChangeLog
from explorer.session.event_batch import EventBatch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def put(key: str, revision: int, *, version: int = 2, value: bytes = b"value") -> Put:
    return Put(Entry(key, value, revision, created=revision if version == 1 else 1, version=version))


def logged(*events: Event, capacity: int = 100) -> ChangeLog:
    log = ChangeLog(capacity)
    log.add(EventBatch(events), NOW)
    return log


def kinds(log: ChangeLog) -> list[ChangeKind]:
    return [change.kind for change in log.last(len(log))]


def test_add_logs_kind_and_key_of_each_change() -> None:
    log = logged(put("a", 2, version=1), put("b", 3), Deleted("c", 4, Entry("c", b"gone", 1)))
    assert kinds(log) == [ChangeKind.CREATED, ChangeKind.CHANGED, ChangeKind.DELETED]
    created, _, deleted = log.last(3)
    assert (created.key, created.revision, created.size, created.preview, created.time) == ("a", 2, 5, b"value", NOW)
    assert (deleted.key, deleted.revision, deleted.size) == ("c", 4, 4)


def test_add_logs_gap_loss_and_restoration() -> None:
    log = logged(Started(1), put("a", 2), Lost("reset"), Restored(3), Resync("compacted", 3, 9), put("a", 8))
    assert kinds(log) == [ChangeKind.CHANGED, ChangeKind.LOST, ChangeKind.RESTORED, ChangeKind.GAP, ChangeKind.CHANGED]
    assert [change.reason for change in log.last(5)] == ["", "reset", "", "compacted", ""]


def test_add_merges_changes_of_a_key_with_their_count() -> None:
    """Changes of a key within one frame are one entry with their count."""
    log = logged(put("a", 2, version=1), put("b", 3), put("a", 4), put("a", 5))
    assert [(change.key, change.kind, change.count, change.revision) for change in log.last(9)] == [
        ("b", ChangeKind.CHANGED, 1, 3),
        ("a", ChangeKind.CREATED, 3, 5),
    ]
    log.add(EventBatch([put("a", 6)]), NOW)
    assert len(log) == 3


def test_add_put_and_deletion_of_a_key_is_a_deletion() -> None:
    assert kinds(logged(put("a", 2, version=1), Deleted("a", 3))) == [ChangeKind.DELETED]


def test_add_counts_coalesced_changes_apart() -> None:
    """Changes that the store coalesced are counted apart from its events."""
    log = logged(
        replace(put("a", 2), coalesced=3), put("b", 3), replace(put("a", 4), coalesced=1), Deleted("c", 5, coalesced=2)
    )
    assert [(change.key, change.count, change.coalesced) for change in log.last(9)] == [
        ("b", 1, 0),
        ("a", 2, 4),
        ("c", 1, 2),
    ]


@pytest.mark.parametrize(
    ("version", "kind"), [(0, ChangeKind.CREATED), (1, ChangeKind.CHANGED)], ids=["as it was made", "changed once"]
)
def test_add_first_version_is_a_creation(version: int, kind: ChangeKind) -> None:
    """A store without a count of the first write has its creations logged as such."""
    entry = Entry("a", b"value", f"0x1:{version}", created=1, version=version)
    assert kinds(logged(Put(entry))) == [kind]


def test_add_creation_without_versions_goes_by_revision() -> None:
    """Where a store counts no versions, a creation is known by its revision."""
    log = logged(Put(Entry("a", b"", 7, created=7)), Put(Entry("b", b"", 8, created=7)), Put(Entry("c", b"", "x")))
    assert kinds(log) == [ChangeKind.CREATED, ChangeKind.CHANGED, ChangeKind.CHANGED]


def test_add_keeps_the_beginning_of_a_long_value() -> None:
    (change,) = logged(put("a", 2, value=b"x" * 1000)).last(1)
    assert (change.size, len(change.preview)) == (1000, MAX_PREVIEW_BYTES)


def test_add_without_changes_returns_false() -> None:
    log = ChangeLog()
    assert not log.add(EventBatch([Started(1)]), NOW)
    assert log.add(EventBatch([put("a", 2)]), NOW)
    assert not log.add(EventBatch(), NOW)


@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 20))
def test_log_keeps_the_newest_entries(amounts: Sequence[int], capacity: int) -> None:
    """The log equals the end of an unbounded one."""
    log, endless, revision = ChangeLog(capacity), list[object](), 1
    for amount in amounts:
        events = []
        for number in range(amount):
            revision += 1
            events.append(put(f"key-{number}", revision))
            endless.append(revision)
        log.add(EventBatch(events), NOW)
    assert log.total == len(endless)
    assert log.dropped == max(0, len(endless) - capacity)
    shown = [change.revision for change in log.window(0, capacity)]
    assert shown == endless[-capacity:]
    for start in range(-1, capacity + 1):
        for count in range(4):
            expected = shown[max(0, start) : max(0, start) + count]
            assert [change.revision for change in log.window(start, count)] == expected
    assert [change.revision for change in log.last(3)] == endless[-min(3, capacity) :][: len(shown)]
