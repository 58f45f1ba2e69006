"""Events folded into a million rows on the screen: how late the loop is, and whether anything is left waiting.

A task of the app's loop wants to run every 5 ms; how late it comes is how long a key would have to wait to be heard.
What waits is what the session has not heard of and what it has heard but not yet applied, at the moment of asking.
"""

import statistics
from functools import partial

from _busy_terminal import BusyTerminal, Report
from _side_by_side import compare

RATES = (5_000, 20_000)
SECONDS = 3.0
ROUNDS = 3


def late(report: Report) -> float:
    """Return the 99th percentile of the lateness."""
    return statistics.quantiles(report.lags, n=100)[-1]


def main() -> None:
    """Measure, in turn."""
    with BusyTerminal() as app:
        reports: dict[int, list[Report]] = {rate: [] for rate in RATES}

        def measure(rate: int) -> float:
            app.feed(rate)
            report = app.watch(SECONDS)
            reports[rate].append(report)
            return late(report)

        few, many = RATES
        compare(
            f"lateness of the loop, 99 of 100, {many:,} events a second",
            partial(measure, many),
            partial(measure, few),
            against=f"{few:,} events a second",
            rounds=ROUNDS,
        )
        for rate, found in reports.items():
            changes = statistics.median(report.changes / report.seconds for report in found)
            busy = statistics.median(report.processing / report.seconds for report in found)
            waiting = max(report.behind + report.unread for report in found)
            print(
                f"{rate:,} a second wanted: {changes:,.0f} made and told, at most {waiting:,} waiting"
                f" ({waiting / rate * 1000:.0f} ms), {busy:.0%} of one processor with the store's own work,"
                f" {', '.join(sorted({report.liveness for report in found}))}"
            )


if __name__ == "__main__":
    main()
