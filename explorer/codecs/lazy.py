"""Codecs that are made for the first value, because their libraries are a third of the start time."""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from explorer.codecs.base import Choice, Document

if TYPE_CHECKING:  # with them comes protobuf
    from explorer.codecs.codecs import Codecs
    from explorer.codecs.constraints.constraint import Violation


class LazyCodecs:
    """Thread-safe lazy proxy of `Codecs`.

    Args:
        make: Returns the codecs. Its errors are raised by the first call that needs them.
    """

    def __init__(self, make: Callable[[], "Codecs"]) -> None:
        self._make = make
        self._codecs: Codecs | None = None
        self._lock = Lock()

    def prepare(self) -> "Codecs":
        """Return the codecs, made once; other threads wait."""
        with self._lock:
            if self._codecs is None:
                self._codecs = self._make()
            return self._codecs

    def open(self, key: str, value: bytes, choice: Choice | None = None) -> Document:
        """Return the document of a value."""
        return self.prepare().open(key, value, choice)

    def preview(self, key: str, value: bytes, choice: Choice | None = None) -> Document | None:
        """Return a document of the beginning of a large value, or None if its codec needs the whole value."""
        return self.prepare().preview(key, value, choice)

    def patterns(self, key: str) -> tuple[str, ...]:
        """Return patterns for keys similar to this one, the most likely first."""
        return self.prepare().patterns(key)

    def add_rule(self, key: str, text: str, choice: Choice) -> None:
        """Add a rule, and write it to the rule file."""
        self.prepare().add_rule(key, text, choice)

    def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        """Return the choices for a value, the most likely first."""
        return self.prepare().choices(key, value)

    def loads_for_choices(self, key: str) -> bool:
        """Return whether schemas have to be loaded before the choices for a key are known."""
        return self.prepare().loads_for_choices(key)

    def has_constraints(self, key: str) -> bool:
        """Return whether the values of a key have constraints."""
        return self.prepare().has_constraints(key)

    def violations(self, key: str, value: bytes) -> tuple["Violation", ...]:
        """Return what breaks the constraints of a key."""
        return self.prepare().violations(key, value)

    def message_text(self, key: str, value: bytes) -> str | None:
        """Return the text of a value that is a message; None for any other."""
        return self.prepare().message_text(key, value)
