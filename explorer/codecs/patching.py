"""A changed message written into the bytes of the old one: what did not change keeps its very bytes and its place.

The library writes fields in the order of their numbers, maps in any order, and what it does not know last. Other
libraries do otherwise, and nobody wants to see a whole value move because one field was edited.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Protocol, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from explorer.codecs import wire
from explorer.codecs.fields import (
    comparable,
    content,
    copied,
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
from explorer.codecs.merging import matches
from explorer.codecs.wire import Kind, Span


class _Container(Protocol):
    """What a repeated field or a map is."""

    def MergeFrom(self, other: object) -> None: ...  # noqa: N802 - the library's name


def patched(data: bytes, before: Message, after: Message) -> bytes:
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
    except (ValueError, DecodeError):
        return serialized(after)
    again = type(after)()
    again.MergeFromString(written)
    return written if serialized(again) == serialized(after) else serialized(after)


def _patched(data: bytes, before: Message, after: Message) -> bytes:
    old = list(wire.spans(data))
    changed: dict[int, bytes] = {}
    for field in fields_of(before, after):
        if content(before, field) != content(after, field):
            own = [span for span in old if span.number == field.number]
            changed[field.number] = b"".join(_pieces(data, own, field, before, after))
    written: list[bytes] = []
    missing = sorted(changed.keys() - {span.number for span in old})
    for span in old:
        while missing and missing[0] < span.number:
            written.append(changed.pop(missing.pop(0)))
        if span.number not in changed:
            written.append(data[span.whole])
        else:
            written.append(changed[span.number])
            changed[span.number] = b""
    return b"".join((*written, *(changed[number] for number in missing)))


def _pieces(
    data: bytes, own: Sequence[Span], field: FieldDescriptor, before: Message, after: Message
) -> Iterator[bytes]:
    if is_map(field):
        yield from _entries(data, own, field, before, after)
    elif field.message_type is None:
        yield _alone(after, field)
    elif field.is_repeated:
        yield from _repeated(data, own, field, elements(before, field), elements(after, field))
    elif len(own) == 1 and has(before, field) and has(after, field):
        yield _element(data, own[0], submessage(before, field), submessage(after, field))
    else:
        yield _alone(after, field)


def _entries(
    data: bytes, own: Sequence[Span], field: FieldDescriptor, before: Message, after: Message
) -> Iterator[bytes]:
    entry = GetMessageClass(entry_type(field))
    keys = entry_type(field).fields_by_name["key"]
    was, now = mapping(before, field), mapping(after, field)
    written: set[object] = set()
    for span in own:
        old = entry.FromString(data[span.payload])
        key = read(old, keys)
        if key not in was or (key in now and comparable(was[key]) == comparable(now[key])):
            yield data[span.whole]
        elif key in now and key not in written:
            yield _element(data, span, old, _entry(old, field, key, now[key]))
            written.add(key)
    for key in now:
        if key not in was:
            yield wire.delimited(field.number, serialized(_entry(entry(), field, key, now[key])))


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


def _repeated(
    data: bytes, own: Sequence[Span], field: FieldDescriptor, before: Sequence[Message], after: Sequence[Message]
) -> Iterator[bytes]:
    encode = wire.grouped if field.type == FieldDescriptor.TYPE_GROUP else wire.delimited
    if len(own) != len(before):
        yield from (encode(field.number, serialized(message)) for message in after)
        return
    was = now = 0
    same = matches([comparable(message) for message in before], [comparable(message) for message in after])
    for was_next, now_next in (*same, (len(before), len(after))):
        gap = range(was, was_next)
        if len(gap) == now_next - now:
            for old, new in zip(gap, range(now, now_next), strict=True):
                yield _element(data, own[old], before[old], after[new])
        else:
            yield from (encode(field.number, serialized(message)) for message in after[now:now_next])
        if was_next < len(before):
            yield data[own[was_next].whole]
        was, now = was_next + 1, now_next + 1
