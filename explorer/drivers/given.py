"""What all network drivers take from a URL and from variables in the same way."""

from collections.abc import Mapping
from pathlib import Path

from explorer.model.address import Access, Address
from explorer.model.errors import InvalidAddress


def file_named(environment: Mapping[str, str], name: str) -> Path | None:
    """Give the file that a variable names; an empty variable is one that is not set."""
    value = environment.get(name)
    return Path(value) if value else None


def separator(address: Address) -> str:
    """Give the separator of the names in a key.

    Raises:
        InvalidAddress: It is empty.
    """
    text = address.option("separator", "/")
    if not text:
        raise InvalidAddress("the separator cannot be empty", hint="?separator=:", address=address.shown)
    return text


def time_limit(address: Address, access: Access) -> float:
    """Give the seconds that one request may take.

    Raises:
        InvalidAddress: The URL says something else than a number of seconds.
    """
    text = address.option("timeout", "")
    try:
        seconds = float(text) if text else access.timeout
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise InvalidAddress(f"{text!r} is not a number of seconds", hint="?timeout=5", address=address.shown)
    return seconds
