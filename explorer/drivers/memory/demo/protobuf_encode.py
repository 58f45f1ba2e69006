"""Encoder for the parts of protobuf's wire format that the demo's values need."""

import struct
from collections.abc import Iterable

_VARINT, _DOUBLE, _DELIMITED = 0, 1, 2


def varint(number: int) -> bytes:
    """Encode a number that is not negative, seven bits at a time, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def unsigned(field: int, number: int) -> bytes:
    """Encode a field of an unsigned, boolean or enumerated type; zero is left out, as in proto3."""
    return varint(field << 3 | _VARINT) + varint(number) if number else b""


def zigzag(field: int, number: int) -> bytes:
    """Encode a field of type sint32."""
    return unsigned(field, number * 2 if number >= 0 else -number * 2 - 1)


def double(field: int, number: float) -> bytes:
    """Encode a field of type double."""
    return varint(field << 3 | _DOUBLE) + struct.pack("<d", number) if number else b""


def text(field: int, value: str) -> bytes:
    """Encode a field of type string; the empty one is left out."""
    return nested(field, value.encode()) if value else b""


def nested(field: int, message: bytes) -> bytes:
    """Encode a field of type bytes, a message inside a message, or one entry of a map."""
    return varint(field << 3 | _DELIMITED) + varint(len(message)) + message


def packed(field: int, numbers: Iterable[int]) -> bytes:
    """Encode a repeated field of unsigned numbers."""
    together = b"".join(map(varint, numbers))
    return nested(field, together) if together else b""
