"""What a filter of rows means: a part of a name, a pattern, or either one's contrary."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from typing import Final

_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was typed.

    `word` keeps names that hold the word, `dev*7` names that match as a whole (`*`, `?`, `[a-z]`), `!` before either
    keeps the others. A text that holds the separator is compared with the whole key instead of the name. Upper case
    counts only if there is some in the text.
    """

    text: str

    def test(self, separator: str) -> Callable[[str, str], bool]:
        """Give the test of a row: of the key up to its name and the name."""
        wanted, contrary = self.text.removeprefix("!"), self.text.startswith("!")
        whole = bool(separator) and separator in wanted
        either = wanted == wanted.lower()
        if _WILD.search(wanted):
            match = re.compile(translate(wanted), re.IGNORECASE if either else 0).match

            def fits(text: str) -> bool:
                return match(text) is not None
        elif either:

            def fits(text: str) -> bool:
                return wanted in text.lower()
        else:

            def fits(text: str) -> bool:
                return wanted in text

        if whole:
            return lambda before, name: fits(before + name) is not contrary
        return lambda _before, name: fits(name) is not contrary


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of a filter so far."""

    filter: Filter
    matching: int
    searched: int
    loaded: int
    done: bool
    """Whether all loaded rows were looked at."""

    def __str__(self) -> str:
        if not self.done:
            return f"{self.searched:,} of {self.loaded:,} loaded searched"
        return f"{self.matching:,} of {self.loaded:,} loaded"
