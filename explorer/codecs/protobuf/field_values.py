"""Fields of messages as Python values: exact integers, names of enums, bytes."""

import math
from collections.abc import Iterator
from typing import cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from explorer.codecs.base import Choice, Fields, Limits
from explorer.codecs.protobuf.fields import descriptor_of, has, read, set_fields
from explorer.codecs.protobuf.json_writer import JsonWriter, field_name
from explorer.codecs.protobuf.schemas import Schemas
from explorer.model.errors import InvalidText


def read_fields(value: bytes, choice: Choice, schemas: Schemas, limits: Limits) -> object:
    """Return the fields of a message, without the ones that its schema does not have.

    A field without presence that is not set has its default. Strings are bytes if one of them is not UTF-8.

    Raises:
        InvalidText: The value is not such a message or is too large, or no schema has the type.
    """
    if len(value) > limits.max_value:
        raise InvalidText(f"{len(value):,} bytes: too large for a message")
    for relaxed in (False, True):
        kind = schemas.find(choice.type or "", choice.schema, relaxed=relaxed)
        if kind is None:
            raise InvalidText(f"no schema has a message {choice.type!r}")
        try:
            message = kind.parse(value)
            if not kind.inspector.inspect(message, limits.max_elements).has_invalid_strings:
                return _FieldReader(kind.pool).message(message)
        except (DecodeError, UnicodeDecodeError):  # the latter for the key of a map
            continue
    raise InvalidText(f"it does not parse as {choice.type}")


class _FieldReader(JsonWriter):
    """Converter of messages to Python values, which is JSON's but for what JSON cannot represent exactly."""

    def message(self, message: Message) -> object:
        try:
            value = super().message(message)
        except (ValueError, DecodeError):  # its type has a notation, and this value has none
            return self.fields(message)
        return Fields(value) if isinstance(value, dict) and "@type" in value else value

    def fields(self, message: Message) -> Fields:
        return Fields({field_name(one): self.field(one, value) for one, value in _present_fields(message)})

    def scalar(self, one: FieldDescriptor, value: object) -> object:
        is_single = isinstance(value, float) and one.type == FieldDescriptor.TYPE_FLOAT and math.isfinite(value)
        return super().scalar(one, value) if is_single or one.enum_type is not None else value

    def map_key(self, key: bool | int | str) -> object:  # noqa: FBT001 - a key of a map
        return key


def _present_fields(message: Message) -> Iterator[tuple[FieldDescriptor, object]]:
    """Yield the fields that have a value, in the order of the schema; a field without presence has its default."""
    descriptor = descriptor_of(message)
    for one in cast("list[FieldDescriptor]", descriptor.fields):
        if not one.has_presence or has(message, one):
            yield one, read(message, one)
    if descriptor.is_extendable:
        yield from ((one, value) for one, value in set_fields(message) if one.is_extension)
