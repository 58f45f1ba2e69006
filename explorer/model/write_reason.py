"""Reason of a write, for the journal.

Whoever writes gives the reason in a block; the journal reads it wherever the write is within such a call::

    with write_reason("overrides replicas"):
        await store.put("app", value)
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_REASON: Final[ContextVar[str]] = ContextVar("reason of a write", default="")


@contextmanager
def write_reason(reason: str) -> Generator[None, None, None]:
    """Set the reason of the writes that are awaited in the block.

    Args:
        reason: A short text without secrets, added to that of the block around it.
    """
    token = _REASON.set("; ".join(text for text in (_REASON.get(), reason) if text))
    try:
        yield
    finally:
        _REASON.reset(token)


def current_write_reason() -> str:
    """Return the reason of a write; empty if there is none."""
    return _REASON.get()


def override_reason(constraints: Iterable[str]) -> str:
    """Return the reason of a write that breaks constraints on purpose; empty without any.

    Args:
        constraints: Their names.
    """
    names = ", ".join(sorted(constraints))
    return f"overrides {names}" if names else ""
