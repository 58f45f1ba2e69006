"""Frames of differences and of matches: what `keyscope diff` and `find` say, as columns."""

from collections.abc import Iterator

import pandas as pd
import pytest

import explorer
from explorer.blocking import BlockingStore
from explorer.config import Profile
from explorer.model.errors import InvalidText, KeyNotFound


@pytest.fixture
def other() -> Iterator[BlockingStore]:
    with explorer.connect("memory:") as store:
        yield store


def rows(frame: pd.DataFrame) -> list[list[object]]:
    """Return the rows with their keys; what is missing is None."""
    lines = frame.reset_index().itertuples(index=False, name=None)
    return [[None if cell is pd.NA else cell for cell in line] for line in lines]


def test_differences_have_both_values(store: BlockingStore, other: BlockingStore) -> None:
    """Keys are those of the first store, values are decoded, and those that are masked are missing."""
    for one, key, value in ((store, "a/left", b"1"), (store, "a/both", b'{"n": 1}'), (other, "a/both", b'{"n": 2}')):
        one.put(key, value)
    for one in (store, other):
        one.put("a/same", b"same")
        one.put("outside", str(one is store).encode())
    other.put("a/right", b"2")
    frame = store.diff_frame(other, "a")
    assert list(frame.columns) == ["kind", "revision", "other_revision", "value", "other_value"]
    found = {row[0]: [row[1], *row[4:]] for row in rows(frame)}
    assert found == {
        "a/both": ["changed", {"n": 1}, {"n": 2}],
        "a/left": ["only-left", "1", None],
        "a/right": ["only-right", None, "2"],
    }
    assert frame["revision"].loc["a/both"] == store.get("a/both").revision
    other._store.profile = Profile("memory:", masked=("a/*",))  # noqa: SLF001 - as if it was opened by one
    masked = store.diff_frame(other, "a", decode=False)
    assert [row[4:] for row in rows(masked)] == [[None, None]] * 3


def test_matches_have_their_lines(store: BlockingStore) -> None:
    """Those of a message are found in its fields; what was not searched is said."""
    store.put("app/db", b"host: one\nport: 2\n")
    store.put("app/secret", b"port: 3\n")
    store.put("orders/1", b"\n\x04port")  # customer
    store._store.profile = Profile("memory:", masked=("*/secret",))  # noqa: SLF001 - as if it was opened by one
    frame = store.find_frame(value="port")
    assert rows(frame)[0] == ["app/db", "value", 2, "port: 2"]
    assert frame.attrs["looked_at"] == 3
    assert sum(frame.attrs["left_out"].values()) == 1
    assert rows(store.find_frame("app/", key="d?", limit=1)) == [["app/db", "key", None, "app/db"]]
    assert len(store.find_frame(value="nowhere")) == 0
    with pytest.raises(KeyNotFound):
        store.find_frame("gone/", key="x")
    with pytest.raises(InvalidText, match="nothing to find"):
        store.find_frame()
