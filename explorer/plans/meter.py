"""Progress of a long run: how much is done, how fast, and how long it still takes."""

import time
from typing import Final

from explorer.model.format import format_duration
from explorer.model.progress import report_progress

INTERVAL: Final = 0.2
"""Seconds between two reports."""


class Meter:
    """Counts what a run has done, and reports it by `model.progress`.

    Args:
        verb: What is done with a key: `compared`.
        total: How many there are; None if that is not known.
        done: How many were done before.
    """

    def __init__(self, verb: str, total: int | None = None, *, done: int = 0) -> None:
        self._verb, self._total = verb, total
        self._before = self.count = done
        self._began = time.monotonic()
        self._reported = self._began

    def add(self, count: int = 1) -> None:
        """Count keys that are done, and report them if the last report is a while ago."""
        self.count += count
        now = time.monotonic()
        if now - self._reported >= INTERVAL:
            self._reported = now
            report_progress(self.text(now - self._began))

    def text(self, elapsed: float) -> str:
        """Return the progress as text.

        Args:
            elapsed: Seconds since the run began.
        """
        rate = (self.count - self._before) / elapsed if elapsed > 0 else 0.0
        parts = [f"{self._verb} {self.count:,}"]
        if self._total is not None:
            parts[0] += f" of {self._total:,}"
        if rate > 0:
            parts.append(f"{rate:,.0f}/s" if rate >= 1 else f"{rate:.1f}/s")
            if self._total is not None and self._total > self.count:
                parts.append(f"{format_duration((self._total - self.count) / rate)} left")
        return ", ".join(parts)
