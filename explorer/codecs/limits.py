"""How much of a hostile value is looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What keeps a value from costing more time and memory than it is worth."""

    shown: int = 16 << 20
    """Bytes of a value that is shown as a whole; of a longer one the beginning is shown."""
    value: int = 8 << 20
    """Bytes of a text or a message that is edited."""
    dump: int = 1 << 20
    """Bytes of a value that is edited in hexadecimal, which takes about five times as much room."""
    sample: int = 1 << 16
    """Bytes of a large value by which it is told what is shown first, and what it could be read as."""
    elements: int = 10_000
    """Elements of a message, all its lists together, that are shown."""
    guess: int = 1 << 16
    """Bytes of a value that is tried as messages nobody named."""

    def refusal(self, value: bytes, editable: int) -> str | None:
        """Return why a value is not edited, and whether only its beginning is shown; None if it is edited.

        Args:
            value: The whole value.
            editable: Bytes up to which it would be.
        """
        if len(value) > self.shown:
            return f"{len(value):,} bytes: the first {self.shown:,} are shown, too large to edit here"
        if len(value) > editable:
            return f"{len(value):,} bytes: too large to edit here (at most {editable:,})"
        return None
