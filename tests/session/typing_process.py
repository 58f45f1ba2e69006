"""A process of its own in which a person types, until it is killed.

Each line that it prints is of one keystroke: its number, its moment, and how many seconds the longest writing of a
draft has taken so far. Arguments: the folder for drafts, and a number that makes the key.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.session.editing.drafts import Draft, Drafts
from tests.session.fixtures import Place, editing, opened


class Stopwatch:
    """Measures how long drafts are written, one after the other."""

    def __init__(self) -> None:
        self._begun: float | None = None
        self._longest = 0.0

    def around(self, keep: Callable[[Drafts, Draft], Draft]) -> Callable[[Drafts, Draft], Draft]:
        """Return a wrapper that measures a function that writes drafts."""

        def measured(drafts: Drafts, draft: Draft) -> Draft:
            self._begun = time.monotonic()
            try:
                return keep(drafts, draft)
            finally:
                self._longest, self._begun = self.longest, None

        return measured

    @property
    def longest(self) -> float:
        """The seconds of the longest writing, one that is under way included."""
        begun = self._begun
        return self._longest if begun is None else max(self._longest, time.monotonic() - begun)


async def type_on(folder: Path, key: str, stopwatch: Stopwatch) -> None:
    """Type a character every few milliseconds for ever."""
    place = Place()
    async with MemoryStore(parse("memory:"), database=place.keyspace) as other:
        await other.put(key, b"begun: ")
        async with opened(place, drafts=folder) as session:
            edit = await editing(session, key)
            for number in range(1_000_000):
                edit.set_text(f"{edit.text}{number} ")
                sys.stdout.write(f"{number} {time.monotonic()} {stopwatch.longest}\n")
                sys.stdout.flush()
                await asyncio.sleep(0.01)


if __name__ == "__main__":
    stopwatch = Stopwatch()
    with patch.object(Drafts, "save", stopwatch.around(Drafts.save)):
        asyncio.run(type_on(Path(sys.argv[1]), sys.argv[2], stopwatch))
