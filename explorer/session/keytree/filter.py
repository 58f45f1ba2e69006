"""What a filter of rows means: parts of names, patterns, or their contrary."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from typing import Final

_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class TreeFilter:
    """A filter as it was typed.

    `word` keeps names that hold the word, `dev*7` names that match as a whole (`*`, `?`, `[a-z]`), `!` before either
    keeps the others. A text that holds the separator is compared with the whole key instead of the name. Upper case
    counts only if there is some in the word.

    Of several words each has to be found in some name of the key, and one in the last name: `bil lim` keeps
    `billing/prod/limits.json` and not what is below it. A word after `!` must be found in none of the names.
    """

    text: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words that say something."""
        return tuple(word for word in self.text.split() if word != "!")

    @property
    def cased(self) -> bool:
        """Whether upper case counts."""
        return self.text != self.text.lower()

    def test(self, separator: str) -> Callable[[str, str], bool]:
        """Give the test of a row: of the key up to its name and the name."""
        words = [_Word(word, separator) for word in self.words]
        if len(words) == 1:
            return words[0].keeps
        return _all_of(words, separator)


class _Word:
    """One word of a filter."""

    def __init__(self, text: str, separator: str) -> None:
        wanted, self.negated = text.removeprefix("!"), text.startswith("!")
        self.whole = bool(separator) and separator in wanted
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

        self.fits = fits

    def keeps(self, before: str, name: str) -> bool:
        return self.fits(before + name if self.whole else name) is not self.negated


def _all_of(words: list[_Word], separator: str) -> Callable[[str, str], bool]:
    """Return the test of several words; what the names before a row say is found out once for all its siblings."""
    parent, missing, excluded = "", list[_Word](), False
    wanted = [word for word in words if not word.negated]
    unwanted = [word for word in words if word.negated]
    whole = [word for word in wanted if word.whole]

    def look_above(before: str) -> None:
        nonlocal parent, missing, excluded
        names = before.split(separator)[:-1] if separator else []
        parent = before
        missing = [word for word in wanted if not word.whole and not any(map(word.fits, names))]
        excluded = any(not word.whole and any(map(word.fits, names)) for word in unwanted)

    look_above("")

    def test(before: str, name: str) -> bool:
        if before != parent:
            look_above(before)
        if excluded or any(word.fits(before + name if word.whole else name) for word in unwanted):
            return False
        if not all(word.fits(name) for word in missing) or not all(word.fits(before + name) for word in whole):
            return False
        return not wanted or bool(missing) or any(word.whole or word.fits(name) for word in wanted)

    return test


@dataclass(frozen=True, slots=True)
class FilterProgress:
    """What came of a filter so far."""

    filter: TreeFilter
    matching: int
    searched: int
    loaded: int
    done: bool
    """Whether all loaded rows were looked at."""

    def __str__(self) -> str:
        if not self.done:
            return f"{self.searched:,} of {self.loaded:,} loaded keys searched"
        return f"{self.matching:,} of {self.loaded:,} loaded keys"
