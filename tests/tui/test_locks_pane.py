"""Rows of the lock list, without a screen."""

from datetime import UTC, datetime

import pytest

from explorer.model.locks import Contender, LockInfo
from explorer.session.lock_rows import LockRow
from explorer.session.lock_table import LoadedLocks
from explorer.tui.panes.locks import LockList

HOLDER = Contender("who", "job", "creation 7", 20.0)


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (LockInfo("job", "etcd mutex", "concurrency", HOLDER), ["job", "etcd mutex"]),
        (LockInfo("job", "libkv, or data", "libkv", HOLDER, certain=False), ["job", "libkv", "possible"]),
        (LockInfo("job", "libkv", "libkv", HOLDER, (HOLDER,), certain=False), ["possible", "1 waiting"]),
    ],
)
def test_lock_row_shows_certainty(lock: LockInfo, words: list[str]) -> None:
    rows = LockList()
    rows.rows = [LockRow(lock)]
    line = "".join(text for _, text in rows.pieces(0, 100))
    assert all(word in line for word in words)
    assert ("possible" in line) is not lock.certain


@pytest.mark.parametrize(("seconds", "words"), [(5.0, "15s left"), (25.0, "expires now unless renewed")])
def test_holder_row_shows_time_left(seconds: float, words: str) -> None:
    """A reading that is older than the time left does not say whether the session was renewed since."""
    lock = LockInfo("job", "etcd mutex", "concurrency", HOLDER)
    rows = LockList()
    rows.show(LoadedLocks((lock,), 100.0, datetime.now(UTC)), 100.0 + seconds)
    assert words in "".join(text for _, text in rows.pieces(1, 100))
