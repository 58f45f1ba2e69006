"""Parser of the JSON of messages; it refuses what would be stored differently from what is written.

Source: protobuf.dev/programming-guides/json. The library's own parser accepts a list or a string as an empty message,
drops repeated map keys, and stores invalid base64 as no bytes, so it is not used.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, Protocol, TypeAlias, TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from explorer.codecs.protobuf import well_known
from explorer.codecs.protobuf.fields import (
    ANY,
    descriptor_of,
    entry_type,
    extension,
    is_map,
    mapping,
    message_type,
    missing_fields,
    read,
    serialized,
    set_present,
    submessage,
    write,
)
from explorer.codecs.protobuf.json_scalars import (
    InvalidNodeError,
    read_key,
    read_notation,
    read_scalar,
    surrogate_problem,
)
from explorer.codecs.protobuf.json_tree import JsonNode, JsonNumber, JsonObject, kind_name, offset, parse_json
from explorer.codecs.text.escapes import invalid

VALUE: Final = "google.protobuf.Value"
NULL_VALUE: Final = "google.protobuf.NullValue"
WRAPPERS: Final = tuple(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)
_EMPTY: Final = "google.protobuf.Empty"
_TYPE_URL: Final = "@type"
_EMPTY_NAME: Final = '""'

Item = TypeVar("Item")
_Members: TypeAlias = Sequence[tuple[int, str, JsonNode]]
"""Members of an object, each with its index."""


def read_json(text: str, message_class: type[Message], pool: DescriptorPool) -> Message:
    """Return the message of its JSON.

    Args:
        text: The JSON text.
        message_class: The class of the message.
        pool: The pool of extensions and of the types in an Any.

    Raises:
        InvalidText: The text is not JSON, or a value would not be stored as it is written; the error has line, column,
            path and reason.
        RecursionError: The text is nested too deeply.
    """
    message = message_class()
    tree = parse_json(text)
    try:
        _Reader(pool).message(tree, message)
    except InvalidNodeError as error:
        path = "".join(label for _, label in reversed(error.steps)).removeprefix(".")
        place = offset(text, [index for index, _ in reversed(error.steps)], name=error.name)
        raise invalid(text, place, f"{path or 'the message'} {error.reason}") from error
    return message


@dataclass(frozen=True, slots=True)
class _Reader:
    """Parser of JSON nodes into messages by their descriptors."""

    pool: DescriptorPool
    names: dict[str, Mapping[str, FieldDescriptor]] = field(default_factory=dict)
    """Fields of each type by their names and JSON names."""

    def message(self, node: JsonNode, message: Message) -> None:
        """Parse a node into an empty message.

        Raises:
            InvalidNodeError: A value would not be stored as it is written.
        """
        descriptor = descriptor_of(message)
        special = _SPECIAL.get(descriptor.full_name)
        if special is None:
            self._fields(_members(node), message, descriptor)
        else:
            special(self, node, message)

    def _fields(self, members: _Members, message: Message, descriptor: Descriptor) -> None:
        seen: dict[int, str] = {}
        oneofs: dict[str, str] = {}

        def parse(member: tuple[str, JsonNode]) -> None:
            name, node = member
            one = self._named(descriptor, name)
            if one.number in seen:
                duplicate = "is a duplicate" if seen[one.number] == name else f"is the same field as {seen[one.number]}"
                raise InvalidNodeError(duplicate, name=True)
            seen[one.number] = name
            if node is None and not _accepts_null(one):
                return
            if (oneof := one.containing_oneof) is not None and (other := oneofs.setdefault(oneof.name, name)) != name:
                raise InvalidNodeError(
                    f"cannot be set together with {other}: both are in the oneof {oneof.name}", name=True
                )
            self._field(node, message, one)

        _each(((index, (name, node)) for index, name, node in members), parse, _member_label)

    def _named(self, descriptor: Descriptor, name: str) -> FieldDescriptor:
        names = self.names.get(descriptor.full_name)
        if names is None:
            names = {name: one for one in descriptor.fields for name in (one.name, one.json_name)}
            self.names[descriptor.full_name] = names
        found = names.get(name)
        if found is None and name.startswith("[") and name.endswith("]"):
            found = extension(self.pool, descriptor, name[1:-1])
        if found is None:
            similar = get_close_matches(name, names, n=1)
            hint = f" (did you mean {similar[0]}?)" if similar else ""
            raise InvalidNodeError(f"is not a field of {descriptor.full_name}{hint}", name=True)
        return found

    def _field(self, node: JsonNode, message: Message, one: FieldDescriptor) -> None:
        if is_map(one):
            self._map(node, message, one)
        elif one.is_repeated:
            self._list(node, message, one)
        elif one.message_type is not None:
            inner = submessage(message, one)
            set_present(inner)
            self.message(node, inner)
        else:
            write(message, one, read_scalar(node, one))

    def _map(self, node: JsonNode, message: Message, one: FieldDescriptor) -> None:
        key_field, value_field = (entry_type(one).fields_by_name[name] for name in ("key", "value"))
        entries = mapping(message, one)
        seen: dict[object, str] = {}

        def parse(member: tuple[str, JsonNode]) -> None:
            name, node = member
            key = read_key(name, key_field)
            if key in seen:
                duplicate = "is a duplicate" if seen[key] == name else f"is the same key as {json.dumps(seen[key])}"
                raise InvalidNodeError(duplicate, name=True)
            seen[key] = name
            _check_element(node, value_field)
            if value_field.message_type is None:
                entries[key] = read_scalar(node, value_field)
            else:
                self.message(node, cast("Message", entries[key]))

        _each(((index, (name, node)) for index, name, node in _members(node)), parse, _entry_label)

    def _list(self, node: JsonNode, message: Message, one: FieldDescriptor) -> None:
        elements = read(message, one)

        def parse(node: JsonNode) -> None:
            _check_element(node, one)
            if one.message_type is None:
                cast("list[object]", elements).append(read_scalar(node, one))
            else:
                self.message(node, cast("_Messages", elements).add())

        _each(enumerate(_elements(node)), parse, _element_label)

    # Well-known types

    def any(self, node: JsonNode, message: Message) -> None:
        """Parse an Any: an object with the type URL, and the fields or the `value` of its message."""
        members = _members(node)
        if not members:
            return
        urls = [(index, node) for index, name, node in members if name == _TYPE_URL]
        if not urls:
            raise InvalidNodeError('has no "@type"')
        if len(urls) > 1:
            raise _invalid_at(urls[1][0], "is a duplicate", name=True)
        index, url = urls[0]
        if not isinstance(url, str) or isinstance(url, JsonNumber):
            raise _invalid_at(index, f"must be a string, not {kind_name(url)}")
        if (problem := surrogate_problem(url)) is not None:
            raise _invalid_at(index, problem)
        descriptor = message_type(self.pool, url.rpartition("/")[2])
        if descriptor is None:
            raise _invalid_at(index, f"is an unknown message type: {url}")
        inner = GetMessageClass(descriptor)()
        rest = [member for member in members if member[1] != _TYPE_URL]
        wrapped = descriptor.full_name in _SPECIAL or (
            descriptor.full_name == _EMPTY and any(name == "value" for _, name, _ in rest)
        )
        if wrapped:
            self._wrapped(rest, inner)
        else:
            self._fields(rest, inner, descriptor)
        if missing := missing_fields(inner):
            raise InvalidNodeError(f"has missing required fields: {', '.join(missing)}")
        for name, value in (("type_url", url), ("value", serialized(inner))):
            _set(message, name, value)

    def _wrapped(self, members: _Members, inner: Message) -> None:
        """Parse the `value` of an Any: a message whose JSON is not an object, or an Empty as Go writes it."""
        if not any(name == "value" for _, name, _ in members):
            raise InvalidNodeError('has no "value"')
        for at, (index, name, _) in enumerate(members):
            if name != "value" or at > 0:
                reason = "is a duplicate" if name == "value" else 'is not allowed beside "value"'
                raise _invalid_at(index, reason, label=name, name=True)
        _each(
            ((index, (name, node)) for index, name, node in members),
            lambda member: self.message(member[1], inner),
            _member_label,
        )

    def struct(self, node: JsonNode, message: Message) -> None:
        """Parse a Struct: any object."""
        self._map(node, message, descriptor_of(message).fields_by_name["fields"])

    def list_value(self, node: JsonNode, message: Message) -> None:
        """Parse a ListValue: any list."""
        self._list(node, message, descriptor_of(message).fields_by_name["values"])

    def value(self, node: JsonNode, message: Message) -> None:
        """Parse a Value: any JSON."""
        match node:
            case None:
                _set(message, "null_value", 0)
            case bool():
                _set(message, "bool_value", node)
            case JsonNumber():
                self._named_field(node, message, "number_value")
            case str():
                self._named_field(node, message, "string_value")
            case JsonObject():
                self._named_field(node, message, "struct_value")
            case _:
                self._named_field(node, message, "list_value")

    def wrapper(self, node: JsonNode, message: Message) -> None:
        """Parse a wrapper: its bare value."""
        self._named_field(node, message, "value")

    def _named_field(self, node: JsonNode, message: Message, name: str) -> None:
        self._field(node, message, descriptor_of(message).fields_by_name[name])

    def timestamp(self, node: JsonNode, message: Message) -> None:
        """Parse a Timestamp."""
        _set_numbers(message, read_notation(node, well_known.timestamp))

    def duration(self, node: JsonNode, message: Message) -> None:
        """Parse a Duration."""
        _set_numbers(message, read_notation(node, well_known.duration))

    def mask(self, node: JsonNode, message: Message) -> None:
        """Parse a FieldMask."""
        paths = read(message, descriptor_of(message).fields_by_name["paths"])
        cast("list[str]", paths).extend(read_notation(node, well_known.mask_paths))


class _Messages(Protocol):
    """Repeated field of messages."""

    def add(self) -> Message:
        """Append an empty message."""


_SPECIAL: Final[Mapping[str, Callable[[_Reader, JsonNode, Message], None]]] = {
    ANY: _Reader.any,
    VALUE: _Reader.value,
    "google.protobuf.Struct": _Reader.struct,
    "google.protobuf.ListValue": _Reader.list_value,
    "google.protobuf.Timestamp": _Reader.timestamp,
    "google.protobuf.Duration": _Reader.duration,
    "google.protobuf.FieldMask": _Reader.mask,
    **dict.fromkeys(WRAPPERS, _Reader.wrapper),
}


def _member_label(_: int, member: tuple[str, JsonNode]) -> str:
    return f".{member[0] or _EMPTY_NAME}"


def _entry_label(_: int, member: tuple[str, JsonNode]) -> str:
    return f"[{json.dumps(member[0], ensure_ascii=False)}]"


def _element_label(index: int, _: JsonNode) -> str:
    return f"[{index}]"


def _each(items: Iterable[tuple[int, Item]], parse: Callable[[Item], None], label: Callable[[int, Item], str]) -> None:
    """Parse members or elements, each with its index; an error gets the step of its path."""
    for index, item in items:
        try:
            parse(item)
        except InvalidNodeError as error:
            error.steps.append((index, label(index, item)))
            raise


def _invalid_at(index: int, reason: str, *, label: str = _TYPE_URL, name: bool = False) -> InvalidNodeError:
    error = InvalidNodeError(reason, name=name)
    error.steps.append((index, f".{label}"))
    return error


def _members(node: JsonNode) -> _Members:
    if not isinstance(node, JsonObject):
        raise InvalidNodeError(f"must be an object, not {kind_name(node)}")
    return [(index, name, inner) for index, (name, inner) in enumerate(node)]


def _elements(node: JsonNode) -> list[JsonNode]:
    if not isinstance(node, list):
        raise InvalidNodeError(f"must be a list, not {kind_name(node)}")
    return node


def _accepts_null(one: FieldDescriptor) -> bool:
    """Return whether null is a value of the field, not its absence."""
    if one.message_type is not None:
        return one.message_type.full_name == VALUE and not one.is_repeated
    return one.enum_type is not None and one.enum_type.full_name == NULL_VALUE and not one.is_repeated


def _check_element(node: JsonNode, one: FieldDescriptor) -> None:
    kind = one.message_type or one.enum_type
    if node is None and (kind is None or kind.full_name not in (VALUE, NULL_VALUE)):
        raise InvalidNodeError("must not be null in a list or map")


def _set_numbers(message: Message, values: tuple[int, int]) -> None:
    for name, value in zip(("seconds", "nanos"), values, strict=True):
        _set(message, name, value)


def _set(message: Message, name: str, value: object) -> None:
    write(message, descriptor_of(message).fields_by_name[name], value)
