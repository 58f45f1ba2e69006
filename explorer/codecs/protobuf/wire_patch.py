"""Patch of the bytes of a message: unchanged fields keep their bytes and their order.

The library writes fields by number, maps in any order and unknown fields last. Other libraries do not, so that
serializing a message anew would move fields that were not edited.
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
    comparable_field,
    copy_into,
    copy_message,
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
from explorer.codecs.protobuf.wire import Span, WireType

_WIRE_TYPES: Final = {
    FieldDescriptor.TYPE_DOUBLE: WireType.I64,
    FieldDescriptor.TYPE_FIXED64: WireType.I64,
    FieldDescriptor.TYPE_SFIXED64: WireType.I64,
    FieldDescriptor.TYPE_FLOAT: WireType.I32,
    FieldDescriptor.TYPE_FIXED32: WireType.I32,
    FieldDescriptor.TYPE_SFIXED32: WireType.I32,
    FieldDescriptor.TYPE_STRING: WireType.LEN,
    FieldDescriptor.TYPE_BYTES: WireType.LEN,
    FieldDescriptor.TYPE_MESSAGE: WireType.LEN,
    FieldDescriptor.TYPE_GROUP: WireType.SGROUP,
}
"""Wire type of each field type; all others are varints."""

_Pieces: TypeAlias = Iterator[tuple[Span | None, bytes]]


class _Container(Protocol):
    """Repeated field or map."""

    def MergeFrom(self, other: object) -> None: ...  # noqa: N802 - the library's name


def patch_bytes(data: bytes, before: Message, after: Message) -> bytes:
    """Return the bytes of a changed message that differ from the old bytes only in the changed fields.

    Args:
        data: The old bytes.
        before: The message of the old bytes.
        after: The changed message, a copy of `before` with the same unknown fields.

    Returns:
        Bytes that parse as `after`. This is checked; if they would not, the library's own serialization is returned.
    """
    try:
        patched = _patch(data, before, after)
        parsed = type(after).FromString(patched)
    except (ValueError, IndexError, DecodeError):  # fields and elements do not correspond
        return serialized(after)
    return patched if serialized(parsed) == serialized(after) else serialized(after)


def _patch(data: bytes, before: Message, after: Message) -> bytes:
    old = list(wire.spans(data))
    replacements: dict[int, bytes] = {}  # by the offset of the old field
    added: list[tuple[int, bytes]] = []
    for field in fields_of(before, after):
        if comparable_field(before, field) == comparable_field(after, field):
            continue
        wire_types = _wire_types(field)
        own = [span for span in old if span.number == field.number and span.wire_type in wire_types]
        replacements.update((span.start, b"") for span in own)
        offset = own[0].start if own else None
        for span, piece in _pieces(data, own, field, before, after):
            offset = offset if span is None else span.start
            if offset is None:
                added.append((field.number, piece))
            else:
                replacements[offset] += piece
    written: list[bytes] = []
    for span in old:
        while added and added[0][0] < span.number:
            written.append(added.pop(0)[1])
        written.append(replacements.get(span.start, data[span.whole]))
    return b"".join((*written, *(piece for _, piece in added)))


def _wire_types(field: FieldDescriptor) -> Sequence[WireType]:
    """Return the wire types of a field; with another one it is an unknown field."""
    one = _WIRE_TYPES.get(field.type, WireType.VARINT)
    return (one, WireType.LEN) if field.is_repeated else (one,)


def _pieces(data: bytes, own: Sequence[Span], field: FieldDescriptor, before: Message, after: Message) -> _Pieces:
    """Yield the bytes of a changed field in pieces, each with the span that it replaces, or None for an addition."""
    if is_map(field):
        yield from _entries(data, own, field, before, after)
    elif field.message_type is not None and field.is_repeated:
        yield from _elements(data, own, field, elements(before, field), elements(after, field))
    elif len(own) == 1 and field.message_type is not None and has(before, field) and has(after, field):
        yield own[0], _element(data, own[0], submessage(before, field), submessage(after, field))
    else:
        yield own[0] if own else None, _serialize_field(after, field)


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
    """Return a map entry as the library writes it: with key and value, even if they are defaults."""
    alone = type(message)()
    entries, value = mapping(alone, field), mapping(message, field)[key]
    if isinstance(value, Message):
        copy_into(cast("Message", entries[key]), value)
    else:
        entries[key] = value
    return serialized(alone)


def _entry(entry: Message, field: FieldDescriptor, key: Hashable, value: object) -> Message:
    made = copy_message(entry)
    write(made, entry_type(field).fields_by_name["key"], key)
    write(made, entry_type(field).fields_by_name["value"], value)
    return made


def _serialize_field(message: Message, field: FieldDescriptor) -> bytes:
    """Return the bytes of one field."""
    alone = type(message)()
    if field.is_repeated:
        cast("_Container", read(alone, field)).MergeFrom(read(message, field))
    elif not field.has_presence or has(message, field):
        write(alone, field, read(message, field))
    return serialized(alone)


def _element(data: bytes, span: Span, before: Message, after: Message) -> bytes:
    payload = _patch(data[span.payload], before, after)
    return (
        wire.grouped(span.number, payload)
        if span.wire_type is WireType.SGROUP
        else wire.delimited(span.number, payload)
    )


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
