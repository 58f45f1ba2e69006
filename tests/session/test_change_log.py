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

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def put(key: str, revision: int, *, version: int = 2, value: bytes = b"value") -> Put:
    return Put(Entry(key, value, revision, created=revision if version == 1 else 1, version=version))


def logged(*events: Event, capacity: int = 100) -> ChangeLog:
    log = ChangeLog(capacity)
    log.add(events, NOW)
    return log


def kinds(log: ChangeLog) -> list[ChangeKind]:
    return [change.kind for change in log.last(len(log))]


def test_each_change_tells_what_became_of_which_key() -> None:
    log = logged(put("a", 2, version=1), put("b", 3), Deleted("c", 4, Entry("c", b"gone", 1)))
    assert kinds(log) == [ChangeKind.CREATED, ChangeKind.CHANGED, ChangeKind.DELETED]
    created, _, deleted = log.last(3)
    assert (created.key, created.revision, created.size, created.preview, created.time) == ("a", 2, 5, b"value", NOW)
    assert (deleted.key, deleted.revision, deleted.size) == ("c", 4, 4)


def test_what_the_watch_suffered_is_among_them() -> None:
    log = logged(Started(1), put("a", 2), Lost("reset"), Restored(3), Resync("compacted", 3, 9), put("a", 8))
    assert kinds(log) == [ChangeKind.CHANGED, ChangeKind.LOST, ChangeKind.RESTORED, ChangeKind.GAP, ChangeKind.CHANGED]
    assert [change.reason for change in log.last(5)] == ["", "reset", "", "compacted", ""]


def test_changes_of_a_key_in_one_go_are_one_entry_with_their_count() -> None:
    log = logged(put("a", 2, version=1), put("b", 3), put("a", 4), put("a", 5))
    assert [(change.key, change.kind, change.count, change.revision) for change in log.last(9)] == [
        ("b", ChangeKind.CHANGED, 1, 3),
        ("a", ChangeKind.CREATED, 3, 5),
    ]
    log.add([put("a", 6)], NOW)
    assert len(log) == 3


def test_a_key_that_came_and_went_in_one_go_is_deleted() -> None:
    assert kinds(logged(put("a", 2, version=1), Deleted("a", 3))) == [ChangeKind.DELETED]


def test_what_a_store_folded_into_a_change_is_counted_apart_from_what_it_told() -> None:
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
def test_a_store_that_does_not_count_the_first_write_has_its_creations_told_as_such(
    version: int, kind: ChangeKind
) -> None:
    entry = Entry("a", b"value", f"0x1:{version}", created=1, version=version)
    assert kinds(logged(Put(entry))) == [kind]


def test_a_store_that_counts_nothing_has_its_creations_told_by_their_revision() -> None:
    log = logged(Put(Entry("a", b"", 7, created=7)), Put(Entry("b", b"", 8, created=7)), Put(Entry("c", b"", "x")))
    assert kinds(log) == [ChangeKind.CREATED, ChangeKind.CHANGED, ChangeKind.CHANGED]


def test_a_long_value_is_kept_by_its_beginning() -> None:
    (change,) = logged(put("a", 2, value=b"x" * 1000)).last(1)
    assert (change.size, len(change.preview)) == (1000, MAX_PREVIEW_BYTES)


def test_nothing_to_tell_is_said() -> None:
    log = ChangeLog()
    assert not log.add([Started(1)], NOW)
    assert log.add([put("a", 2)], NOW)
    assert not log.add([], NOW)


@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 20))
def test_the_log_is_the_end_of_an_endless_one(amounts: Sequence[int], capacity: int) -> None:
    log, endless, revision = ChangeLog(capacity), list[object](), 1
    for amount in amounts:
        events = []
        for number in range(amount):
            revision += 1
            events.append(put(f"key-{number}", revision))
            endless.append(revision)
        log.add(events, NOW)
    assert log.total == len(endless)
    assert log.dropped == max(0, len(endless) - capacity)
    shown = [change.revision for change in log.window(0, capacity)]
    assert shown == endless[-capacity:]
    for start in range(-1, capacity + 1):
        for count in range(4):
            expected = shown[max(0, start) : max(0, start) + count]
            assert [change.revision for change in log.window(start, count)] == expected
    assert [change.revision for change in log.last(3)] == endless[-min(3, capacity) :][: len(shown)]
