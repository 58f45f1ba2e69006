"""Fields of messages, whatever their kind: what is in them, as values that can be compared."""

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


class _Extended(Protocol):
    """What every message offers and the library's types do not tell."""

    @property
    def Extensions(self) -> MutableMapping[FieldDescriptor, object]: ...  # noqa: N802 - the library's names

    def HasExtension(self, field: FieldDescriptor) -> bool: ...  # noqa: N802 - the library's names

    def ClearExtension(self, field: FieldDescriptor) -> None: ...  # noqa: N802 - the library's names


def _own(message: Message) -> Message:
    """Give the library's own methods of a message, which fields of the same names hide."""
    return cast("Message", super(type(message), message))


def _extended(message: Message) -> _Extended:
    return cast("_Extended", _own(message))


def descriptor_of(message: Message) -> Descriptor:
    """Return the descriptor of a message's type."""
    return cast("Descriptor", type(message).DESCRIPTOR)


def set_fields(message: Message) -> Sequence[tuple[FieldDescriptor, object]]:
    """Return the fields that are set, by number, with what is in them."""
    return _own(message).ListFields()


def set_present(message: Message) -> None:
    """Have a message be there although nothing is in it."""
    _own(message).SetInParent()


def copy_into(message: Message, other: Message) -> None:
    """Make a message the same as another one of its type."""
    _own(message).CopyFrom(other)


def which_oneof(message: Message, name: str) -> str | None:
    """Return the name of the field of a oneof that is set."""
    return cast("str | None", _own(message).WhichOneof(name))


def is_complete(message: Message) -> bool:
    """Return whether all required fields are there."""
    return bool(_own(message).IsInitialized())


def serialized(message: Message) -> bytes:
    """Give the bytes of a message, maps in the order of their keys; a required field may be missing."""
    return _own(message).SerializePartialToString(deterministic=True)


def copied(message: Message) -> Message:
    """Give a copy with all that the schema does not know."""
    copy = type(message)()
    copy_into(copy, message)
    return copy


def unknown_size(message: Message) -> int:
    """Count the bytes of what the schema does not know, at all depths but inside an Any."""
    known = copied(message)
    _own(known).DiscardUnknownFields()
    return len(serialized(message)) - len(serialized(known))


def entry_type(field: FieldDescriptor) -> Descriptor:
    """Give what an entry of a map is on the wire: a message with a key and a value."""
    return cast("Descriptor", field.message_type)


def extension(pool: DescriptorPool, descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    """Return the extension of a type by its full name; one of a message set is called by its message's, too."""
    try:
        candidates = [pool.FindExtensionByName(name)]
    except KeyError:
        if not descriptor.GetOptions().message_set_wire_format or (kind := message_type(pool, name)) is None:
            return None
        candidates = [one for one in kind.extensions if one.message_type == kind]
    except TypeError:  # half of a surrogate pair, with which nothing is called
        return None
    return next((one for one in candidates if one.containing_type == descriptor), None)


def message_type(pool: DescriptorPool, name: str) -> Descriptor | None:
    """Return the type of message with a full name; None if there is none."""
    try:
        return pool.FindMessageTypeByName(name)
    except (KeyError, TypeError):  # the latter for half of a surrogate pair, with which nothing is called
        return None


def hiding_field(kind: type[Message]) -> str | None:
    """Return the name of a field, of a type or of one that it can hold, that hides a method of the library."""
    methods = frozenset(dir(kind.__mro__[1]))  # the class generated for the type stands before the library's own
    waiting = [cast("Descriptor", kind.DESCRIPTOR)]
    seen = {waiting[0].full_name}
    while waiting:
        for one in waiting.pop().fields:
            if one.name in methods:
                return one.name
            if one.message_type is not None and one.message_type.full_name not in seen:
                seen.add(one.message_type.full_name)
                waiting.append(one.message_type)
    return None


def missing_fields(message: Message) -> list[str]:
    """Name the required fields that are not there, each with its path.

    The library's own list of them reads memory that is not its own where a map of scalars stands before.
    """
    return [] if is_complete(message) else list(_missing_fields(message, ""))


def _missing_fields(message: Message, path: str) -> Iterator[str]:
    for one in descriptor_of(message).fields:
        if one.is_required and not has(message, one):
            yield f"{path}{one.name}"
    for label, inner in _messages_in(message):
        yield from _missing_fields(inner, f"{path}{label}.")


def _messages_in(message: Message) -> Iterator[tuple[str, Message]]:
    """Give the messages in a message, each with the last step of its path."""
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
    """Have text format check an Any by `missing_fields`: the library's own check can end the process.

    Args:
        pool: Where the type of the Any is from.
    """
    found = message_type(pool, ANY)
    made = None if found is None else GetMessageClass(found)  # the library forgets a class that nobody holds
    if made is not None:
        setattr(made, "Pack", _pack)  # noqa: B010 - the library calls it
    yield


def _pack(any_message: Message, inner: Message, type_url_prefix: str = _PREFIX, **_: object) -> None:
    name = descriptor_of(inner).full_name
    if missing := missing_fields(inner):
        message = f"{name} in an Any lacks required fields: {', '.join(missing)}"
        raise EncodeError(message)
    setattr(any_message, "type_url", f"{type_url_prefix}{name}")  # noqa: B010 - a field of data
    repack(any_message, serialized(inner))


def is_map(field: FieldDescriptor) -> bool:
    """Tell whether a field is a map."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def read(message: Message, field: FieldDescriptor) -> object:
    """Give what is in a field: a value, a message, or something like a list or a mapping that is the message's own."""
    return _extended(message).Extensions[field] if field.is_extension else getattr(message, field.name)


def submessage(message: Message, field: FieldDescriptor) -> Message:
    """Give the message in a field."""
    return cast("Message", read(message, field))


def elements(message: Message, field: FieldDescriptor) -> list[Message]:
    """Give the messages in a repeated field."""
    return list(cast("list[Message]", read(message, field)))


def mapping(message: Message, field: FieldDescriptor) -> MutableMapping[Hashable, object]:
    """Give the map in a field."""
    return cast("MutableMapping[Hashable, object]", read(message, field))


def write(message: Message, field: FieldDescriptor, value: object) -> None:
    """Set a field that holds one value; a message is copied."""
    if isinstance(value, Message):
        copy_into(submessage(message, field), value)
        set_present(submessage(message, field))  # an empty one is there too
    elif field.is_extension:
        _extended(message).Extensions[field] = value
    else:
        setattr(message, field.name, value)


def clear_oneof(message: Message, name: str) -> None:
    """Empty the field of a oneof that is set."""
    _own(message).ClearField(name)


def clear(message: Message, field: FieldDescriptor) -> None:
    """Empty a field."""
    if field.is_extension:
        _extended(message).ClearExtension(field)
    else:
        _own(message).ClearField(field.name)


def has(message: Message, field: FieldDescriptor) -> bool:
    """Tell whether a field is there, where the schema makes a difference between that and a default."""
    return _extended(message).HasExtension(field) if field.is_extension else _own(message).HasField(field.name)


def content(message: Message, field: FieldDescriptor) -> object:
    """Give what is in a field as a value that compares by meaning: NaN equals NaN, 0.0 is not -0.0."""
    if is_map(field):
        return {key: comparable(value) for key, value in mapping(message, field).items()}
    if field.is_repeated:
        return [comparable(value) for value in cast("list[object]", read(message, field))]
    if field.has_presence and not has(message, field):
        return None
    return comparable(read(message, field))


def comparable(value: object) -> Hashable:
    """Give a value or message as something that compares by meaning."""
    return serialized(value) if isinstance(value, Message) else repr(value)


def fields_of(*messages: Message) -> list[FieldDescriptor]:
    """Give the fields that are set in any of these messages of one type, by number."""
    found = {field.number: field for message in messages for field, _ in set_fields(message)}
    return [found[number] for number in sorted(found)]


def unpacked(any_message: Message) -> tuple[str, bytes]:
    """Give what an Any says its type is, and the bytes in it."""
    url, value = (getattr(any_message, name) for name in ("type_url", "value"))
    return url, value


def repack(any_message: Message, value: bytes) -> None:
    """Put other bytes of the same type into an Any."""
    setattr(any_message, "value", value)  # noqa: B010 - a field of data
