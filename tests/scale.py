"""Scale of the long tests: a short form for every run, a long one (KEYSCOPE_LONG=1) for the night."""

import os
import random
from typing import TypeVar

LONG = os.environ.get("KEYSCOPE_LONG") == "1"
_QUICK = os.environ.get("KEYSCOPE_NO_SERVERS") == "1"

Figure = TypeVar("Figure")


def figure(short: Figure, long: Figure) -> Figure:
    """Choose between what the short form does and what the long one does."""
    return long if LONG else short


def examples(short: int, long: int) -> int:
    """Choose the number of examples of a property; `make check` tries half of the short form's."""
    return figure(short // 2 if _QUICK else short, long)


LEAST_WRITES = 25
"""Confirmed writes for each fault of a lane, below which a run proves nothing."""

PATIENCE = 40.0
"""Seconds until a watcher must have caught up, or a server be back."""


def seed() -> int:
    """Choose the seed of a lane: KEYSCOPE_SEED repeats one that a failing run printed."""
    given = os.environ.get("KEYSCOPE_SEED")
    return int(given) if given else random.SystemRandom().randrange(1 << 32)
