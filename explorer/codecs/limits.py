"""How much of a hostile value is looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What keeps a value from costing more time and memory than it is worth."""

    value: int = 8 << 20
    """Bytes of a value that is shown as a whole and edited; of a longer one the beginning is shown."""
    dump: int = 1 << 20
    """Bytes that are shown in hexadecimal, which takes about five times as much room."""
    elements: int = 10_000
    """Elements of a message, all its lists together, that are shown."""
    guess: int = 1 << 16
    """Bytes of a value that is tried as messages nobody named."""

    def refusal(self, value: bytes, most: int | None = None) -> str:
        """Say why a value is not edited as a whole."""
        most = self.value if most is None else most
        return f"{len(value):,} bytes: the first {most:,} are shown, too large to edit here"
