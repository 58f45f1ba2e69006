"""Protobuf's wire format, without a schema: where each field of a message begins and ends.

Source: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

_SEVEN: int = 0x7F
_MORE: int = 0x80


class Kind(IntEnum):
    """How the payload of a field is written."""

    VARINT = 0
    FIXED64 = 1
    DELIMITED = 2
    GROUP = 3
    END = 4
    FIXED32 = 5


_SIZES = {Kind.FIXED64: 8, Kind.FIXED32: 4}


@dataclass(frozen=True, slots=True)
class Span:
    """One field of a message, as places in its bytes."""

    number: int
    kind: Kind
    start: int
    payload: slice
    """What is between the tag (and the length) and the end; of a group, its fields."""
    end: int

    @property
    def whole(self) -> slice:
        """From the tag to the end."""
        return slice(self.start, self.end)


def spans(data: bytes, start: int = 0, group: int | None = None) -> Iterator[Span]:
    """Find the fields of a message.

    Args:
        data: The bytes of a message, or around a group.
        start: Where its first field begins.
        group: The number of the group that they are in; the last span given is then its end.

    Raises:
        ValueError: It is no message.
    """
    at = start
    while at < len(data):
        begin = at
        tag, at = varint(data, at)
        number, kind = tag >> 3, Kind(tag & 7)
        match kind:
            case Kind.VARINT:
                payload, (_, end) = at, varint(data, at)
            case Kind.DELIMITED:
                length, payload = varint(data, at)
                end = payload + length
            case Kind.GROUP:
                *_, last = spans(data, at, number)
                yield Span(number, kind, begin, slice(at, last.start), last.end)
                at = last.end
                continue
            case Kind.END:
                payload = end = at
            case _:
                payload, end = at, at + _SIZES[kind]
        if end > len(data):
            raise ValueError("a field is longer than the message")
        yield Span(number, kind, begin, slice(payload, end), end)
        at = end
        if kind is Kind.END:
            if number != group:
                raise ValueError("a group ends that did not begin")
            return
    if group is not None:
        raise ValueError("a group does not end")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, and give where it ends.

    Raises:
        ValueError: It does not end.
    """
    number = 0
    for place in range(0, 70, 7):
        if at == len(data):
            break
        number |= (data[at] & _SEVEN) << place
        at += 1
        if not data[at - 1] & _MORE:
            return number, at
    raise ValueError("a number does not end")


def encode_varint(number: int) -> bytes:
    """Write a number that is not negative, seven bits a byte."""
    encoded = bytearray()
    while number > _SEVEN:
        encoded.append(number & _SEVEN | _MORE)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def tag(number: int, kind: Kind) -> bytes:
    """Write what a field begins with."""
    return encode_varint(number << 3 | kind)


def delimited(number: int, payload: bytes) -> bytes:
    """Write a field that tells its length."""
    return tag(number, Kind.DELIMITED) + encode_varint(len(payload)) + payload


def grouped(number: int, payload: bytes) -> bytes:
    """Write a group."""
    return tag(number, Kind.GROUP) + payload + tag(number, Kind.END)
