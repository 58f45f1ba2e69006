"""Uniform access to the fields of messages, extensions included, and their values in comparable form."""

import json
from collections.abc import Hashable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import EncodeError, Message
from google.protobuf.message_factory import GetMessageClass

ANY: Final = "google.protobuf.Any"
_PREFIX: Final = "type.googleapis.com/"


class _HasExtensions(Protocol):
    """Attributes of every message that the library's stubs lack."""

    @property
    def Extensions(self) -> MutableMapping[FieldDescriptor, object]: ...  # noqa: N802 - the library's names

    def HasExtension(self, field: FieldDescriptor) -> bool: ...  # noqa: N802 - the library's names

    def ClearExtension(self, field: FieldDescriptor) -> None: ...  # noqa: N802 - the library's names


def _own(message: Message) -> Message:
    """Return the message with the library's own methods, which fields of the same name hide."""
    return cast("Message", super(type(message), message))


def _extended(message: Message) -> _HasExtensions:
    return cast("_HasExtensions", _own(message))


def descriptor_of(message: Message) -> Descriptor:
    """Return the descriptor of a message's type."""
    return cast("Descriptor", type(message).DESCRIPTOR)


def set_fields(message: Message) -> Sequence[tuple[FieldDescriptor, object]]:
    """Return the fields that are set with their values, by number."""
    return _own(message).ListFields()


def set_present(message: Message) -> None:
    """Mark an empty submessage as present."""
    _own(message).SetInParent()


def copy_into(message: Message, other: Message) -> None:
    """Replace the contents of a message with those of another of its type."""
    _own(message).CopyFrom(other)


def which_oneof(message: Message, name: str) -> str | None:
    """Return the name of the field of a oneof that is set, or None."""
    return cast("str | None", _own(message).WhichOneof(name))


def is_complete(message: Message) -> bool:
    """Return whether all required fields are set."""
    return bool(_own(message).IsInitialized())


def serialized(message: Message) -> bytes:
    """Return the bytes of a message, with maps sorted by key; required fields may be missing."""
    return _own(message).SerializePartialToString(deterministic=True)


def copy_message(message: Message) -> Message:
    """Return a copy, unknown fields included."""
    copy = type(message)()
    copy_into(copy, message)
    return copy


def unknown_size(message: Message) -> int:
    """Return the size of the unknown fields at all depths, but not inside an Any."""
    known = copy_message(message)
    _own(known).DiscardUnknownFields()
    return len(serialized(message)) - len(serialized(known))


def entry_type(field: FieldDescriptor) -> Descriptor:
    """Return the entry type of a map field: a message with a key and a value."""
    return cast("Descriptor", field.message_type)


def extension(pool: DescriptorPool, descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    """Return the extension of a type by its full name, or by its message's for a message set; None without one."""
    try:
        candidates = [pool.FindExtensionByName(name)]
    except KeyError:
        if not descriptor.GetOptions().message_set_wire_format or (kind := message_type(pool, name)) is None:
            return None
        candidates = [one for one in kind.extensions if one.message_type == kind]
    except TypeError:  # a name with a lone surrogate
        return None
    return next((one for one in candidates if one.containing_type == descriptor), None)


def message_type(pool: DescriptorPool, name: str) -> Descriptor | None:
    """Return the message type of a full name, or None."""
    try:
        return pool.FindMessageTypeByName(name)
    except (KeyError, TypeError):  # the latter for a name with a lone surrogate
        return None


def hiding_field(kind: type[Message]) -> str | None:
    """Return the name of a field, also of nested types, that hides a method of the library; None without one."""
    methods = frozenset(dir(kind.__mro__[1]))  # the base class of the generated one
    pending = [cast("Descriptor", kind.DESCRIPTOR)]
    seen = {pending[0].full_name}
    while pending:
        for one in pending.pop().fields:
            if one.name in methods:
                return one.name
            if one.message_type is not None and one.message_type.full_name not in seen:
                seen.add(one.message_type.full_name)
                pending.append(one.message_type)
    return None


def missing_fields(message: Message) -> list[str]:
    """Return the paths of missing required fields.

    The library's own list reads invalid memory after a map of scalars.
    """
    return [] if is_complete(message) else list(_missing_fields(message, ""))


def _missing_fields(message: Message, path: str) -> Iterator[str]:
    for one in descriptor_of(message).fields:
        if one.is_required and not has(message, one):
            yield f"{path}{one.name}"
    for label, inner in _messages_in(message):
        yield from _missing_fields(inner, f"{path}{label}.")


def _messages_in(message: Message) -> Iterator[tuple[str, Message]]:
    """Yield the submessages of a message, each with the last step of its path."""
    for one, value in set_fields(message):
        name = f"[{one.full_name}]" if one.is_extension else one.name
        match value:
            case Message():
                yield name, value
            case _ if one.message_type is None:
                pass
            case _ if not is_map(one):
                yield from ((f"{name}[{index}]", inner) for index, inner in enumerate(elements(message, one)))
            case _ if entry_type(one).fields_by_name["value"].message_type is not None:
                entries = cast("MutableMapping[str, Message]", value)
                yield from ((f"{name}[{json.dumps(key, ensure_ascii=False)}]", entries[key]) for key in sorted(entries))


@contextmanager
def packing_checked(pool: DescriptorPool) -> Iterator[None]:
    """Make text format check an Any with `missing_fields`: the library's own check can crash the process.

    Args:
        pool: The pool of the Any type.
    """
    any_type = message_type(pool, ANY)
    # The reference is kept: the library forgets unreferenced classes.
    any_class = None if any_type is None else GetMessageClass(any_type)
    if any_class is not None:
        setattr(any_class, "Pack", _pack)  # noqa: B010 - the library calls it
    yield


def _pack(any_message: Message, inner: Message, type_url_prefix: str = _PREFIX, **_: object) -> None:
    name = descriptor_of(inner).full_name
    if missing := missing_fields(inner):
        message = f"{name} in an Any has missing required fields: {', '.join(missing)}"
        raise EncodeError(message)
    setattr(any_message, "type_url", f"{type_url_prefix}{name}")  # noqa: B010 - a field of data
    repack_any(any_message, serialized(inner))


def is_map(field: FieldDescriptor) -> bool:
    """Return whether a field is a map."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def read(message: Message, field: FieldDescriptor) -> object:
    """Return the value of a field: a scalar, a message, or the message's own list or mapping."""
    return _extended(message).Extensions[field] if field.is_extension else getattr(message, field.name)


def submessage(message: Message, field: FieldDescriptor) -> Message:
    """Return the message of a field."""
    return cast("Message", read(message, field))


def elements(message: Message, field: FieldDescriptor) -> list[Message]:
    """Return the messages of a repeated field."""
    return list(cast("list[Message]", read(message, field)))


def mapping(message: Message, field: FieldDescriptor) -> MutableMapping[Hashable, object]:
    """Return the mapping of a map field."""
    return cast("MutableMapping[Hashable, object]", read(message, field))


def write(message: Message, field: FieldDescriptor, value: object) -> None:
    """Set a singular field; a message is copied."""
    if isinstance(value, Message):
        copy_into(submessage(message, field), value)
        set_present(submessage(message, field))  # an empty one is present too
    elif field.is_extension:
        _extended(message).Extensions[field] = value
    else:
        setattr(message, field.name, value)


def clear_oneof(message: Message, name: str) -> None:
    """Clear the field of a oneof that is set."""
    _own(message).ClearField(name)


def clear(message: Message, field: FieldDescriptor) -> None:
    """Clear a field."""
    if field.is_extension:
        _extended(message).ClearExtension(field)
    else:
        _own(message).ClearField(field.name)


def has(message: Message, field: FieldDescriptor) -> bool:
    """Return whether a field with presence is set."""
    return _extended(message).HasExtension(field) if field.is_extension else _own(message).HasField(field.name)


def comparable_field(message: Message, field: FieldDescriptor) -> object:
    """Return the value of a field in comparable form: NaN equals NaN, 0.0 is not -0.0."""
    if is_map(field):
        return {key: comparable(value) for key, value in mapping(message, field).items()}
    if field.is_repeated:
        return [comparable(value) for value in cast("list[object]", read(message, field))]
    if field.has_presence and not has(message, field):
        return None
    return comparable(read(message, field))


def comparable(value: object) -> Hashable:
    """Return a scalar or message in comparable form."""
    return serialized(value) if isinstance(value, Message) else repr(value)


def fields_of(*messages: Message) -> list[FieldDescriptor]:
    """Return the fields that are set in any of the messages of one type, by number."""
    by_number = {field.number: field for message in messages for field, _ in set_fields(message)}
    return [by_number[number] for number in sorted(by_number)]


def unpack_any(any_message: Message) -> tuple[str, bytes]:
    """Return the type URL and the bytes of an Any."""
    url, value = (getattr(any_message, name) for name in ("type_url", "value"))
    return url, value


def repack_any(any_message: Message, value: bytes) -> None:
    """Replace the bytes of an Any; its type stays."""
    setattr(any_message, "value", value)  # noqa: B010 - a field of data
