"""The codecs of a store, brought together when the first value is read: their libraries are a third of the start."""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from explorer.codecs.base import Choice, Document

if TYPE_CHECKING:  # with them comes protobuf
    from explorer.codecs.codecs import Codecs


class LazyCodecs:
    """Stands for codecs that are not made yet.

    Args:
        make: Makes them; what it raises is raised by whoever reads the first value.
    """

    def __init__(self, make: Callable[[], "Codecs"]) -> None:
        self._make = make
        self._made: Codecs | None = None
        self._lock = Lock()

    def prepare(self) -> "Codecs":
        """Make them, if that was not done; another thread may do it, and everybody else waits for it."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def open(self, key: str, value: bytes, choice: Choice | None = None) -> Document:
        """Give the document of a value."""
        return self.prepare().open(key, value, choice)

    def preview(self, key: str, value: bytes, choice: Choice | None = None) -> Document | None:
        """Return the beginning of a large value as a document, at once; None where only the whole can be read."""
        return self.prepare().preview(key, value, choice)

    def patterns(self, key: str) -> tuple[str, ...]:
        """Return patterns for keys like this one, the likeliest first."""
        return self.prepare().patterns(key)

    def add_rule(self, key: str, text: str, choice: Choice) -> None:
        """Read all keys that match a pattern in a certain way from now on."""
        self.prepare().add_rule(key, text, choice)

    def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        """Give the ways in which a value can be read, likely ones first."""
        return self.prepare().choices(key, value)
