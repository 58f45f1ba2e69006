"""The garbage collector leaves long-lived objects out, and collects cycles nevertheless."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from explorer.tui.terminal.gc_tuner import FULL_COLLECTION_INTERVAL, MIN_NODES, GcTuner, gc_paused


class Cycle:
    """A reference cycle, which only a collection frees."""

    def __init__(self) -> None:
        self.itself = self


class Tuned:
    """A tuner with a settable number of nodes and clock."""

    def __init__(self) -> None:
        self.node_count, self.time = MIN_NODES, 0.0
        self.tuner = GcTuner(lambda: self.node_count, lambda: self.time)


@pytest.fixture(autouse=True)
def nothing_is_frozen() -> None:
    """The objects of the other tests are not of interest, and the figures count from zero."""
    gc.unfreeze()


@pytest.fixture
def tuned() -> Iterator[Tuned]:
    tuned = Tuned()
    yield tuned
    tuned.tuner.stop()


def test_gc_tuner_of_small_tree_freezes_only_at_start(tuned: Tuned) -> None:
    """Of a small tree, only the objects of the start are left out."""
    tuned.node_count = MIN_NODES - 1
    tuned.tuner.collect_if_due()
    at_start = gc.get_freeze_count()
    assert at_start > 0
    thing: Cycle | None = Cycle()
    gone = weakref.ref(thing)
    tuned.tuner.collect_if_due()
    assert gc.get_freeze_count() <= at_start
    thing = None
    gc.collect()
    assert gone() is None


def test_gc_tuner_pauses_until_first_collect_or_stop(tuned: Tuned) -> None:
    """The collector is off until the first picture; if the app ends before, it is on again, too."""
    tuned.tuner.start()
    assert not gc.isenabled()
    tuned.tuner.collect_if_due()
    assert gc.isenabled()
    tuned.tuner.start()
    tuned.tuner.stop()
    assert gc.isenabled()


def test_gc_paused_freezes_modules_loaded_meanwhile() -> None:
    """After the pause the collector is on, without the objects created meanwhile."""
    with gc_paused():
        assert not gc.isenabled()
        kept = [[] for _ in range(MIN_NODES)]  # type: list[list[object]]
    try:
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(kept)
    finally:
        gc.unfreeze()


def test_gc_tuner_of_large_tree_freezes_its_rows(tuned: Tuned) -> None:
    rows = [[] for _ in range(MIN_NODES)]  # type: list[list[object]]
    tuned.tuner.collect_if_due()
    assert gc.get_freeze_count() > len(rows)
    assert len(gc.get_objects()) < len(rows)


def test_gc_tuner_objects_without_cycle_are_freed_at_once(tuned: Tuned) -> None:
    thing: Cycle | None = Cycle()
    gone = weakref.ref(thing)
    tuned.tuner.collect_if_due()
    assert thing is not None
    del thing.itself
    thing = None
    assert gone() is None


@pytest.mark.heavy
def test_gc_tuner_cycle_is_freed_by_next_full_collection(tuned: Tuned) -> None:
    thing: Cycle | None = Cycle()
    gone = weakref.ref(thing)
    tuned.tuner.collect_if_due()
    thing = None
    tuned.time = FULL_COLLECTION_INTERVAL - 1
    tuned.tuner.collect_if_due()
    gc.collect()
    assert gone() is not None
    tuned.time = FULL_COLLECTION_INTERVAL
    tuned.tuner.collect_if_due()
    assert gone() is None


def test_gc_tuner_stop_unfreezes_everything(tuned: Tuned) -> None:
    tuned.tuner.collect_if_due()
    tuned.tuner.stop()
    assert gc.get_freeze_count() == 0
