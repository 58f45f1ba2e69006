"""Statistics of a message before it is shown: its size, and contents that text cannot represent."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message

from explorer.codecs.protobuf.fields import ANY, descriptor_of, entry_type, is_map, mapping, read, set_fields


class _HasFile(Protocol):
    """Attribute of every descriptor that the library's stubs lack."""

    @property
    def file(self) -> FileDescriptor: ...


class _Visit(IntFlag):
    """Checks that a field needs."""

    NONE = 0
    COUNT = 1
    """Count the elements of a list or a map."""
    MAP = 2
    TEXT = 4
    """Check strings that may not be UTF-8."""
    MESSAGE = 8
    """Check nested messages."""
    KEYS = 16
    """Read the keys of maps, which the library then checks."""


@dataclass(slots=True)
class MessageStats:
    """Statistics of a message; the count stops soon after `max_elements`."""

    max_elements: int
    elements: int = 0
    """Number of elements of all lists and maps."""
    has_invalid_strings: bool = False
    """True if there are strings that are not UTF-8, as proto2 allows."""
    has_any: bool = False
    """True if there is an Any."""

    @property
    def exceeds_limit(self) -> bool:
        """True if there are more elements than are shown."""
        return self.elements > self.max_elements


@dataclass(frozen=True, slots=True)
class Inspector:
    """Inspector of messages; the checks of each type are computed once."""

    _visits: dict[str, dict[int, _Visit]] = field(default_factory=dict)
    """Checks by type name and field number."""
    _checked: dict[str, bool] = field(default_factory=dict)
    """True for files whose strings the library checks when it parses, as all of proto3."""

    def inspect(self, message: Message, max_elements: int) -> MessageStats:
        """Return the statistics of a message."""
        stats = MessageStats(max_elements)
        self._inspect(message, stats)
        return stats

    def _inspect(self, message: Message, stats: MessageStats) -> None:
        descriptor = descriptor_of(message)
        visits = self._visits_of(descriptor)
        if descriptor.full_name == ANY:
            stats.has_any = True
        for one, value in set_fields(message):
            visit = visits.get(one.number)
            if visit is None:  # an extension
                visit = visits[one.number] = self._visit(one)
            if not visit:
                continue
            if visit & _Visit.COUNT:
                stats.elements += len(cast("Sized", value))
            for inner in _values(one, value) if visit & (_Visit.TEXT | _Visit.MESSAGE | _Visit.KEYS) else ():
                if stats.exceeds_limit:
                    return
                if isinstance(inner, Message):
                    self._inspect(inner, stats)
                elif isinstance(inner, bytes) and visit & _Visit.TEXT:
                    stats.has_invalid_strings = True

    def _visits_of(self, descriptor: Descriptor) -> dict[int, _Visit]:
        visits = self._visits.get(descriptor.full_name)
        if visits is None:
            visits = self._visits[descriptor.full_name] = {}
            visits.update({one.number: self._visit(one) for one in descriptor.fields})
        return visits

    def _visit(self, one: FieldDescriptor) -> _Visit:
        visit = _Visit.COUNT if one.is_repeated else _Visit.NONE
        if is_map(one):
            entry = entry_type(one)
            keys = _Visit.KEYS if self._visit(entry.fields_by_number[1]) else _Visit.NONE
            return visit | _Visit.MAP | keys | self._visit(entry.fields_by_number[2])
        if one.message_type is not None and not self._needs_no_check(one.message_type):
            visit |= _Visit.MESSAGE
        if one.type == FieldDescriptor.TYPE_STRING and not self._is_utf8_checked(one):
            visit |= _Visit.TEXT
        return visit

    def _needs_no_check(self, descriptor: Descriptor) -> bool:
        """Return whether no value of a type needs a check."""
        if descriptor.full_name == ANY or descriptor.is_extendable:
            return False
        if descriptor.full_name in self._visits and not self._visits[descriptor.full_name]:
            return not descriptor.fields  # a recursive type is being computed
        return not any(self._visits_of(descriptor).values())

    def _is_utf8_checked(self, one: FieldDescriptor) -> bool:
        file = cast("_HasFile", one).file
        if file.name not in self._checked:
            self._checked[file.name] = FileDescriptorProto.FromString(file.serialized_pb).syntax == "proto3"
        return self._checked[file.name]


def truncate(message: Message, max_elements: int) -> int:
    """Truncate the lists and maps of a message after a number of elements in all, and return the unused number."""
    for field_, value in set_fields(message):
        if is_map(field_):
            for key in list(mapping(message, field_))[max_elements:]:
                del mapping(message, field_)[key]
        elif field_.is_repeated:
            del cast("list[object]", read(message, field_))[max_elements:]
        if field_.is_repeated:
            max_elements = max(0, max_elements - len(cast("Sized", value)))
        for one in _values(field_, value):
            if isinstance(one, Message):
                max_elements = truncate(one, max_elements)
    return max_elements


def _values(field_: FieldDescriptor, value: object) -> Iterator[object]:
    if is_map(field_):
        for key, one in cast("dict[object, object]", value).items():
            yield key
            yield one
    elif field_.is_repeated:
        yield from cast("list[object]", value)
    else:
        yield value
