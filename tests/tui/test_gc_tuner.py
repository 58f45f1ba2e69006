"""Garbage is searched for without going through a million rows all the time, and it is found all the same."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from explorer.tui.terminal.gc_tuner import EVERY, MANY, GcTuner, gc_paused


class Knot:
    """What refers to itself, so that only a search frees it."""

    def __init__(self) -> None:
        self.itself = self


class Watched:
    """A garbage of which time and size are told."""

    def __init__(self) -> None:
        self.size, self.time = MANY, 0.0
        self.garbage = GcTuner(lambda: self.size, lambda: self.time)


@pytest.fixture
def watched() -> Iterator[Watched]:
    given = Watched()
    yield given
    given.garbage.end()


def test_a_small_tree_is_left_to_python_but_for_what_there_is_at_the_start(watched: Watched) -> None:
    watched.size = MANY - 1
    watched.garbage.look()
    begun = gc.get_freeze_count()
    assert begun > 0
    thing: Knot | None = Knot()
    gone = weakref.ref(thing)
    watched.garbage.look()
    assert gc.get_freeze_count() <= begun
    thing = None
    gc.collect()
    assert gone() is None


def test_search_is_paused_until_first_look_or_end(watched: Watched) -> None:
    """Nothing is searched until the first picture stands; an app that ends before has Python search again, too."""
    watched.garbage.begin()
    assert not gc.isenabled()
    watched.garbage.look()
    assert gc.isenabled()
    watched.garbage.begin()
    watched.garbage.end()
    assert gc.isenabled()


def test_modules_loaded_while_paused_are_left_out() -> None:
    """A search goes on after the pause, without what came to be in it."""
    with gc_paused():
        assert not gc.isenabled()
        kept = [[] for _ in range(MANY)]  # type: list[list[object]]
    try:
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(kept)
    finally:
        gc.unfreeze()


def test_what_there_is_is_left_out_of_a_search(watched: Watched) -> None:
    rows = [[] for _ in range(MANY)]  # type: list[list[object]]
    watched.garbage.look()
    assert gc.get_freeze_count() > len(rows)
    assert len(gc.get_objects()) < len(rows)


def test_what_nobody_refers_to_is_freed_at_once(watched: Watched) -> None:
    thing: Knot | None = Knot()
    gone = weakref.ref(thing)
    watched.garbage.look()
    assert thing is not None
    del thing.itself
    thing = None
    assert gone() is None


def test_a_cycle_is_freed_by_the_next_search_through_everything(watched: Watched) -> None:
    thing: Knot | None = Knot()
    gone = weakref.ref(thing)
    watched.garbage.look()
    thing = None
    watched.time = EVERY - 1
    watched.garbage.look()
    gc.collect()
    assert gone() is not None
    watched.time = EVERY
    watched.garbage.look()
    assert gone() is None


def test_in_the_end_everything_is_left_to_python_again(watched: Watched) -> None:
    watched.garbage.look()
    watched.garbage.end()
    assert gc.get_freeze_count() == 0
