"""The size of the terminal's window."""

import shutil

from textual.events import Resize
from textual.geometry import Size


def current_size(event: Resize) -> Resize | None:
    """Tell the size that the window has by now, if that is not what an event says; None if it is.

    Textual reads the size in the handler of a signal, which the next signal may interrupt: of two sizes in quick
    succession, as when a window is dragged, the older can be told last.
    """
    size = Size(*shutil.get_terminal_size())  # as Textual asks for it
    return None if size == event.size else Resize(size, size)
