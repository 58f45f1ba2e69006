"""Reason of a write, and keys whose values are masked, for the journal.

Whoever writes gives them in a block; the journal reads them wherever the write is within such a call::

    with write_reason("overrides replicas"):
        await store.put("app", value)
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_REASON: Final[ContextVar[str]] = ContextVar("reason of a write", default="")
_MASKED: Final[ContextVar[frozenset[str]]] = ContextVar("keys with masked values", default=frozenset())


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


@contextmanager
def masked_keys(keys: Iterable[str]) -> Generator[None, None, None]:
    """Set the keys whose values the journal does not keep, besides those that a profile masks."""
    token = _MASKED.set(frozenset(keys))
    try:
        yield
    finally:
        _MASKED.reset(token)


def is_masked_write(key: str) -> bool:
    """Return whether the journal does not keep the values of a key that is written."""
    return key in _MASKED.get()


def override_reason(constraints: Iterable[str]) -> str:
    """Return the reason of a write that breaks constraints on purpose; empty without any.

    Args:
        constraints: Their names.
    """
    names = ", ".join(sorted(constraints))
    return f"overrides {names}" if names else ""
