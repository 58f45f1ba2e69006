"""Changes by second: counts, gaps, bounds, and a store that goes away."""

import subprocess
import sys

import pandas as pd
import pytest

import explorer
from explorer.blocking import BlockingStore
from explorer.data import activity_counts
from explorer.data.activity_counts import ActivityCounts
from explorer.data.activity_plot import draw, png
from explorer.model.entries import Entry
from explorer.model.errors import NotReachable
from explorer.model.events import Deleted, Lost, Put, Restored, Resync, Started
from tests.blocking.test_blocking import assert_no_task_left, running_tasks
from tests.servers.etcd import VERSIONS, EtcdServer
from tests.servers.fixtures import own_etcd
from tests.servers.waiting import wait_until

__all__ = ["own_etcd"]

ENTRY = Entry("k", b"", 1)
START = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = START + 0.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counts(clock: Clock) -> ActivityCounts:
    return ActivityCounts(clock)


def rows(counts: ActivityCounts) -> list[tuple[int, int, int, int, int, str]]:
    return [
        (one.time - START, one.put, one.deleted, one.inferred, one.coalesced, one.state) for one in counts.seconds()
    ]


class TestCounts:
    def test_events_are_counted_by_second(self, counts: ActivityCounts, clock: Clock) -> None:
        for event in (Started(1), Put(ENTRY), Put(ENTRY, coalesced=3), Deleted("k", 2)):
            counts.add(event)
        clock.now += 2
        counts.add(Put(ENTRY))
        assert rows(counts) == [(0, 2, 1, 0, 3, "live"), (1, 0, 0, 0, 0, "live"), (2, 1, 0, 0, 0, "live")]
        frame = counts.frame()
        assert list(frame["put"]) == [2, 0, 1]
        assert frame.index[0] == pd.Timestamp(START, unit="s", tz="UTC")

    def test_lost_seconds_have_no_counts(self, counts: ActivityCounts, clock: Clock) -> None:
        """Zero would say that nothing changed."""
        counts.add(Lost("it is gone"))
        assert counts.status == "lost: it is gone"
        clock.now += 2
        counts.add(Restored(5))
        clock.now += 1
        assert [row[-1] for row in rows(counts)] == ["lost", "lost", "lost", "live"]
        assert counts.status == "live"
        frame = counts.frame()
        assert list(frame["put"].isna()) == [True, True, True, False]
        assert frame["reason"].dropna().to_list() == ["it is gone"]

    def test_changes_after_lost_history_are_inferred(self, counts: ActivityCounts) -> None:
        for event in (Lost("gone"), Resync("compacted", 1, 5), Put(ENTRY, inferred=True), Deleted("k", 2, None, True)):  # noqa: FBT003 - the event's field
            counts.add(event)
        assert rows(counts) == [(0, 0, 0, 2, 0, "resync")]

    def test_old_seconds_are_dropped_and_counted(
        self, counts: ActivityCounts, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(activity_counts, "MAX_SECONDS", 10)
        counts.add(Put(ENTRY))
        clock.now += 9
        assert (len(counts.seconds()), counts.dropped) == (10, 0)
        clock.now += 1
        assert (len(counts.seconds()), counts.dropped) == (10, 1)
        clock.now += 10**9
        assert (len(counts.seconds()), counts.dropped) == (10, 1)

    def test_end_stops_the_clock(self, counts: ActivityCounts, clock: Clock) -> None:
        counts.end("closed")
        counts.end("again")
        clock.now += 5
        assert (len(counts.seconds()), counts.status) == (1, "closed")

    def test_clock_that_goes_back_loses_nothing(self, counts: ActivityCounts, clock: Clock) -> None:
        clock.now -= 100
        counts.add(Put(ENTRY))
        assert rows(counts) == [(0, 1, 0, 0, 0, "live")]


class TestPlot:
    def test_figure_marks_gaps(self, counts: ActivityCounts, clock: Clock) -> None:
        for event in (Put(ENTRY), Lost("gone"), Resync("compacted", 1, 5), Put(ENTRY, inferred=True), Lost("gone")):
            counts.add(event)
            clock.now += 2
        figure = draw(counts.seconds(), "$x_1$ below 'a'")
        labels = {text.get_text() for text in figure.legends[0].get_texts()}
        assert labels == {"put", "deleted", "inferred", "connection lost", "history lost"}
        assert figure.axes[0].get_title(loc="left") == "$x_1$ below 'a'"
        assert png(figure).startswith(b"\x89PNG")

    def test_missing_matplotlib_is_one_line_with_the_extra(self) -> None:
        script = """
import sys
sys.modules["matplotlib"] = None
import explorer
with explorer.connect("memory:") as store:
    try:
        store.activity().plot()
    except explorer.ExtraNotInstalled as error:
        print(error)
"""
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert run.stdout == "matplotlib is not installed: pip install 'keyscope[data]'\n"

    def test_plot_needs_no_notebook(self) -> None:
        script = """
import sys
sys.modules["IPython"] = None
import explorer
with explorer.connect("memory:") as store:
    print(len(store.activity().plot().figure.axes))
print("matplotlib.pyplot" in sys.modules)
"""
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert run.stdout == "1\nFalse\n"


def changes(activity: explorer.Activity) -> dict[str, int]:
    frame = activity.to_frame()
    return {kind: int(frame[kind].sum()) for kind in ("put", "deleted")}


class TestActivity:
    def test_changes_below_the_prefix_are_counted(self, store: BlockingStore) -> None:
        before = running_tasks()
        with store.activity("a/") as activity:
            for number in range(100):
                store.put(f"a/{number}", b"")
            store.delete("a/1")
            store.put("other", b"")
            wait_until(lambda: changes(activity) == {"put": 100, "deleted": 1}, "all changes are counted")
            assert "101 changes below 'a/' at memory:" in repr(activity)
            assert activity.status == "live"
        activity.close()
        assert activity.status == "closed"
        assert changes(activity) == {"put": 100, "deleted": 1}
        assert_no_task_left(before)

    def test_another_one_of_the_prefix_closes_the_first(self, store: BlockingStore) -> None:
        """A cell that is run again leaves nothing behind."""
        first, other = store.activity("a/"), store.activity("b/")
        second = store.activity("a/")
        assert (first.status, second.status, other.status) == ("closed", "live", "live")
        store.close()
        assert (second.status, other.status) == ("closed", "closed")
        with pytest.raises(NotReachable):
            store.activity("a/")

    @pytest.mark.parametrize("etcd_version", VERSIONS[-1:], indirect=True)
    def test_lost_connection_is_shown(self, own_etcd: EtcdServer) -> None:
        with explorer.connect(f"etcd://{own_etcd.address}/") as store, store.activity() as activity:
            store.put("k", b"")
            wait_until(lambda: changes(activity)["put"] == 1, "the change is counted")
            own_etcd.kill()
            wait_until(lambda: activity.status.startswith("lost: "), "the loss is noticed")
            assert "lost" in list(activity.to_frame()["state"])
            own_etcd.start()
            wait_until(lambda: activity.status == "live", "the watch is restored", within=30)
            store.put("k", b"again")
            wait_until(lambda: changes(activity)["put"] == 2, "the change after it is counted")
