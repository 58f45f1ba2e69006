"""Sets of message types, each in a descriptor pool of its own, so that two versions of one schema do not meet."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from typing import Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from explorer.codecs.fields import hiding_field
from explorer.model.errors import SchemaFailed

_OURS: Final = "google/protobuf/"
"""Files that the library itself knows by heart; their fields are left as they are."""


@dataclass(frozen=True)
class MessageType:
    """A type of message in its set."""

    schema: str
    name: str
    pool: DescriptorPool = field(repr=False, compare=False)
    made: type[Message] = field(repr=False, compare=False)

    def parse(self, value: bytes) -> Message:
        """Read bytes as this message.

        Raises:
            google.protobuf.message.DecodeError: They are none.
        """
        return self.made.FromString(value)

    @cached_property
    def hiding_field(self) -> str | None:
        """A field whose name is that of one of the library's methods, so that the library cannot read text format."""
        return hiding_field(self.made)

    def sibling(self, name: str) -> type[Message] | None:
        """Give the class of another message of the same set, as an Any names it."""
        try:
            return GetMessageClass(self.pool.FindMessageTypeByName(name))
        except KeyError:
            return None


class SchemaSet:
    """Files that were compiled together.

    Args:
        name: What rules call the set.
        files: Their descriptors with all that they import, in any order; what only shows where something stood in the
            source is left out.

    Raises:
        SchemaFailed: They contradict each other, or import what is not among them.
    """

    def __init__(self, name: str, files: Iterable[FileDescriptorProto]) -> None:
        self.name = name
        self._files = tuple(files)
        self._pool = _pool(name, self._files)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The full names of all messages, in the order of the files; not those of files that the library knows."""
        return tuple(
            name
            for file in self._files
            if not file.name.startswith(_OURS)
            for message in file.message_type
            for name in _names(message, f"{file.package}." if file.package else "")
        )

    def find(self, name: str) -> MessageType | None:
        """Give the message type of a full name."""
        return _found(self.name, name, self._pool)

    def find_relaxed(self, name: str) -> MessageType | None:
        """Give the type with bytes in place of every string, for values whose strings are no UTF-8."""
        return _found(self.name, name, self._relaxed)

    @cached_property
    def _relaxed(self) -> DescriptorPool:
        return _pool(self.name, [_relaxed(file) for file in self._files])


class Schemas:
    """Sets of message types, in the order in which they are asked for a name."""

    def __init__(self, sets: Iterable[SchemaSet] = ()) -> None:
        self.sets = tuple(sets)

    def types(self) -> tuple[str, ...]:
        """Give the full names of all messages, each once."""
        return tuple(dict.fromkeys(name for found in self.sets for name in found.types))

    def find(self, name: str, schema: str | None = None, *, relaxed: bool = False) -> MessageType | None:
        """Give the message type of a full name.

        Args:
            name: As in `package.Message.Nested`.
            schema: The set to look into; None takes the first that has it.
            relaxed: With bytes in place of every string.
        """
        for found in self.sets:
            if schema in (None, found.name):
                kind = found.find_relaxed(name) if relaxed else found.find(name)
                if kind is not None:
                    return kind
        return None

    def alike(self, name: str) -> str | None:
        """Give a message whose name somebody may have meant."""
        last = name.rpartition(".")[2]
        named = [known for known in self.types() if known.rpartition(".")[2] == last]
        return next(iter(named or get_close_matches(name, self.types(), n=1)), None)


def _found(schema: str, name: str, pool: DescriptorPool) -> MessageType | None:
    try:
        descriptor = pool.FindMessageTypeByName(name)
    except KeyError:
        return None
    return MessageType(schema, name, pool, GetMessageClass(descriptor))


def _names(message: DescriptorProto, scope: str) -> Iterable[str]:
    if message.options.map_entry:
        return
    yield f"{scope}{message.name}"
    for nested in message.nested_type:
        yield from _names(nested, f"{scope}{message.name}.")


# Pools


def _pool(name: str, files: Iterable[FileDescriptorProto]) -> DescriptorPool:
    pool = DescriptorPool()
    for file in _sorted(name, {file.name: file for file in files}):
        bare = FileDescriptorProto()
        bare.CopyFrom(file)
        bare.ClearField("source_code_info")  # with it the same file cannot be added twice
        try:
            pool.Add(bare)
        except TypeError as error:  # the one error that the library has for all that can be wrong
            raise SchemaFailed(f"{name}: {file.name}: {_reason(error)}") from error
    return pool


def _sorted(name: str, files: Mapping[str, FileDescriptorProto]) -> Iterator[FileDescriptorProto]:
    """Give each file after those that it imports."""
    begun: set[str] = set()
    ended: set[str] = set()
    waiting = [(file, "") for file in reversed(tuple(files))]
    while waiting:
        file, importer = waiting[-1]
        found = files.get(file) or _known(file)
        if found is None:
            raise SchemaFailed(
                f"{name}: {importer} imports {file}, which is not there",
                hint="add it, or make the set with its imports",
            )
        left = [one for one in found.dependency if one not in ended]
        if file in ended or not left:
            if file not in ended:
                yield found
            ended.add(file)
            waiting.pop()
        elif file in begun:
            raise SchemaFailed(f"{name}: {file} and {left[0]} import each other")
        else:
            begun.add(file)
            waiting += [(one, file) for one in left]


def _known(name: str) -> FileDescriptorProto | None:
    """Give a file that comes with the library, for sets that were made without it."""
    if not (name.startswith(_OURS) and name.endswith(".proto")):
        return None
    try:
        module = import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    except ImportError:
        return None
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file


def _reason(error: TypeError) -> str:
    text = str(error).removeprefix("Couldn't build proto file into descriptor pool: ")
    return " ".join(text.split())


def _relaxed(file: FileDescriptorProto) -> FileDescriptorProto:
    if file.name.startswith(_OURS):
        return file
    relaxed = FileDescriptorProto()
    relaxed.CopyFrom(file)
    fields = list(relaxed.extension)
    messages = list(relaxed.message_type)
    while messages:
        message = messages.pop()
        messages += message.nested_type
        fields += message.extension
        fields += message.field[message.options.map_entry :]  # the key of a map cannot be bytes
    for one in fields:
        if one.type == FieldDescriptorProto.TYPE_STRING:
            one.type = FieldDescriptorProto.TYPE_BYTES
            one.ClearField("default_value")
            one.options.ClearField("ctype")
    return relaxed
