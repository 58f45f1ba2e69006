"""From a key to the screen, through a real terminal: a million rows at rest, and beside it the same rows on the move.

A key that moves the cursor is typed, and the time is taken until the bytes are there that draw the cursor in another
row. The changes come through the store's watch, the session and the tree like any others.
"""

import statistics

from _busy_terminal import BusyTerminal
from _side_by_side import ROUNDS, compare

RATE = 5_000
KEYS_PRESSED = 60
"""In each round, of each kind."""


def main() -> None:
    """Measure, in turn."""
    with BusyTerminal() as app:
        idle: list[float] = []
        busy: list[float] = []

        def press(times: list[float], rate: int) -> float:
            app.feed(rate)
            new = app.press(KEYS_PRESSED)
            times += new
            return statistics.median(new)

        compare(
            f"a key until it is on the screen, {RATE:,} events a second into 1,000,000 rows",
            lambda: press(busy, RATE),
            lambda: press(idle, 0),
            against="the same rows at rest",
            rounds=ROUNDS,
        )
        for kind, times in (("at rest", idle), (f"{RATE:,} events a second", busy)):
            print(f"{kind}: {len(times)} keys, 95 of 100 within {statistics.quantiles(times, n=20)[-1] * 1000:.1f} ms")
        app.feed(RATE)
        report = app.watch(3.0)
        print(
            f"meanwhile {report.changes / report.seconds:,.0f} changes a second, {report.behind:,} waiting,"
            f" {report.processing / report.seconds:.0%} of one processor with the store's own work, {report.liveness}"
        )


if __name__ == "__main__":
    main()
