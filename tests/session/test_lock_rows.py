"""Texts of the lock inspector's rows."""

from datetime import UTC, datetime, timedelta

import pytest

from explorer.model.errors import NotReachable
from explorer.model.locks import Contender, LockInfo
from explorer.session.lock_rows import (
    LockRow,
    contender_details,
    fence_text,
    lock_facts,
    lock_rows,
    lock_state,
    locks_notice,
    locks_title,
    time_left_text,
)
from explorer.session.lock_table import LoadedLocks
from explorer.session.states import Empty, Failed, Loading, LoadState, Ready, Tone

WALL = datetime(2026, 1, 1, tzinfo=UTC)
HOLDER = Contender("who", "job/1", "lease 7", 20.0, WALL - timedelta(seconds=90), 41, ("job/x",))
WAITER = Contender("next\x1b", "job/2", None, since=12)
LOCK = LockInfo("job", "etcd mutex", "concurrency", HOLDER, (WAITER,))


def test_lock_rows_are_lock_holder_and_waiters() -> None:
    rows = list(lock_rows([LOCK]))
    assert rows == [LockRow(LOCK), LockRow(LOCK, HOLDER), LockRow(LOCK, WAITER, 1)]
    assert [(row.sign, row.key) for row in rows] == [("", "job"), ("●", "job/1"), ("1.", "job/2")]
    assert [fence_text(row) for row in rows] == ["", "fence 41", ""]


@pytest.mark.parametrize(
    ("lock", "state"),
    [
        (LockInfo("a", "", "", HOLDER), ("", Tone.QUIET)),
        (LOCK, ("1 waiting", Tone.QUIET)),
        (LockInfo("a", "", "", None, (WAITER,)), ("no holder  1 waiting", Tone.WARNING)),
        (LockInfo("a", "", "", HOLDER, stale="no\nlease"), ("! stale: no\\nlease", Tone.BAD)),
        (LockInfo("a", "", "", HOLDER, stale="no lease", certain=False), ("possible", Tone.WARNING)),
    ],
)
def test_lock_state_shows_what_matters_most(lock: LockInfo, state: tuple[str, Tone]) -> None:
    assert lock_state(lock) == state


@pytest.mark.parametrize(
    ("contender", "left", "text"),
    [
        (HOLDER, 12.5, ("12s left", Tone.PLAIN)),
        (HOLDER, 0.0, ("expires now unless renewed", Tone.WARNING)),
        (HOLDER, None, ("", Tone.QUIET)),
        (WAITER, None, ("never expires", Tone.BAD)),
    ],
)
def test_time_left_text(contender: Contender, left: float | None, text: tuple[str, Tone]) -> None:
    assert time_left_text(contender, left) == text


def test_contender_details_and_lock_facts() -> None:
    assert contender_details(HOLDER, WALL) == ["for 1m30s", "lease 7", "+1 key"]
    assert contender_details(WAITER, WALL) == ["since rev 12"]
    assert lock_facts(LockRow(LOCK), WALL) == ["job (layout concurrency; etcd mutex)", "held by who"]
    assert lock_facts(LockRow(LOCK, HOLDER), WALL)[1:] == [
        "holder: job/1",
        "session lease 7  for 1m30s  fence 41",
        "other keys of the session: job/x",
    ]


LOADED = LoadedLocks((LOCK, LockInfo("b", "", "", None, stale="x")), 0.0, WALL)


@pytest.mark.parametrize(
    ("state", "title", "notice"),
    [
        (Loading(0.0), "", "reading the locks …"),
        (Empty("nobody\x1b"), "", "nobody\\x1b"),
        (Ready(LOADED), "2 held, 1 waiting, 1 stale", None),
        (Failed(NotReachable("no"), None), "", None),
    ],
)
def test_locks_title_and_notice(state: LoadState[LoadedLocks], title: str, notice: str | None) -> None:
    assert (locks_title(state), locks_notice(state)) == (title, notice)


def test_locks_title_says_since_when_it_is_stale() -> None:
    assert locks_title(Failed(NotReachable("no\nanswer"), LOADED)) == f"as of {WALL.astimezone():%H:%M:%S}: no\\nanswer"
