"""Numbers of JSON and text format, parsed without silent rounding."""

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
"""Range of each integer type, as in `BOUNDS`."""
_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?)(?:[eE][+-]?[0-9]+)?")
_SIGNIFICANT: Final = re.compile(r"[+-]?[0.]*[1-9]")
"""Start of a number that is not zero."""
_EXACT_DOUBLE: Final = 2**53
_EXACT_FLOAT: Final = 2**24
"""Integers up to which a double, or a float, is exact."""
_FLOAT_DIGITS: Final = range(6, 10)
"""Significant digits that identify a float."""


def is_number(text: str) -> bool:
    """Return whether a text is a JSON number; leading zeros are allowed."""
    return _NUMBER.fullmatch(text) is not None


def integer(text: str, name: str) -> int:
    """Return the integer of a number in any notation: `5`, `5.0`, `5e0`.

    Args:
        text: A number that `is_number` accepts.
        name: The type, as in `BOUNDS`.

    Raises:
        ValueError: The number has a fraction, is out of range, or is so large and written with a point or an exponent
            that most programs would round it; the message is the reason.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:  # the exponent is too large for a decimal
        number = Decimal(0)
        if _SIGNIFICANT.match(text):
            raise ValueError(_out_of_range(name)) from None
    low, high = BOUNDS[name]
    if not low <= number <= high:
        raise ValueError(_out_of_range(name))
    if number != number.to_integral_value():
        message = "is not an integer"
        raise ValueError(message)
    if abs(number) >= _EXACT_DOUBLE and not text.removeprefix("-").isdigit() and Decimal(float(text)) != number:
        message = "is too large to be written with a point or an exponent"
        raise ValueError(message)
    return int(number)


def real(text: str, *, single: bool) -> float:
    """Return the nearest double or float of a number; fractions are rounded.

    Args:
        text: A number that `is_number` accepts, or that Python reads as a float.
        single: Return a float of 32 bits.

    Raises:
        ValueError: The number is too large or too small, or a large number would lose digits; the message is the
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
        OverflowError: The number is too large.
    """
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def shortest_single(number: float) -> float:
    """Return the double with the fewest digits that rounds to this float of 32 bits."""
    return next(
        (short for digits in _FLOAT_DIGITS if as_single(short := float(f"{number:.{digits}g}")) == number), number
    )


def _spellings(number: float, *, single: bool) -> tuple[Decimal, ...]:
    shortest = (Decimal(repr(shortest_single(number))),) if single else ()
    return (Decimal(number), Decimal(repr(number)), *shortest)


def _out_of_range(name: str) -> str:
    low, high = BOUNDS[name]
    return f"is out of range for {name}: {low} to {high}"
