"""Descriptor pools made of whatever files there are: what is missing or contradicts takes along only what needs it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

OWN_FOLDER: Final = "google/protobuf/"
OWN_FILES: Final = frozenset(
    f"{OWN_FOLDER}{name}.proto"
    for name in (
        "any",
        "api",
        "compiler/plugin",
        "descriptor",
        "duration",
        "empty",
        "field_mask",
        "source_context",
        "struct",
        "timestamp",
        "type",
        "wrappers",
    )
)
"""Files that the library itself knows by heart."""
_SHOWN: Final = 3
"""Names of messages that a problem lists."""


@dataclass(frozen=True, slots=True)
class BuiltPool:
    """A pool, and what did not get into it."""

    pool: DescriptorPool
    files: tuple[FileDescriptorProto, ...]
    """The files that are in it, without the messages that could not be read."""
    problems: tuple[str, ...]
    """What is missing and which messages cannot be read for it, one line each."""


def build_pool(files: Iterable[FileDescriptorProto]) -> BuiltPool:
    """Make a pool of files, in any order, with what they import from the library.

    A file that is missing is replaced by an empty one. Messages with a field of a type that is not there are left out.
    """
    given = {file.name: file for file in files}
    pool = DescriptorPool()
    problems: list[str] = []
    kept: list[FileDescriptorProto] = []
    defined = {name: file.name for file in given.values() for name in _types(file)}
    whole = all(name in given or _known(name) is not None for file in given.values() for name in file.dependency)
    if not whole:
        given = {name: _with_direct_imports(file, defined) for name, file in given.items()}
    missing: set[str] = set()
    for file, circle in _sorted(given):
        bare = FileDescriptorProto()
        bare.CopyFrom(file)
        bare.ClearField("source_code_info")  # with it the same file cannot be added twice
        for message in bare.message_type:
            _resolve_json_names(message)
        gone = [name for name in bare.dependency if name in missing or not (name in given or _known(name))]
        for name in gone:
            if name not in missing:
                pool.Add(FileDescriptorProto(name=name))
                missing.add(name)
        left_out = _prune(bare, defined) if missing else []
        if left_out:
            problems.append(_problem(bare.name, gone, left_out))
        try:
            if circle:
                raise TypeError(f"{bare.name} and {circle} import each other")  # noqa: TRY301 - as any other that fails
            pool.Add(bare)
        except TypeError as error:  # the one error that the library has for all that can be wrong
            problems.append(_reason(bare.name, error))
            for name in _types(bare):
                if defined.get(name) == bare.name:
                    del defined[name]
            pool.Add(FileDescriptorProto(name=bare.name))
            missing.add(bare.name)
        else:
            kept.append(bare)
    return BuiltPool(pool, tuple(file for file in kept if file.name in given), tuple(problems))


def without_text(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return a file with bytes in place of every string; those of the library are left as they are."""
    if file.name.startswith(OWN_FOLDER):
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


def _sorted(files: Mapping[str, FileDescriptorProto]) -> Iterator[tuple[FileDescriptorProto, str]]:
    """Give each file after those that it imports, and what it imports in a circle."""
    begun: set[str] = set()
    ended: set[str] = set()
    waiting = list(reversed(tuple(files)))
    while waiting:
        name = waiting[-1]
        found = files.get(name) or _known(name)
        left = [] if found is None else [one for one in found.dependency if one not in ended]
        if name in ended or not left or name in begun:
            if name not in ended and found is not None:
                yield found, left[0] if left else ""
            ended.add(name)
            waiting.pop()
        else:
            begun.add(name)
            waiting += [one for one in left if one not in begun]


def _known(name: str) -> FileDescriptorProto | None:
    """Return a file that comes with the library, for sets that were made without it."""
    if name not in OWN_FILES:
        return None
    module = import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file


def _resolve_json_names(message: DescriptorProto) -> None:
    """Call fields by their own names in JSON where two would be called alike: protoc warns of it, the pool refuses."""
    names = Counter(name for one in message.field for name in {one.name, one.json_name or one.name})
    for one in message.field:
        if one.json_name and names[one.json_name] > 1:
            one.json_name = one.name
    for nested in message.nested_type:
        _resolve_json_names(nested)


# What is missing


def _types(file: FileDescriptorProto) -> Iterator[str]:
    """Give the full names of the messages and enums of a file."""
    scope = f"{file.package}." if file.package else ""
    yield from (f"{scope}{kind.name}" for kind in file.enum_type)
    for message in file.message_type:
        yield from _types_within(message, scope)


def _types_within(message: DescriptorProto, scope: str) -> Iterator[str]:
    inner = f"{scope}{message.name}."
    yield inner[:-1]
    yield from (f"{inner}{kind.name}" for kind in message.enum_type)
    for nested in message.nested_type:
        yield from _types_within(nested, inner)


def _with_direct_imports(file: FileDescriptorProto, defined: Mapping[str, str]) -> FileDescriptorProto:
    """Have a file import what it uses by itself: a public import that led there may be what is missing."""
    direct = FileDescriptorProto()
    direct.CopyFrom(file)
    used = {defined[name] for name in _references(file) if name in defined}
    direct.dependency.extend(sorted(used - {file.name, *file.dependency}))
    return direct


def _references(file: FileDescriptorProto) -> Iterator[str]:
    fields = list(file.extension)
    messages = list(file.message_type)
    while messages:
        message = messages.pop()
        messages += message.nested_type
        fields += [*message.extension, *message.field]
    for one in fields:
        yield from (name.removeprefix(".") for name in (one.type_name, one.extendee) if name)


def _prune(file: FileDescriptorProto, defined: dict[str, str]) -> list[str]:
    """Leave out the messages of a file that need a type that is not there, and return their names."""
    left_out: list[str] = []
    scope = f"{file.package}." if file.package else ""
    before = -1
    while before != len(defined):
        before = len(defined)
        _prune_messages(file.message_type, scope, defined, left_out)
        _prune_extensions(file.extension, defined)
    file.ClearField("service")  # which no value needs
    return left_out


def _prune_messages(
    messages: MutableSequence[DescriptorProto], scope: str, defined: dict[str, str], left_out: list[str]
) -> None:
    for index in reversed(range(len(messages))):
        message = messages[index]
        if all(_is_there(one.type_name, defined) for one in message.field):
            _prune_messages(message.nested_type, f"{scope}{message.name}.", defined, left_out)
            _prune_extensions(message.extension, defined)
            continue
        if not message.options.map_entry:
            left_out.append(f"{scope}{message.name}")
        for name in _types_within(message, scope):
            defined.pop(name, None)
        del messages[index]


def _prune_extensions(extensions: MutableSequence[FieldDescriptorProto], defined: Mapping[str, str]) -> None:
    for index in reversed(range(len(extensions))):
        if not all(_is_there(name, defined) for name in (extensions[index].type_name, extensions[index].extendee)):
            del extensions[index]


def _is_there(name: str, defined: Mapping[str, str]) -> bool:
    return not name.startswith(".") or name[1:] in defined or name.startswith(".google.protobuf.")


def _problem(file: str, gone: Sequence[str], left_out: Sequence[str]) -> str:
    names = ", ".join(sorted(left_out)[:_SHOWN]) + (", ..." if len(left_out) > _SHOWN else "")
    why = f"{file} imports {gone[0]}, which is missing" if gone else f"{file} uses a missing type"
    return f"{why}; not read: {names}"


def _reason(file: str, error: TypeError) -> str:
    text = str(error).removeprefix("Couldn't build proto file into descriptor pool: ")
    return f"{file}: {' '.join(text.split())}"
