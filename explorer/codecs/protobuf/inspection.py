"""A look over a message before it is shown: how much is in it, and what no text could say."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message

from explorer.codecs.protobuf.fields import ANY, descriptor_of, entry_type, is_map, mapping, read, set_fields


class _Defined(Protocol):
    """What every descriptor offers and the library's types leave out."""

    @property
    def file(self) -> FileDescriptor: ...


class _Visit(IntFlag):
    """What there is to find in a field."""

    NOTHING = 0
    COUNT = 1
    """Elements of a list or a map."""
    MAP = 2
    TEXT = 4
    """Strings that may not be UTF-8."""
    MESSAGE = 8
    """Messages in which there may be more of this."""


@dataclass(slots=True)
class MessageStats:
    """What was found; counting stops soon after `most`."""

    most: int
    elements: int = 0
    """Elements of all lists and maps."""
    broken_strings: bool = False
    """Whether there are strings that are not UTF-8, as proto2 allows."""
    anys: bool = False
    """Whether there is an Any, whose content may be of any kind."""

    @property
    def too_many(self) -> bool:
        """Whether there are more elements than are shown."""
        return self.elements > self.most


@dataclass(frozen=True, slots=True)
class Inspector:
    """Looks over messages; what there is to find in a type is found out once."""

    _visits: dict[str, dict[int, _Visit]] = field(default_factory=dict)
    """By the type's name and the number of the field."""
    _checked: dict[str, bool] = field(default_factory=dict)
    """For each file, whether its strings are checked when a message is parsed, as all of proto3 are."""

    def inspect(self, message: Message, most: int) -> MessageStats:
        """Look over a message."""
        found = MessageStats(most)
        self._look(message, found)
        return found

    def _look(self, message: Message, found: MessageStats) -> None:
        descriptor = descriptor_of(message)
        visits = self._visits_of(descriptor)
        if descriptor.full_name == ANY:
            found.anys = True
        for one, value in set_fields(message):
            visit = visits.get(one.number)
            if visit is None:  # an extension
                visit = visits[one.number] = self._visit(one)
            if not visit:
                continue
            if visit & _Visit.COUNT:
                found.elements += len(cast("Sized", value))
            for inner in _values(one, value) if visit & (_Visit.TEXT | _Visit.MESSAGE) else ():
                if found.too_many:
                    return
                if isinstance(inner, Message):
                    self._look(inner, found)
                elif isinstance(inner, bytes) and visit & _Visit.TEXT:
                    found.broken_strings = True

    def _visits_of(self, descriptor: Descriptor) -> dict[int, _Visit]:
        visits = self._visits.get(descriptor.full_name)
        if visits is None:
            visits = self._visits[descriptor.full_name] = {}
            visits.update({one.number: self._visit(one) for one in descriptor.fields})
        return visits

    def _visit(self, one: FieldDescriptor) -> _Visit:
        visit = _Visit.COUNT if one.is_repeated else _Visit.NOTHING
        if is_map(one):
            entry = entry_type(one)
            return visit | _Visit.MAP | self._visit(entry.fields_by_number[1]) | self._visit(entry.fields_by_number[2])
        if one.message_type is not None and not self._is_plain(one.message_type):
            visit |= _Visit.MESSAGE
        if one.type == FieldDescriptor.TYPE_STRING and not self._is_checked(one):
            visit |= _Visit.TEXT
        return visit

    def _is_plain(self, descriptor: Descriptor) -> bool:
        """Return whether there is nothing to find in a type, whatever its values are."""
        if descriptor.full_name == ANY or descriptor.is_extendable:
            return False
        if descriptor.full_name in self._visits and not self._visits[descriptor.full_name]:
            return not descriptor.fields  # a type that holds itself is being looked at
        return not any(self._visits_of(descriptor).values())

    def _is_checked(self, one: FieldDescriptor) -> bool:
        file = cast("_Defined", one).file
        if file.name not in self._checked:
            self._checked[file.name] = FileDescriptorProto.FromString(file.serialized_pb).syntax == "proto3"
        return self._checked[file.name]


def trim(message: Message, most: int) -> int:
    """Cut the lists and maps of a message after so many elements in all, and give how many are left to show."""
    for described, value in set_fields(message):
        if is_map(described):
            for key in list(mapping(message, described))[most:]:
                del mapping(message, described)[key]
        elif described.is_repeated:
            del cast("list[object]", read(message, described))[most:]
        if described.is_repeated:
            most = max(0, most - len(cast("Sized", value)))
        for one in _values(described, value):
            if isinstance(one, Message):
                most = trim(one, most)
    return most


def _values(described: FieldDescriptor, value: object) -> Iterator[object]:
    if is_map(described):
        for key, one in cast("dict[object, object]", value).items():
            yield key
            yield one
    elif described.is_repeated:
        yield from cast("list[object]", value)
    else:
        yield value
