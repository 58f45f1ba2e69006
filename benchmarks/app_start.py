"""The first full picture of `keyscope demo:` on a terminal of its own, beside a Textual app with nothing but a word.

Both are timed from the start of the process. The picture is full when tree, status line and footer are there.
"""

import sys
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


def first_picture(home: Path, command: list[str], *patterns: bytes) -> float:
    """Take the time until all patterns are on the screen."""
    with Terminal([sys.executable, *command], home=home) as screen:
        moment, _ = screen.until(*patterns)
        return moment - screen.began


def measure(home: Path) -> None:
    """Measure, in turn."""

    def ours() -> float:
        return first_picture(home, ["-m", "explorer", "demo:"], rb"service", rb"demo:", rb"Quit")

    def bare() -> float:
        return first_picture(home, ["-c", BARE], rb"a-single-word")

    ours()  # so that everything is compiled and in memory
    bare()
    compare("first picture of `keyscope demo:`", ours, bare, against="a bare Textual app", rounds=2 * ROUNDS)


def main() -> None:
    """Measure with a folder for settings and caches that lasts."""
    with TemporaryDirectory(prefix="keyscope-bench-") as home:
        measure(Path(home))


if __name__ == "__main__":
    main()
