"""What is typed and pasted is not always what a terminal should send."""

import signal
import sys
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from typing import Final

_ESCAPE: Final = "\x1b"
_BEGIN: Final = "\x1b[200~"
_END: Final = "\x1b[201~"
"""What terminals put around what is pasted."""
_ENTER: Final = "\r"
"""Until the app has its terminal, that makes a line feed of the enter key; what is typed ahead holds those."""
_PICTURE: Final = "\N{SYMBOL FOR ESCAPE}"


def install() -> None:
    """Have what is typed read by a `LenientDecoder`.

    Textual's input thread decodes strictly, ends the app at the first byte that is not UTF-8, and offers no other way
    in.
    """
    if sys.platform != "win32":
        from textual.drivers import linux_driver  # noqa: PLC0415 - there is none on Windows

        linux_driver.getincrementaldecoder = _reading  # type: ignore[attr-defined, assignment]  # not a name that it exports


def hang_up() -> None:
    """End the process as systems end those whose terminal is gone; they do not tell all, and Textual reads for ever."""
    signal.raise_signal(signal.SIGHUP)


class LenientDecoder(IncrementalDecoder):
    """Gives the characters of a terminal's bytes, whatever they are.

    Bytes that are not UTF-8, as half a character in a paste, become replacement characters. An escape character within
    a paste becomes its picture, as many terminals have it already: Textual would take it for the beginning of a key,
    and type what follows in front of the rest.
    """

    def __init__(self, characters: IncrementalDecoder) -> None:
        super().__init__(characters.errors)
        self._characters = characters
        self._pasting = False
        self._tail = ""
        """In a paste, what may be the beginning of its end; else the last characters that were given."""

    def decode(self, input: bytes, final: bool = False) -> str:  # type: ignore[override] # noqa: A002, FBT001, FBT002 - the name and form of the method
        """Give the next characters; where there are none any more, the terminal is gone."""
        if not input and not final:
            hang_up()
        text = self._characters.decode(input, final)
        given: list[str] = []
        while text:
            passed, text = self._pasted(text) if self._pasting else self._typed(text)
            given.append(passed)
        if final and self._pasting:
            given.append(self._tail)
            self._tail = ""
        return "".join(given)

    def _typed(self, text: str) -> tuple[str, str]:
        """Pass on what comes before a paste, at once, since an escape that stands alone is a key; and give the rest."""
        seen = self._tail + text
        place = seen.find(_BEGIN)
        if place < 0:
            self._tail = seen[1 - len(_BEGIN) :]
            return text.replace("\n", _ENTER), ""
        end = place + len(_BEGIN) - len(self._tail)
        self._pasting, self._tail = True, ""
        return text[:end].replace("\n", _ENTER), text[end:]

    def _pasted(self, text: str) -> tuple[str, str]:
        """Pass on what is pasted, but for what may be the beginning of its end; and give the rest."""
        seen = self._tail + text
        before, end, rest = seen.partition(_END)
        if end:
            self._pasting, self._tail = False, ""
            return before.replace(_ESCAPE, _PICTURE) + end, rest
        begun = next((size for size in range(len(_END) - 1, 0, -1) if seen.endswith(_END[:size])), 0)
        place = len(seen) - begun
        self._tail = seen[place:]
        return seen[:place].replace(_ESCAPE, _PICTURE), ""


def _reading(encoding: str) -> Callable[[], LenientDecoder]:
    return lambda: LenientDecoder(getincrementaldecoder(encoding)(errors="replace"))
