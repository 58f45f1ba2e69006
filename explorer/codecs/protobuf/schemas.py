"""Sets of message types, each in a descriptor pool of its own, so that two versions of one schema do not meet."""

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
from explorer.codecs.protobuf.descriptor_pools import OWN_FOLDER, build_pool, without_text
from explorer.codecs.protobuf.fields import hiding_field, serialized, set_fields, unknown_size
from explorer.codecs.protobuf.inspection import Inspector
from explorer.model.errors import SchemaFailed

_MAX_CANDIDATES: Final = 5_000
"""Types that are tried for a value; a few thousand take a fraction of a second."""


@dataclass(frozen=True)
class MessageType:
    """A type of message in its set."""

    schema: str
    name: str
    pool: DescriptorPool = field(repr=False, compare=False)
    message_class: type[Message] = field(repr=False, compare=False)

    def parse(self, value: bytes) -> Message:
        """Read bytes as this message.

        Raises:
            google.protobuf.message.DecodeError: They are none.
        """
        return self.message_class.FromString(value)

    @cached_property
    def hiding_field(self) -> str | None:
        """A field whose name is that of one of the library's methods, so that the library cannot read text format."""
        return hiding_field(self.message_class)

    @cached_property
    def inspector(self) -> Inspector:
        """Looks over messages of this type."""
        return Inspector()

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
        problems: What could not be used of where they come from, one line each.

    Raises:
        SchemaFailed: No message can be read: the files contradict each other, or need what is not among them.
    """

    def __init__(self, name: str, files: Iterable[FileDescriptorProto], problems: Iterable[str] = ()) -> None:
        self.name = name
        built = build_pool(files)
        self._files = built.files
        self._pool = built.pool
        self._kinds: dict[str, MessageType | None] = {}
        self._relaxed_kinds: dict[str, MessageType | None] = {}
        self.problems: tuple[str, ...] = (*problems, *built.problems)
        """What of the set cannot be used, one line each."""
        if built.problems and not self.types:
            raise SchemaFailed(f"{name}: {built.problems[0]}", hint="add it, or make the set with its imports")

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The full names of all messages, in the order of the files; not those of files that the library knows."""
        return tuple(
            name
            for file in self._files
            if not file.name.startswith(OWN_FOLDER)
            for message in file.message_type
            for name in _names(message, f"{file.package}." if file.package else "")
        )

    def find(self, name: str) -> MessageType | None:
        """Give the message type of a full name."""
        return self._kept(name, self._pool, self._kinds)

    def find_relaxed(self, name: str) -> MessageType | None:
        """Give the type with bytes in place of every string, for values whose strings are no UTF-8."""
        return self._kept(name, self._relaxed, self._relaxed_kinds)

    def _kept(self, name: str, pool: DescriptorPool, kinds: dict[str, MessageType | None]) -> MessageType | None:
        if name not in kinds:
            kinds[name] = _found(self.name, name, pool)
        return kinds[name]

    @cached_property
    def _relaxed(self) -> DescriptorPool:
        return build_pool(without_text(file) for file in self._files).pool


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

    def candidates(self, value: bytes, limits: Limits) -> Iterator[str]:
        """Yield the names of the types that a value parses as, the best match first.

        They are only offered: most bytes parse as many types, and a short text as hundreds.
        """
        if len(value) > limits.max_candidate_value:
            return
        scores: list[tuple[tuple[int, int], str]] = []
        for name in islice(self.types(), _MAX_CANDIDATES):
            kind = self.find(name)
            if kind is not None and (score := _score(value, kind, limits)) is not None:
                scores.append((score, name))
        for _, name in sorted(scores, key=lambda scored: scored[0]):
            yield name

    def alike(self, name: str) -> str | None:
        """Give a message whose name somebody may have meant."""
        last = name.rpartition(".")[2]
        named = [known for known in self.types() if known.rpartition(".")[2] == last]
        return next(iter(named or get_close_matches(name, self.types(), n=1)), None)


def _score(value: bytes, kind: MessageType, limits: Limits) -> tuple[int, int] | None:
    """Return how badly a type matches, 0 being best; None if the value does not parse.

    The weights are those that found most of Kubernetes' own types.
    """
    try:
        message = kind.parse(value)
        stats = kind.inspector.inspect(message, limits.max_elements)
    except (DecodeError, UnicodeDecodeError):  # the latter for the key of a map
        return None
    mismatch = 5 * unknown_size(message) + 3 * stats.broken_strings + (serialized(message) != value)
    return mismatch, -len(set_fields(message))


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
