"""A lenient decoder for keys and pastes, since terminals do not always send what they should."""

import signal
import sys
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from typing import Final

_ESCAPE: Final = "\x1b"
_PASTE_START: Final = "\x1b[200~"
_PASTE_END: Final = "\x1b[201~"
"""Bracketed paste: terminals send these around pasted text."""
_ENTER: Final = "\r"
"""The enter key. In cooked mode, before the app has set up the terminal, the terminal turns it into a line feed."""
_ESCAPE_SIGN: Final = "\N{SYMBOL FOR ESCAPE}"


def install() -> None:
    """Make Textual's input thread use a `LenientDecoder`.

    Its own decoder is strict and ends the app at the first byte that is not UTF-8; there is no setting for it.
    """
    if sys.platform != "win32":
        from textual.drivers import linux_driver  # noqa: PLC0415 - there is none on Windows

        linux_driver.getincrementaldecoder = _decoder_factory  # type: ignore[attr-defined, assignment]  # not a name that it exports


def hang_up() -> None:
    """Send SIGHUP to this process, as systems do when a terminal is gone; not all do, and Textual reads on."""
    signal.raise_signal(signal.SIGHUP)


class LenientDecoder(IncrementalDecoder):
    """Decodes any bytes of a terminal.

    Bytes that are not UTF-8, such as half a character in a paste, become replacement characters. An escape character
    within a paste becomes the sign for it, as in many terminals: Textual would take it for the start of a key, and
    type what follows in front of the rest.
    """

    def __init__(self, characters: IncrementalDecoder) -> None:
        super().__init__(characters.errors)
        self._characters = characters
        self._pasting = False
        self._tail = ""
        """In a paste, what may be the start of its end sequence; else the last characters that were returned."""

    def decode(self, input: bytes, final: bool = False) -> str:  # type: ignore[override] # noqa: A002, FBT001, FBT002 - the name and form of the method
        """Return the next characters; end the process if the terminal is gone."""
        if not input and not final:
            hang_up()
        text = self._characters.decode(input, final)
        parts: list[str] = []
        while text:
            part, text = self._take_pasted(text) if self._pasting else self._take_typed(text)
            parts.append(part)
        if final and self._pasting:
            parts.append(self._tail)
            self._tail = ""
        return "".join(parts)

    def _take_typed(self, text: str) -> tuple[str, str]:
        """Return the text up to the start of a paste, and the rest. Nothing is held back: a lone escape is a key."""
        seen = self._tail + text
        start = seen.find(_PASTE_START)
        if start < 0:
            self._tail = seen[1 - len(_PASTE_START) :]
            return text.replace("\n", _ENTER), ""
        end = start + len(_PASTE_START) - len(self._tail)
        self._pasting, self._tail = True, ""
        return text[:end].replace("\n", _ENTER), text[end:]

    def _take_pasted(self, text: str) -> tuple[str, str]:
        """Return the pasted text, and the rest behind its end. What may be the start of the end is held back."""
        seen = self._tail + text
        before, end, rest = seen.partition(_PASTE_END)
        if end:
            self._pasting, self._tail = False, ""
            return before.replace(_ESCAPE, _ESCAPE_SIGN) + end, rest
        held = next((size for size in range(len(_PASTE_END) - 1, 0, -1) if seen.endswith(_PASTE_END[:size])), 0)
        split = len(seen) - held
        self._tail = seen[split:]
        return seen[:split].replace(_ESCAPE, _ESCAPE_SIGN), ""


def _decoder_factory(encoding: str) -> Callable[[], LenientDecoder]:
    return lambda: LenientDecoder(getincrementaldecoder(encoding)(errors="replace"))
