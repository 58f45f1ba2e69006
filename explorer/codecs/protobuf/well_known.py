"""String notations of well-known types in JSON: Timestamp, Duration, FieldMask.

Source: the comments of timestamp.proto, duration.proto and field_mask.proto, and protobuf.dev/programming-guides/json.
"""

import re
from datetime import datetime
from typing import Final

_NANO_DIGITS: Final = 9
_NANOS_PER_SECOND: Final = 10**_NANO_DIGITS
_EPOCH_DAY: Final = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - only the day
_MIN_TIMESTAMP: Final = -62_135_596_800
_MAX_TIMESTAMP: Final = 253_402_300_799
_MAX_DURATION: Final = 315_576_000_000
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_DURATION: Final = re.compile(r"(-?)(\d+)(?:\.(\d+))?s", re.ASCII)
_CAMEL: Final = re.compile(r"[A-Z]")
_SNAKE: Final = re.compile(r"_([a-z])")
_TOO_FINE: Final = "has more than 9 digits of a second"


def timestamp(text: str) -> tuple[int, int]:
    """Return seconds since 1970 and nanoseconds of a time in RFC 3339.

    Raises:
        ValueError: The text is not a time, or not in the years 1 to 9999; the message is the reason.
    """
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError("is not a time such as 2024-01-31T10:30:00Z")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the offset is applied below
    except ValueError as error:
        message = f"is not a time: {error}"
        raise ValueError(message) from error
    days = moment.toordinal() - _EPOCH_DAY
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
    if found[8]:
        hours, minutes = int(found[9]), int(found[10])
        if hours > 23 or minutes > 59:  # noqa: PLR2004 - as clocks have it
            raise ValueError("has an invalid offset")
        seconds -= (hours * 3_600 + minutes * 60) * (-1 if found[8] == "-" else 1)
    _check_timestamp(seconds, 0)
    return seconds, _nanos(found[7])


def timestamp_text(seconds: int, nanos: int) -> str:
    """Return a time in RFC 3339.

    Raises:
        ValueError: The numbers are out of range for a Timestamp; the message is the reason.
    """
    _check_timestamp(seconds, nanos)
    days, rest = divmod(seconds, 86_400)
    day = datetime.fromordinal(days + _EPOCH_DAY)
    clock = f"{rest // 3_600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{day.year:04}-{day.month:02}-{day.day:02}T{clock}{_fraction(nanos)}Z"


def duration(text: str) -> tuple[int, int]:
    """Return seconds and nanoseconds of a duration such as `1.5s`.

    Raises:
        ValueError: The text is not a duration, or longer than about 10,000 years; the message is the reason.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("is not a duration such as 1.5s")
    sign = -1 if found[1] else 1
    digits = found[2].lstrip("0") or "0"
    if len(digits) > len(str(_MAX_DURATION)):
        raise ValueError("is out of range: a Duration is at most 315576000000 seconds")
    seconds, nanos = sign * int(digits), sign * _nanos(found[3])
    _check_duration(seconds, nanos)
    return seconds, nanos


def duration_text(seconds: int, nanos: int) -> str:
    """Return a duration such as `1.5s`.

    Raises:
        ValueError: The numbers are out of range for a Duration; the message is the reason.
    """
    _check_duration(seconds, nanos)
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def mask_paths(text: str) -> list[str]:
    """Return the paths of a FieldMask from its camel-case names.

    Raises:
        ValueError: A path would be written differently; the message is the reason.
    """
    paths = [_CAMEL.sub(lambda found: f"_{found[0].lower()}", path) for path in text.split(",")] if text else []
    if not all(paths) or "_" in text:
        raise ValueError("is not a list of paths such as user.displayName,photo")
    return paths


def mask_text(paths: list[str]) -> str:
    """Return the camel-case names of the paths of a FieldMask.

    Raises:
        ValueError: A path would be read differently; the message is the reason.
    """
    text = ",".join(_SNAKE.sub(lambda found: found[1].upper(), path) for path in paths)
    try:
        is_reversible = mask_paths(text) == paths
    except ValueError:
        is_reversible = False
    if not is_reversible:
        raise ValueError(f"a FieldMask has a path that JSON cannot represent: {','.join(paths)}")
    return text


def _check_timestamp(seconds: int, nanos: int) -> None:
    if not (_MIN_TIMESTAMP <= seconds <= _MAX_TIMESTAMP and 0 <= nanos < _NANOS_PER_SECOND):
        raise ValueError("is out of range: a Timestamp is in the years 1 to 9999")


def _check_duration(seconds: int, nanos: int) -> None:
    if abs(seconds) > _MAX_DURATION or abs(nanos) >= _NANOS_PER_SECOND or seconds * nanos < 0:
        raise ValueError("is out of range: a Duration is at most 315576000000 seconds")


def _nanos(fraction: str | None) -> int:
    digits = (fraction or "").rstrip("0")
    if len(digits) > _NANO_DIGITS:
        raise ValueError(_TOO_FINE)
    return int(digits.ljust(_NANO_DIGITS, "0"))


def _fraction(nanos: int) -> str:
    digits = f"{nanos:0{_NANO_DIGITS}}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f".{digits}" if digits else ""
