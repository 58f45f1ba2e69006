"""A changed message written into the bytes of the old one: what did not change keeps its very bytes and its place.

The library writes fields in the order of their numbers, maps in any order, and what it does not know last. Other
libraries do otherwise, and nobody wants to see a whole value move because one field was edited.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Final, Protocol, TypeAlias, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from explorer.codecs.line_merge import matching_pairs
from explorer.codecs.protobuf import wire
from explorer.codecs.protobuf.fields import (
    comparable,
    content,
    copied,
    copy_into,
    elements,
    entry_type,
    fields_of,
    has,
    is_map,
    mapping,
    read,
    serialized,
    submessage,
    write,
)
from explorer.codecs.protobuf.wire import Kind, Span

_KINDS: Final = {
    FieldDescriptor.TYPE_DOUBLE: Kind.FIXED64,
    FieldDescriptor.TYPE_FIXED64: Kind.FIXED64,
    FieldDescriptor.TYPE_SFIXED64: Kind.FIXED64,
    FieldDescriptor.TYPE_FLOAT: Kind.FIXED32,
    FieldDescriptor.TYPE_FIXED32: Kind.FIXED32,
    FieldDescriptor.TYPE_SFIXED32: Kind.FIXED32,
    FieldDescriptor.TYPE_STRING: Kind.DELIMITED,
    FieldDescriptor.TYPE_BYTES: Kind.DELIMITED,
    FieldDescriptor.TYPE_MESSAGE: Kind.DELIMITED,
    FieldDescriptor.TYPE_GROUP: Kind.GROUP,
}
"""How types are written; those that are not here are numbers of seven bits a byte."""

_Pieces: TypeAlias = Iterator[tuple[Span | None, bytes]]


class _Container(Protocol):
    """What a repeated field or a map is."""

    def MergeFrom(self, other: object) -> None: ...  # noqa: N802 - the library's name


def patch_bytes(data: bytes, before: Message, after: Message) -> bytes:
    """Write a message so that only what changed differs from the old bytes.

    Args:
        data: The old bytes.
        before: The message that they are.
        after: The message to write, made from `before`: what the schema does not know is in both.

    Returns:
        Bytes that parse as `after`; whether they do is checked, and where they would not, the library's own are given.
    """
    try:
        written = _patched(data, before, after)
        again = type(after).FromString(written)
    except (ValueError, IndexError, DecodeError):  # not as many elements as fields, or not as this module reads it
        return serialized(after)
    return written if serialized(again) == serialized(after) else serialized(after)


def _patched(data: bytes, before: Message, after: Message) -> bytes:
    old = list(wire.spans(data))
    instead: dict[int, bytes] = {}  # by where a field began
    missing: list[tuple[int, bytes]] = []
    for field in fields_of(before, after):
        if content(before, field) == content(after, field):
            continue
        kinds = _kinds(field)
        own = [span for span in old if span.number == field.number and span.kind in kinds]
        instead.update((span.start, b"") for span in own)
        place = own[0].start if own else None
        for span, piece in _pieces(data, own, field, before, after):
            place = place if span is None else span.start
            if place is None:
                missing.append((field.number, piece))
            else:
                instead[place] += piece
    written: list[bytes] = []
    for span in old:
        while missing and missing[0][0] < span.number:
            written.append(missing.pop(0)[1])
        written.append(instead.get(span.start, data[span.whole]))
    return b"".join((*written, *(piece for _, piece in missing)))


def _kinds(field: FieldDescriptor) -> Sequence[Kind]:
    """Give the wire types that a field may have; in another one it is a field that the schema does not know."""
    one = _KINDS.get(field.type, Kind.VARINT)
    return (one, Kind.DELIMITED) if field.is_repeated else (one,)


def _pieces(data: bytes, own: Sequence[Span], field: FieldDescriptor, before: Message, after: Message) -> _Pieces:
    """Give the bytes of a changed field, each with the old ones that it stands for, or None where it is new."""
    if is_map(field):
        yield from _entries(data, own, field, before, after)
    elif field.message_type is not None and field.is_repeated:
        yield from _elements(data, own, field, elements(before, field), elements(after, field))
    elif len(own) == 1 and field.message_type is not None and has(before, field) and has(after, field):
        yield own[0], _element(data, own[0], submessage(before, field), submessage(after, field))
    else:
        yield own[0] if own else None, _alone(after, field)


def _entries(data: bytes, own: Sequence[Span], field: FieldDescriptor, before: Message, after: Message) -> _Pieces:
    entry = GetMessageClass(entry_type(field))
    keys = entry_type(field).fields_by_name["key"]
    was, now = mapping(before, field), mapping(after, field)
    written: set[object] = set()
    for span in own:
        old = entry.FromString(data[span.payload])
        key = read(old, keys)
        if key not in was or (key in now and comparable(was[key]) == comparable(now[key])):
            yield span, data[span.whole]
        elif key in now and key not in written:
            plain = data[span.whole] == _plain_entry(before, field, key)
            new = _entry(old, field, key, now[key])
            yield span, _plain_entry(after, field, key) if plain else _element(data, span, old, new)
            written.add(key)
    for key in now:
        if key not in was:
            yield None, _plain_entry(after, field, key)


def _plain_entry(message: Message, field: FieldDescriptor, key: Hashable) -> bytes:
    """Write one entry of a map as the library does: with its key and its value, though they are the default ones."""
    alone = type(message)()
    entries, value = mapping(alone, field), mapping(message, field)[key]
    if isinstance(value, Message):
        copy_into(cast("Message", entries[key]), value)
    else:
        entries[key] = value
    return serialized(alone)


def _entry(entry: Message, field: FieldDescriptor, key: Hashable, value: object) -> Message:
    made = copied(entry)
    write(made, entry_type(field).fields_by_name["key"], key)
    write(made, entry_type(field).fields_by_name["value"], value)
    return made


def _alone(message: Message, field: FieldDescriptor) -> bytes:
    """Write one field."""
    alone = type(message)()
    if field.is_repeated:
        cast("_Container", read(alone, field)).MergeFrom(read(message, field))
    elif not field.has_presence or has(message, field):
        write(alone, field, read(message, field))
    return serialized(alone)


def _element(data: bytes, span: Span, before: Message, after: Message) -> bytes:
    payload = _patched(data[span.payload], before, after)
    return wire.grouped(span.number, payload) if span.kind is Kind.GROUP else wire.delimited(span.number, payload)


def _elements(
    data: bytes, own: Sequence[Span], field: FieldDescriptor, before: Sequence[Message], after: Sequence[Message]
) -> _Pieces:
    encode = wire.grouped if field.type == FieldDescriptor.TYPE_GROUP else wire.delimited
    was = now = 0
    same = matching_pairs([comparable(message) for message in before], [comparable(message) for message in after])
    for was_next, now_next in (*same, (len(before), len(after))):
        replaced = was_next - was == now_next - now
        for new in range(now, now_next):
            old = was + new - now
            if replaced:
                yield own[old], _element(data, own[old], before[old], after[new])
            else:
                yield None, encode(field.number, serialized(after[new]))
        if was_next < len(before):
            yield own[was_next], data[own[was_next].whole]
        was, now = was_next + 1, now_next + 1
