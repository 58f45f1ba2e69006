"""Numbers as they are written in JSON and text format, read without losing a digit in silence."""

import math
import re
import struct
from decimal import Decimal, InvalidOperation
from typing import Final

from google.protobuf.descriptor import FieldDescriptor

BOUNDS: Final = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
INTEGERS: Final = {
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_SINT32: "int32",
    FieldDescriptor.TYPE_SFIXED32: "int32",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_FIXED32: "uint32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_SINT64: "int64",
    FieldDescriptor.TYPE_SFIXED64: "int64",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_FIXED64: "uint64",
    FieldDescriptor.TYPE_ENUM: "int32",
}
"""The range of every integer type."""
_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?)(?:[eE][+-]?[0-9]+)?")
_SIGNIFICANT: Final = re.compile(r"[+-]?[0.]*[1-9]")
"""How a number begins that is not zero."""
_EXACT_DOUBLE: Final = 2**53
_EXACT_FLOAT: Final = 2**24
"""From here on a double, or a float, does not hold every whole number."""
_DIGITS: Final = range(6, 10)
"""Significant digits that a float needs to be read back as itself."""


def is_number(text: str) -> bool:
    """Return whether a text is a number as JSON writes it; leading zeros are allowed."""
    return _NUMBER.fullmatch(text) is not None


def integer(text: str, name: str) -> int:
    """Return the whole number that a text says, in any notation: `5`, `5.0`, `5e0`.

    Args:
        text: A number that `is_number` accepts.
        name: The type, as in `BOUNDS`.

    Raises:
        ValueError: It has a fraction, is out of range, or is so large and written with a point or an exponent that
            most programs would round it; the message is the reason.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of more digits than decimal numbers have
        number = Decimal(0)
        if _SIGNIFICANT.match(text):
            raise ValueError(_out_of_range(name)) from None
    low, high = BOUNDS[name]
    if not low <= number <= high:
        raise ValueError(_out_of_range(name))
    if number != number.to_integral_value():
        message = "is not a whole number"
        raise ValueError(message)
    if abs(number) >= _EXACT_DOUBLE and not text.removeprefix("-").isdigit() and Decimal(float(text)) != number:
        message = "is too large to be written with a point or an exponent"
        raise ValueError(message)
    return int(number)


def real(text: str, *, single: bool) -> float:
    """Return the double, or the float, for a number; a fraction is rounded as usual.

    Args:
        text: A number that `is_number` accepts, or that Python reads as a float.
        single: Whether it is stored in 32 bits.

    Raises:
        ValueError: It is too large or too small to be stored, or a large number would lose digits; the message is the
            reason.
    """
    number = float(text)
    if single and math.isfinite(number):
        try:
            number = as_single(number)
        except OverflowError:
            number = math.inf
    kind = "float" if single else "double"
    if math.isinf(number):
        message = f"is too large for a {kind}"
        raise ValueError(message)
    if number == 0 and _SIGNIFICANT.match(text):
        message = f"is too small for a {kind}: it would be stored as 0"
        raise ValueError(message)
    if abs(number) >= (_EXACT_FLOAT if single else _EXACT_DOUBLE) and Decimal(text) not in _spellings(
        number, single=single
    ):
        message = f"has more digits than a {kind} holds: it would be stored as {Decimal(number):f}"
        raise ValueError(message)
    return number


def as_single(number: float) -> float:
    """Return the float of 32 bits nearest to a double.

    Raises:
        OverflowError: There is none.
    """
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def shortest_single(number: float) -> float:
    """Return the double with the fewest digits that is read back as this float of 32 bits."""
    return next((short for digits in _DIGITS if as_single(short := float(f"{number:.{digits}g}")) == number), number)


def _spellings(number: float, *, single: bool) -> tuple[Decimal, ...]:
    shortest = (Decimal(repr(shortest_single(number))),) if single else ()
    return (Decimal(number), Decimal(repr(number)), *shortest)


def _out_of_range(name: str) -> str:
    low, high = BOUNDS[name]
    return f"is out of range for {name}: {low} to {high}"
