"""What a line of the lock pane says of a lock, without a screen."""

import pytest

from explorer.model.locks import Contender, LockInfo
from explorer.tui.panes.locks import LockList, Row

HOLDER = Contender("who", "job", "creation 7", 20.0)


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (LockInfo("job", "etcd mutex", "concurrency", HOLDER), ["job", "etcd mutex"]),
        (LockInfo("job", "libkv, or data", "libkv", HOLDER, certain=False), ["job", "libkv", "possible"]),
        (LockInfo("job", "libkv", "libkv", HOLDER, (HOLDER,), certain=False), ["possible", "1 waiting"]),
    ],
)
def test_line_of_lock_says_whether_it_is_certain(lock: LockInfo, words: list[str]) -> None:
    rows = LockList()
    rows.rows = [Row(lock)]
    line = "".join(text for _, text in rows.pieces(0, 100))
    assert all(word in line for word in words)
    assert ("possible" in line) is not lock.certain
