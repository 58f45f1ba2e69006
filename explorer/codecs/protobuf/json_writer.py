"""Writer of the JSON of messages, with the schema's field names and maps sorted by key."""

import json
import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from explorer.codecs.protobuf import well_known
from explorer.codecs.protobuf.fields import ANY, descriptor_of, entry_type, is_map, read, set_fields, unpack_any
from explorer.codecs.protobuf.json_reader import NULL_VALUE, VALUE, WRAPPERS
from explorer.codecs.protobuf.numbers import shortest_single

_64_BIT_TYPES: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)


def write_json(message: Message, pool: DescriptorPool) -> str:
    """Return the JSON of a message without its unknown fields.

    Args:
        message: The message.
        pool: The pool of the types in an Any.

    Raises:
        ValueError: JSON cannot represent a value; the message is the reason.
        google.protobuf.message.DecodeError: The content of an Any is not of its type.
        RecursionError: The message is nested too deeply.
    """
    return json.dumps(JsonWriter(pool).message(message), indent=2, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class JsonWriter:
    """Converter of messages to values for `json.dumps`."""

    pool: DescriptorPool

    def message(self, message: Message) -> object:
        """Return a message; well-known types have notations of their own."""
        special = _SPECIAL.get(descriptor_of(message).full_name)
        return self.fields(message) if special is None else special(self, message)

    def fields(self, message: Message) -> dict[str, object]:
        """Return the fields of a message by name."""
        return {field_name(one): self.field(one, value) for one, value in set_fields(message)}

    def scalar(self, one: FieldDescriptor, value: object) -> object:
        """Return a value of a field without fields of its own."""
        return _scalar(one, value)

    def map_key(self, key: bool | int | str) -> object:  # noqa: FBT001 - a key of a map
        """Return a key of a map."""
        return str(key).lower() if isinstance(key, bool) else str(key)

    def field(self, one: FieldDescriptor, value: object) -> object:
        """Return the value of a field: a scalar, a message, a list or a map."""
        if is_map(one):
            return self._map(one, cast("Mapping[bool | int | str, object]", value))
        if one.message_type is not None:
            if one.is_repeated:
                return [self.message(inner) for inner in cast("Iterable[Message]", value)]
            return self.message(cast("Message", value))
        if one.is_repeated:
            return [self.scalar(one, inner) for inner in cast("Iterable[object]", value)]
        return self.scalar(one, value)

    def _map(self, one: FieldDescriptor, entries: Mapping[bool | int | str, object]) -> dict[object, object]:
        value_field = entry_type(one).fields_by_name["value"]
        return {
            self.map_key(key): self.field(value_field, value)
            for key, value in sorted(entries.items(), key=lambda entry: entry[0])
        }

    # Well-known types

    def any(self, message: Message) -> object:
        """Return the message in an Any."""
        url, value = unpack_any(message)
        if not url and not value:
            return {}
        try:
            kind = GetMessageClass(self.pool.FindMessageTypeByName(url.rpartition("/")[2]))
        except KeyError:
            raise ValueError(f"unknown type in an Any: {url or 'no type URL'}") from None
        inner = kind.FromString(value)
        if descriptor_of(inner).full_name in _SPECIAL:
            return {"@type": url, "value": self.message(inner)}
        return {"@type": url, **self.fields(inner)}

    def value(self, message: Message) -> object:
        """Return a google.protobuf.Value."""
        for one, value in set_fields(message):
            if one.name == "null_value":
                return None
            if one.name == "number_value" and not math.isfinite(cast("float", value)):
                raise ValueError(f"a google.protobuf.Value cannot be {value} in JSON")
            return self.field(one, value)
        return None

    def named(self, message: Message, name: str) -> object:
        """Return one field of a message that is written as that field."""
        one = descriptor_of(message).fields_by_name[name]
        return self.field(one, read(message, one))

    def timestamp(self, message: Message) -> object:
        """Return a timestamp as text."""
        return _format_notation(message, well_known.timestamp_text)

    def duration(self, message: Message) -> object:
        """Return a duration as text."""
        return _format_notation(message, well_known.duration_text)

    def mask(self, message: Message) -> object:
        """Return a field mask as text."""
        return well_known.mask_text(list(cast("list[str]", self.named(message, "paths"))))


_SPECIAL: Final[Mapping[str, Callable[[JsonWriter, Message], object]]] = {
    ANY: JsonWriter.any,
    VALUE: JsonWriter.value,
    "google.protobuf.Struct": lambda writer, message: writer.named(message, "fields"),
    "google.protobuf.ListValue": lambda writer, message: writer.named(message, "values"),
    "google.protobuf.Timestamp": JsonWriter.timestamp,
    "google.protobuf.Duration": JsonWriter.duration,
    "google.protobuf.FieldMask": JsonWriter.mask,
    **dict.fromkeys(WRAPPERS, lambda writer, message: writer.named(message, "value")),
}


def field_name(one: FieldDescriptor) -> str:
    """Return the name of a field, or of an extension in brackets."""
    return f"[{one.full_name}]" if one.is_extension else one.name


def _format_notation(message: Message, write: Callable[[int, int], str]) -> str:
    fields = descriptor_of(message).fields_by_name
    seconds, nanos = (cast("int", read(message, fields[name])) for name in ("seconds", "nanos"))
    try:
        return write(seconds, nanos)
    except ValueError as error:
        raise ValueError(f"a {descriptor_of(message).name} {error}") from error


def _scalar(one: FieldDescriptor, value: object) -> object:
    match value:
        case bytes():
            return b64encode(value).decode()
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case float() if one.type == FieldDescriptor.TYPE_FLOAT:
            return shortest_single(value)
        case int() if one.type in _64_BIT_TYPES:
            return str(value)
        case int() if one.enum_type is not None:
            if one.enum_type.full_name == NULL_VALUE and value == 0:
                return None
            enum_value = one.enum_type.values_by_number.get(value)
            return value if enum_value is None else enum_value.name
        case _:
            return value
