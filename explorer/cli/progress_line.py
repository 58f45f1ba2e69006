"""The line at a terminal that shows how far a long run is."""

import shutil
import time
from typing import Final, TextIO

from explorer.model.sanitize import sanitize

DELAY: Final = 1.0
"""Seconds before the first progress is shown."""
_CLEAR: Final = "\r\x1b[K"


class ProgressLine:
    """A line that is replaced by the next one, and goes when the run ends.

    Args:
        stream: The terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._is_shown = False

    def show(self, text: str) -> None:
        """Show a progress, unless the run has only begun."""
        if time.monotonic() - self._began < DELAY:
            return
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(_CLEAR + sanitize(text)[:width])
        self._stream.flush()
        self._is_shown = True

    def clear(self) -> None:
        """Remove the line before something else is printed."""
        if self._is_shown:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._is_shown = False
