"""Garbage-collector tuning for large trees.

A full collection searches all objects for reference cycles: a tenth of a second for the app alone, half a second for a
million rows, and while a store is busy there is one every other second. The screen stands still meanwhile.
"""

import gc
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

MIN_NODES: Final = 20_000
"""Number of nodes from which on the collector is tuned; for fewer, Python's own schedule is fine."""
FULL_COLLECTION_INTERVAL: Final = 600.0
"""Seconds between two full collections."""


@contextmanager
def gc_paused() -> Generator[None, None, None]:
    """Pause the collector while modules are imported, and exclude them from later collections."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class GcTuner:
    """Excludes long-lived objects from collections: those of the start, and with many nodes all objects so far.

    Every `FULL_COLLECTION_INTERVAL` seconds all objects are collected nevertheless. Objects without cycles are freed
    by their reference counts at once; only cycles wait for the next full collection.

    Args:
        count_nodes: Returns the number of nodes.
        clock: Returns seconds.
    """

    def __init__(self, count_nodes: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._count_nodes = count_nodes
        self._clock = clock
        self._last_full_collection = clock()
        self._is_started = False

    def start(self) -> None:
        """Pause the collector until the first call of `collect_if_due`, after the first picture."""
        gc.disable()

    def collect_if_due(self) -> None:
        """Exclude or collect objects if that is due; takes time only every `FULL_COLLECTION_INTERVAL` seconds."""
        if not self._is_started:
            self._is_started = True
            gc.freeze()
            gc.enable()
        if self._count_nodes() < MIN_NODES:
            return
        if self._clock() - self._last_full_collection >= FULL_COLLECTION_INTERVAL:
            self._last_full_collection = self._clock()
            gc.unfreeze()
            gc.collect()
        gc.freeze()

    def stop(self) -> None:
        """Restore Python's own schedule."""
        gc.enable()
        gc.unfreeze()
