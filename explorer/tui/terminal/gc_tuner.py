"""When Python looks for garbage.

What it looks for are cycles, and it goes through everything there is: nearly a tenth of a second for what the app
consists of, half a second for a million rows, every other second while a store is busy. Nothing moves on the screen
meanwhile.
"""

import gc
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

MANY: Final = 20_000
"""Nodes from which on it is done here; of fewer Python takes care well by itself."""
EVERY: Final = 600.0
"""Seconds between two searches through everything."""


@contextmanager
def gc_paused() -> Generator[None, None, None]:
    """Load modules without a search for garbage, and leave them out of those that follow: they stay to the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class GcTuner:
    """Leaves out of the search what there is at the start, and with many nodes what there is, again and again.

    Then everything is searched now and then all the same. Nearly all is freed without a search, as soon as nobody
    refers to it; only cycles wait for the next one.

    Args:
        size: Tells how many nodes there are.
        clock: Seconds.
    """

    def __init__(self, size: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._searched = clock()
        self._begun = False

    def begin(self) -> None:
        """Search for nothing until the first picture stands: until the first `look`."""
        gc.disable()

    def look(self) -> None:
        """Do what is due; it takes no time but every `EVERY` seconds."""
        if not self._begun:
            self._begun = True
            gc.freeze()
            gc.enable()
        if self._size() < MANY:
            return
        if self._clock() - self._searched >= EVERY:
            self._searched = self._clock()
            gc.unfreeze()
            gc.collect()
        gc.freeze()

    def end(self) -> None:
        """Leave everything to Python again."""
        gc.enable()
        gc.unfreeze()
