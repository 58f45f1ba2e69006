"""A look over a message before it is shown: how much is in it, and what no text could say."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from explorer.codecs.fields import ANY, descriptor_of, is_map, mapping, read, set_fields


@dataclass(slots=True)
class Survey:
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

    def look(self, message: Message) -> None:
        """Look over a message and all that is in it."""
        self.anys |= descriptor_of(message).full_name == ANY
        for field, value in set_fields(message):
            if field.is_repeated:
                self.elements += len(cast("Sized", value))
            for one in _values(field, value):
                if self.too_many:
                    return
                if isinstance(one, Message):
                    self.look(one)
                elif field.type == FieldDescriptor.TYPE_STRING and isinstance(one, bytes):
                    self.broken_strings = True
                elif not isinstance(one, str | bytes):
                    break  # numbers


def survey(message: Message, most: int) -> Survey:
    """Look over a message."""
    found = Survey(most)
    found.look(message)
    return found


def trim(message: Message, most: int) -> int:
    """Cut the lists and maps of a message after so many elements in all, and give how many are left to show."""
    for field, value in set_fields(message):
        if is_map(field):
            for key in list(mapping(message, field))[most:]:
                del mapping(message, field)[key]
        elif field.is_repeated:
            del cast("list[object]", read(message, field))[most:]
        if field.is_repeated:
            most = max(0, most - len(cast("Sized", value)))
        for one in _values(field, value):
            if isinstance(one, Message):
                most = trim(one, most)
    return most


def _values(field: FieldDescriptor, value: object) -> Iterator[object]:
    if is_map(field):
        for key, one in cast("dict[object, object]", value).items():
            yield key
            yield one
    elif field.is_repeated:
        yield from cast("list[object]", value)
    else:
        yield value
