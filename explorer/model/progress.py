"""Progress of a call that takes long, for the person who waits for it.

The caller listens for the calls that it awaits in a block; a store reports wherever it is within such a call. Neither
knows the other::

    with progress_listener(print):
        await store.children("")
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_LISTENER: Final[ContextVar[Callable[[str], None] | None]] = ContextVar("progress listener", default=None)


@contextmanager
def progress_listener(on_progress: Callable[[str], None]) -> Generator[None, None, None]:
    """Call a function with each progress that is reported by what is awaited in the block.

    Args:
        on_progress: Called with a short text, such as `scanned 12k of about 100k`.
    """
    token = _LISTENER.set(on_progress)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def report_progress(text: str) -> None:
    """Report progress to the caller, if one listens."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(text)


def has_progress_listener() -> bool:
    """Return whether a caller listens, so that a report is worth a request."""
    return _LISTENER.get() is not None
