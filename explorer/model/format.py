"""Numbers and errors in a few characters, for every view."""

from typing import Final

from explorer.model.errors import ExplorerError

_KIBIBYTE: Final = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MAX_SECONDS_WITH_TENTHS: Final = 10


def format_bytes(count: int) -> str:
    """Return a number of bytes with a unit, such as `1.5 KiB`."""
    if count < _KIBIBYTE:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB"):
        amount /= _KIBIBYTE
        if amount < _KIBIBYTE:
            return f"{amount:.1f} {unit}"
    return f"{amount / _KIBIBYTE:.1f} GiB"


def format_duration(seconds: float) -> str:
    """Return a duration in a few characters: `0.4s`, `12s`, `3m20s`, `5h03m`, `2d4h`."""
    if seconds < _MAX_SECONDS_WITH_TENTHS:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR}h"


def format_error(error: ExplorerError) -> str:
    """Return an error and its hint in one line; not sanitised."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
