"""What every driver's connection has, for what drivers share."""

from typing import Protocol, TypeVar


class Connection(Protocol):
    """The way to a store, whatever is spoken on it."""

    redacted: str
    """The address for messages."""
    timeout: float
    """Seconds that one request may take."""

    async def close(self) -> None:
        """End it; nothing can be asked any more."""


Connected = TypeVar("Connected", bound=Connection)
