"""Checks without a schema: allowed values, a range of numbers, a size, a missing part, a regular expression."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from explorer.codecs.constraints.constraint import CheckedValue, parts_of
from explorer.codecs.constraints.value_path import Parts, ValuePath
from explorer.model.format import format_bytes

Number = int | float

_NUMBER: Final = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\s*", re.ASCII)
_MAX_DIGITS: Final = 400
_MAX_LISTED: Final = 10


@dataclass(frozen=True, slots=True)
class EnumCheck:
    """Allowed values. Plain text is compared with how a number or a boolean is written."""

    allowed: tuple[object, ...]

    def broken(self, value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, str]]:
        """Yield the parts that are none of the allowed values."""
        is_plain = value.is_plain and path is None
        for parts, part in parts_of(value, path):
            if not any(_is_same(part, one) or (is_plain and part == _written(one)) for one in self.allowed):
                yield parts, f"{_quoted(part)} is none of {_listed(self.allowed)}"


@dataclass(frozen=True, slots=True)
class RangeCheck:
    """Least and greatest number, both allowed; None for no bound. Plain text is read as a number."""

    minimum: Number | None
    maximum: Number | None

    def broken(self, value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, str]]:
        """Yield the parts that are no number or out of range."""
        is_plain = value.is_plain and path is None
        for parts, part in parts_of(value, path):
            number = _number(part, is_plain=is_plain)
            if number is None:
                yield parts, f"{_quoted(part)} is not a number"
            elif self.minimum is not None and number < self.minimum:
                yield parts, f"{_quoted(part)} is less than {self.minimum}"
            elif self.maximum is not None and number > self.maximum:
                yield parts, f"{_quoted(part)} is greater than {self.maximum}"


@dataclass(frozen=True, slots=True)
class SizeCheck:
    """Least and greatest number of bytes of the whole value; None for no bound."""

    min_size: int | None
    max_size: int | None

    def broken(self, value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, str]]:
        """Yield the whole value if its size is out of range."""
        del path
        size = len(value.raw)
        if self.min_size is not None and size < self.min_size:
            yield (), f"{format_bytes(size)}: smaller than {format_bytes(self.min_size)}"
        if self.max_size is not None and size > self.max_size:
            yield (), f"{format_bytes(size)}: larger than {format_bytes(self.max_size)}"


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A part that must be there."""

    def broken(self, value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, str]]:
        """Yield the whole value if it has no such part."""
        if next(parts_of(value, path), None) is None:
            yield (), f"{path} is missing"


@dataclass(frozen=True, slots=True)
class PatternCheck:
    """A regular expression that must match somewhere in a text.

    Args:
        expression: The expression.
        matches: Returns whether a text has a match, in bounded time.
    """

    expression: str
    matches: Callable[[str], bool]

    def broken(self, value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, str]]:
        """Yield the texts without a match, and what is no text."""
        for parts, part in [((), value.text)] if path is None else parts_of(value, path):
            if not isinstance(part, str):
                yield parts, f"{_quoted(part)} is not a text"
            elif not self.matches(part):
                yield parts, f"{_quoted(part)} does not match {self.expression}"


def _number(part: object, *, is_plain: bool) -> Number | Decimal | None:
    match part:
        case bool():
            return None
        case int():
            return part
        case float():
            return None if math.isnan(part) else part
        case str() if is_plain and len(part) <= _MAX_DIGITS and _NUMBER.fullmatch(part):
            return Decimal(part.strip())
        case _:
            return None


def _is_same(part: object, other: object) -> bool:
    """Return whether two values are equal; True is not 1."""
    return isinstance(part, bool) is isinstance(other, bool) and part == other


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(part: object) -> str:
    match part:
        case str():
            return repr(part)
        case bool():
            return _written(part)
        case int() if part.bit_length() > _MAX_DIGITS * 3:  # Python refuses to write thousands of digits
            return "a number of many digits"
        case int() | float():
            return str(part)
        case None:
            return "null"
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return "a binary value" if isinstance(part, bytes) else f"a {type(part).__name__}"


def _listed(values: Sequence[object]) -> str:
    shown = ", ".join(map(_quoted, values[:_MAX_LISTED]))
    return f"{shown}, ..." if len(values) > _MAX_LISTED else shown
