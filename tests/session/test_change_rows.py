"""Texts of the change log's rows."""

from datetime import UTC, datetime

import pytest

from explorer.model.entries import Entry
from explorer.model.events import Put
from explorer.session.change_log import ChangeKind, ChangeLog, LoggedChange
from explorer.session.change_rows import change_row, changes_title
from explorer.session.event_batch import EventBatch

TIME = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "counts", "brief"),
    [
        (LoggedChange(ChangeKind.CREATED, TIME, "a"), "", ""),
        (LoggedChange(ChangeKind.CHANGED, TIME, "a", count=3), "3x", "3x"),
        (
            LoggedChange(ChangeKind.CHANGED, TIME, "a", count=3, coalesced=2000, inferred=True),
            "3x up to 2,000 more in between after a gap",
            "3x ≤2,000 more after a gap",
        ),
    ],
)
def test_change_row_counts(change: LoggedChange, counts: str, brief: str) -> None:
    assert change_row(change).counts == counts
    assert change_row(change, brief=True).counts == brief


def test_change_row_is_sanitized() -> None:
    row = change_row(LoggedChange(ChangeKind.CHANGED, TIME, "a\x1b", 7, 2000, b"v\n"))
    assert (row.sign, row.key, row.details) == ("~", "a\\x1b", ("7", "2.0 KiB", "v\\n"))
    assert row.time == f"{TIME.astimezone():%H:%M:%S}"


def test_change_row_of_the_watch_has_a_text() -> None:
    row = change_row(LoggedChange(ChangeKind.GAP, TIME, revision=9, reason="compacted\n"))
    assert (row.sign, row.key, row.text) == ("≠", "", "gap: compacted\\n (rev 9)")


def test_changes_title_counts_newer_and_dropped_ones() -> None:
    log = ChangeLog(2)
    assert changes_title(log) == ""
    log.add(EventBatch(Put(Entry(str(number), b"", number)) for number in range(3)), TIME)
    assert changes_title(log) == "2, 1 older ones dropped"
    assert changes_title(log, 1) == "2, 1 newer above, 1 older ones dropped"
