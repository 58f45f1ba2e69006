"""What is typed and pasted is not always what a terminal should send."""

import sys
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from functools import partial


def forgive() -> None:
    """Have bytes that are not UTF-8 read as replacement characters.

    Textual ends the app at the first of them, as half a character in a paste would be (its input thread decodes
    strictly, and offers no other way in).
    """
    if sys.platform != "win32":
        from textual.drivers import linux_driver  # noqa: PLC0415 - there is none on Windows

        linux_driver.getincrementaldecoder = _tolerant  # type: ignore[attr-defined, assignment]  # not a name that it exports


def _tolerant(encoding: str) -> Callable[[], IncrementalDecoder]:
    return partial(getincrementaldecoder(encoding), errors="replace")
