"""The well-known types that JSON writes as strings: Timestamp, Duration, FieldMask.

Source: the comments of timestamp.proto, duration.proto and field_mask.proto, and protobuf.dev/programming-guides/json.
"""

import re
from datetime import datetime
from typing import Final

_NANOS: Final = 9
_PER_SECOND: Final = 10**_NANOS
_EPOCH_DAY: Final = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a day alone
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
_LONGEST: Final = 315_576_000_000
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_DURATION: Final = re.compile(r"(-?)(\d+)(?:\.(\d+))?s", re.ASCII)
_CAMEL: Final = re.compile(r"[A-Z]")
_SNAKE: Final = re.compile(r"_([a-z])")
_TOO_FINE: Final = "has more than 9 digits of a second"


def timestamp(text: str) -> tuple[int, int]:
    """Return seconds and nanoseconds since 1970 of a time in RFC 3339.

    Raises:
        ValueError: It is none, or outside of the years 1 to 9999; the message is the reason.
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
            raise ValueError("has an offset that is none")
        seconds -= (hours * 3_600 + minutes * 60) * (-1 if found[8] == "-" else 1)
    _check_timestamp(seconds, 0)
    return seconds, _nanos(found[7])


def timestamp_text(seconds: int, nanos: int) -> str:
    """Return a time in RFC 3339.

    Raises:
        ValueError: The numbers are outside of what a Timestamp may hold; the message is the reason.
    """
    _check_timestamp(seconds, nanos)
    days, rest = divmod(seconds, 86_400)
    day = datetime.fromordinal(days + _EPOCH_DAY)
    clock = f"{rest // 3_600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{day.year:04}-{day.month:02}-{day.day:02}T{clock}{_fraction(nanos)}Z"


def duration(text: str) -> tuple[int, int]:
    """Return seconds and nanoseconds of a length of time such as `1.5s`.

    Raises:
        ValueError: It is none, or longer than about 10,000 years; the message is the reason.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("is not a duration such as 1.5s")
    sign = -1 if found[1] else 1
    digits = found[2].lstrip("0") or "0"
    if len(digits) > len(str(_LONGEST)):
        raise ValueError("is out of range: a Duration is at most 315576000000 seconds")
    seconds, nanos = sign * int(digits), sign * _nanos(found[3])
    _check_duration(seconds, nanos)
    return seconds, nanos


def duration_text(seconds: int, nanos: int) -> str:
    """Return a length of time as JSON writes it.

    Raises:
        ValueError: The numbers are outside of what a Duration may hold; the message is the reason.
    """
    _check_duration(seconds, nanos)
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def mask_paths(text: str) -> list[str]:
    """Return the paths of a FieldMask, whose names JSON writes in camel case.

    Raises:
        ValueError: A path would not be written back as it is; the message is the reason.
    """
    paths = [_CAMEL.sub(lambda found: f"_{found[0].lower()}", path) for path in text.split(",")] if text else []
    if not all(paths) or "_" in text:
        raise ValueError("is not a list of paths such as user.displayName,photo")
    return paths


def mask_text(paths: list[str]) -> str:
    """Return the paths of a FieldMask as one text.

    Raises:
        ValueError: A path cannot be written in camel case and read back.
    """
    text = ",".join(_SNAKE.sub(lambda found: found[1].upper(), path) for path in paths)
    try:
        same = mask_paths(text) == paths
    except ValueError:
        same = False
    if not same:
        raise ValueError(f"a FieldMask has a path that JSON cannot say: {','.join(paths)}")
    return text


def _check_timestamp(seconds: int, nanos: int) -> None:
    if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < _PER_SECOND):
        raise ValueError("is out of range: a Timestamp is in the years 1 to 9999")


def _check_duration(seconds: int, nanos: int) -> None:
    if abs(seconds) > _LONGEST or abs(nanos) >= _PER_SECOND or seconds * nanos < 0:
        raise ValueError("is out of range: a Duration is at most 315576000000 seconds")


def _nanos(fraction: str | None) -> int:
    digits = (fraction or "").rstrip("0")
    if len(digits) > _NANOS:
        raise ValueError(_TOO_FINE)
    return int(digits.ljust(_NANOS, "0"))


def _fraction(nanos: int) -> str:
    digits = f"{nanos:0{_NANOS}}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f".{digits}" if digits else ""
