"""Sets of message types, each with its own descriptor pool, so that two versions of a schema do not conflict."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from explorer.codecs.base import Limits
from explorer.codecs.protobuf.descriptor_pools import BUILTIN_FOLDER, build_pool, without_text
from explorer.codecs.protobuf.fields import hiding_field, serialized, set_fields, unknown_size
from explorer.codecs.protobuf.inspection import Inspector
from explorer.model.errors import SchemaFailed

_MAX_CANDIDATES: Final = 5_000
"""Types that are tried for a value; a few thousand take a fraction of a second."""


@dataclass(frozen=True)
class MessageType:
    """Message type of a schema set."""

    schema: str
    name: str
    pool: DescriptorPool = field(repr=False, compare=False)
    message_class: type[Message] = field(repr=False, compare=False)

    def parse(self, value: bytes) -> Message:
        """Return the message of its bytes.

        Raises:
            google.protobuf.message.DecodeError: The bytes are not a message of this type.
        """
        return self.message_class.FromString(value)

    @cached_property
    def hiding_field(self) -> str | None:
        """Name of a field that hides a method of the library, so that it cannot parse text format; None without one."""
        return hiding_field(self.message_class)

    @cached_property
    def inspector(self) -> Inspector:
        """Inspector of messages of this type."""
        return Inspector()

    def class_of(self, name: str) -> type[Message] | None:
        """Return the class of a message of the same set by its full name, or None."""
        try:
            return GetMessageClass(self.pool.FindMessageTypeByName(name))
        except KeyError:
            return None


class SchemaSet:
    """Message types of files that were compiled together.

    Args:
        name: Name of the set in rules.
        files: Descriptors of the files and their imports, in any order; source locations are dropped.
        problems: Problems of the source files, one line each.

    Raises:
        SchemaFailed: No message is usable: the files conflict, or an import is missing.
    """

    def __init__(self, name: str, files: Iterable[FileDescriptorProto], problems: Iterable[str] = ()) -> None:
        self.name = name
        built = build_pool(files)
        self._files = built.files
        self._pool = built.pool
        self._types: dict[str, MessageType | None] = {}
        self._relaxed_types: dict[str, MessageType | None] = {}
        self.problems: tuple[str, ...] = (*problems, *built.problems)
        """Problems of the set, one line each."""
        if built.problems and not self.types:
            raise SchemaFailed(
                f"{name}: {built.problems[0]}", hint="add the missing file, or make the set with its imports"
            )

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Full names of all messages in file order, without those of the library's files."""
        return tuple(
            name
            for file in self._files
            if not file.name.startswith(BUILTIN_FOLDER)
            for message in file.message_type
            for name in _names(message, f"{file.package}." if file.package else "")
        )

    def find(self, name: str) -> MessageType | None:
        """Return the message type of a full name, or None."""
        return self._cached(name, self._pool, self._types)

    def find_relaxed(self, name: str) -> MessageType | None:
        """Return the type with bytes fields for strings, for values whose strings are not UTF-8."""
        return self._cached(name, self._relaxed, self._relaxed_types)

    def _cached(self, name: str, pool: DescriptorPool, cache: dict[str, MessageType | None]) -> MessageType | None:
        if name not in cache:
            cache[name] = _find_type(self.name, name, pool)
        return cache[name]

    @cached_property
    def _relaxed(self) -> DescriptorPool:
        return build_pool(without_text(file) for file in self._files).pool


class Schemas:
    """Schema sets in lookup order."""

    def __init__(self, sets: Iterable[SchemaSet] = ()) -> None:
        self.sets = tuple(sets)

    def types(self) -> tuple[str, ...]:
        """Return the full names of all messages, without duplicates."""
        return tuple(dict.fromkeys(name for schema_set in self.sets for name in schema_set.types))

    def find(self, name: str, schema: str | None = None, *, relaxed: bool = False) -> MessageType | None:
        """Return the message type of a full name, or None.

        Args:
            name: `package.Message.Nested`.
            schema: The name of the set; None for the first set that has the type.
            relaxed: Return the type with bytes fields for strings.
        """
        for schema_set in self.sets:
            if schema in (None, schema_set.name):
                message_type = schema_set.find_relaxed(name) if relaxed else schema_set.find(name)
                if message_type is not None:
                    return message_type
        return None

    def candidates(self, value: bytes, limits: Limits) -> Iterator[str]:
        """Yield the names of the types that a value parses as, the best match first.

        They are only offered: most bytes parse as many types, and a short text as hundreds.
        """
        if len(value) > limits.max_candidate_value:
            return
        scores: list[tuple[tuple[int, int], str]] = []
        for name in islice(self.types(), _MAX_CANDIDATES):
            message_type = self.find(name)
            if message_type is not None and (score := _score(value, message_type, limits)) is not None:
                scores.append((score, name))
        for _, name in sorted(scores, key=lambda scored: scored[0]):
            yield name

    def suggest(self, name: str) -> str | None:
        """Return the most similar full name, or None."""
        last = name.rpartition(".")[2]
        named = [known for known in self.types() if known.rpartition(".")[2] == last]
        return next(iter(named or get_close_matches(name, self.types(), n=1)), None)


def _score(value: bytes, message_type: MessageType, limits: Limits) -> tuple[int, int] | None:
    """Return how badly a type matches, 0 being best; None if the value does not parse.

    The weights are those that found most of Kubernetes' own types.
    """
    try:
        message = message_type.parse(value)
        stats = message_type.inspector.inspect(message, limits.max_elements)
    except (DecodeError, UnicodeDecodeError):  # the latter for the key of a map
        return None
    mismatch = 5 * unknown_size(message) + 3 * stats.has_invalid_strings + (serialized(message) != value)
    return mismatch, -len(set_fields(message))


def _find_type(schema: str, name: str, pool: DescriptorPool) -> MessageType | None:
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
