"""The first full picture of `keyscope demo:` on a terminal of its own, beside a Textual app with nothing but a word.

Both are timed from the start of the process, and their processor time is read, which other work on the machine
disturbs less. The picture is full when tree, status line and footer are there.
"""

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from _side_by_side import ROUNDS, compare
from _terminal import Terminal

BARE = """
from textual.app import App
from textual.widgets import Static


class Bare(App):
    def compose(self):
        yield Static("a-single-word")


Bare().run()
"""


def first_picture(home: Path, command: list[str], *patterns: bytes, cpu: bool) -> float:
    """Take the time until all patterns are on the screen."""
    with Terminal([sys.executable, *command], home=home) as screen:
        moment, _ = screen.until(*patterns)
        return screen.cpu_time() if cpu else moment - screen.began


def measure(home: Path) -> None:
    """Measure, in turn."""

    def ours(*, cpu: bool = False) -> float:
        return first_picture(home, ["-m", "explorer", "demo:"], rb"service", rb"demo:", rb"Quit", cpu=cpu)

    def bare(*, cpu: bool = False) -> float:
        return first_picture(home, ["-c", BARE], rb"a-single-word", cpu=cpu)

    ours()  # so that everything is compiled and in memory
    bare()
    compare("first picture of `keyscope demo:`", ours, bare, against="a bare Textual app", rounds=2 * ROUNDS)
    compare(
        "its processor time",
        partial(ours, cpu=True),
        partial(bare, cpu=True),
        against="a bare Textual app",
        rounds=3 * ROUNDS,
    )


def main() -> None:
    """Measure with a folder for settings and caches that lasts."""
    with TemporaryDirectory(prefix="keyscope-bench-") as home:
        measure(Path(home))


if __name__ == "__main__":
    main()
