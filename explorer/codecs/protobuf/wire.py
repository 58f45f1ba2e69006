"""Protobuf wire format without a schema: the spans of fields, and their encoding.

Source: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_PAYLOAD_BITS: Final = 0x7F
_CONTINUATION_BIT: Final = 0x80


class WireType(IntEnum):
    """Encoding of a field's payload."""

    VARINT = 0
    I64 = 1
    LEN = 2
    SGROUP = 3
    EGROUP = 4
    I32 = 5


_SIZES = {WireType.I64: 8, WireType.I32: 4}


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of one field in the bytes of a message."""

    number: int
    wire_type: WireType
    start: int
    payload: slice
    """Value without tag and length; of a group, its fields."""
    end: int

    @property
    def whole(self) -> slice:
        """Slice from the tag to the end."""
        return slice(self.start, self.end)


def spans(data: bytes, start: int = 0, group: int | None = None) -> Iterator[Span]:
    """Yield the fields of a message.

    Args:
        data: The bytes of a message, or around a group.
        start: The offset of the first field.
        group: The field number of the group to parse; its last span is the end tag.

    Raises:
        ValueError: The bytes are not a message.
    """
    at = start
    while at < len(data):
        begin = at
        tag, at = varint(data, at)
        number, wire_type = tag >> 3, WireType(tag & 7)
        match wire_type:
            case WireType.VARINT:
                payload, (_, end) = at, varint(data, at)
            case WireType.LEN:
                length, payload = varint(data, at)
                end = payload + length
            case WireType.SGROUP:
                *_, last = spans(data, at, number)
                yield Span(number, wire_type, begin, slice(at, last.start), last.end)
                at = last.end
                continue
            case WireType.EGROUP:
                payload = end = at
            case _:
                payload, end = at, at + _SIZES[wire_type]
        if end > len(data):
            raise ValueError("a field is longer than the message")
        yield Span(number, wire_type, begin, slice(payload, end), end)
        at = end
        if wire_type is WireType.EGROUP:
            if number != group:
                raise ValueError("unexpected end of a group")
            return
    if group is not None:
        raise ValueError("a group has no end")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a varint and the offset of its end.

    Raises:
        ValueError: The varint has no end.
    """
    number = 0
    for shift in range(0, 70, 7):
        if at == len(data):
            break
        number |= (data[at] & _PAYLOAD_BITS) << shift
        at += 1
        if not data[at - 1] & _CONTINUATION_BIT:
            return number, at
    raise ValueError("a varint has no end")


def encode_varint(number: int) -> bytes:
    """Return a non-negative number as a varint."""
    encoded = bytearray()
    while number > _PAYLOAD_BITS:
        encoded.append(number & _PAYLOAD_BITS | _CONTINUATION_BIT)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def tag(number: int, wire_type: WireType) -> bytes:
    """Return the tag of a field."""
    return encode_varint(number << 3 | wire_type)


def delimited(number: int, payload: bytes) -> bytes:
    """Return a length-delimited field."""
    return tag(number, WireType.LEN) + encode_varint(len(payload)) + payload


def grouped(number: int, payload: bytes) -> bytes:
    """Return a group."""
    return tag(number, WireType.SGROUP) + payload + tag(number, WireType.EGROUP)
