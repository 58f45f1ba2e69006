"""Descriptor pools from incomplete or conflicting files; only messages that need a missing type are left out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

BUILTIN_FOLDER: Final = "google/protobuf/"
BUILTIN_FILES: Final = frozenset(
    f"{BUILTIN_FOLDER}{name}.proto"
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
"""Files that the protobuf library includes."""
_MAX_LISTED_NAMES: Final = 3
"""Message names listed in a problem."""


@dataclass(frozen=True, slots=True)
class BuiltPool:
    """Pool and the problems of its files."""

    pool: DescriptorPool
    files: tuple[FileDescriptorProto, ...]
    """Files of the pool, without the messages that were left out."""
    problems: tuple[str, ...]
    """Missing files and the messages left out for them, one line each."""


def build_pool(files: Iterable[FileDescriptorProto]) -> BuiltPool:
    """Return a pool of files in any order, with the library's files that they import.

    A missing file is replaced by an empty one. Messages with a field of a missing type are left out.
    """
    by_name = {file.name: file for file in files}
    pool = DescriptorPool()
    problems: list[str] = []
    built: list[FileDescriptorProto] = []
    defined = {name: file.name for file in by_name.values() for name in _types(file)}
    is_complete = all(
        name in by_name or _builtin(name) is not None for file in by_name.values() for name in file.dependency
    )
    if not is_complete:
        by_name = {name: _with_direct_imports(file, defined) for name, file in by_name.items()}
    missing: set[str] = set()
    for file, cycle in _sorted(by_name):
        added = FileDescriptorProto()
        added.CopyFrom(file)
        added.ClearField("source_code_info")  # two copies that differ in it could not both be added
        for message in added.message_type:
            _resolve_json_names(message)
        missing_imports = [
            name for name in added.dependency if name in missing or not (name in by_name or _builtin(name))
        ]
        for name in missing_imports:
            if name not in missing:
                pool.Add(FileDescriptorProto(name=name))
                missing.add(name)
        omitted = _prune(added, defined) if missing else []
        if omitted:
            problems.append(_describe_omission(added.name, missing_imports, omitted))
        try:
            if cycle:
                raise TypeError(f"{added.name} and {cycle} import each other")  # noqa: TRY301 - handled like the library's own
            pool.Add(added)
        except TypeError as error:  # the library's only error for invalid files
            problems.append(_describe_error(added.name, error))
            for name in _types(added):
                if defined.get(name) == added.name:
                    del defined[name]
            pool.Add(FileDescriptorProto(name=added.name))
            missing.add(added.name)
        else:
            built.append(added)
    return BuiltPool(pool, tuple(file for file in built if file.name in by_name), tuple(problems))


def without_text(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return a file whose string fields are bytes fields; the library's files stay unchanged."""
    if file.name.startswith(BUILTIN_FOLDER):
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
    for field in fields:
        if field.type == FieldDescriptorProto.TYPE_STRING:
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("default_value")
            field.options.ClearField("ctype")
    return relaxed


def _sorted(files: Mapping[str, FileDescriptorProto]) -> Iterator[tuple[FileDescriptorProto, str]]:
    """Yield the files in import order, each with the name of a file that it imports in a cycle, or an empty string."""
    visited: set[str] = set()
    done: set[str] = set()
    stack = list(reversed(tuple(files)))
    while stack:
        name = stack[-1]
        file = files.get(name) or _builtin(name)
        remaining = [] if file is None else [one for one in file.dependency if one not in done]
        if name in done or not remaining or name in visited:
            if name not in done and file is not None:
                yield file, remaining[0] if remaining else ""
            done.add(name)
            stack.pop()
        else:
            visited.add(name)
            stack += [one for one in remaining if one not in visited]


def _builtin(name: str) -> FileDescriptorProto | None:
    """Return a file that the library includes, or None."""
    if name not in BUILTIN_FILES:
        return None
    module = import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file


def _resolve_json_names(message: DescriptorProto) -> None:
    """Use the field names in JSON if two JSON names collide: protoc warns of it, the pool refuses it."""
    names = Counter(name for one in message.field for name in {one.name, one.json_name or one.name})
    for one in message.field:
        if one.json_name and names[one.json_name] > 1:
            one.json_name = one.name
    for nested in message.nested_type:
        _resolve_json_names(nested)


# Missing types


def _types(file: FileDescriptorProto) -> Iterator[str]:
    """Yield the full names of the messages and enums of a file."""
    scope = f"{file.package}." if file.package else ""
    yield from (f"{scope}{enum.name}" for enum in file.enum_type)
    for message in file.message_type:
        yield from _types_within(message, scope)


def _types_within(message: DescriptorProto, scope: str) -> Iterator[str]:
    nested_scope = f"{scope}{message.name}."
    yield nested_scope[:-1]
    yield from (f"{nested_scope}{enum.name}" for enum in message.enum_type)
    for nested in message.nested_type:
        yield from _types_within(nested, nested_scope)


def _with_direct_imports(file: FileDescriptorProto, defined: Mapping[str, str]) -> FileDescriptorProto:
    """Return a file that imports all it uses directly, in case a public import in between is missing."""
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
    for field in fields:
        yield from (name.removeprefix(".") for name in (field.type_name, field.extendee) if name)


def _prune(file: FileDescriptorProto, defined: dict[str, str]) -> list[str]:
    """Remove the messages of a file that need a missing type, and return their names."""
    omitted: list[str] = []
    scope = f"{file.package}." if file.package else ""
    size = -1
    while size != len(defined):
        size = len(defined)
        _prune_messages(file.message_type, scope, defined, omitted)
        _prune_extensions(file.extension, defined)
    file.ClearField("service")  # values do not need it
    return omitted


def _prune_messages(
    messages: MutableSequence[DescriptorProto], scope: str, defined: dict[str, str], omitted: list[str]
) -> None:
    for index in reversed(range(len(messages))):
        message = messages[index]
        if all(_is_defined(one.type_name, defined) for one in message.field):
            _prune_messages(message.nested_type, f"{scope}{message.name}.", defined, omitted)
            _prune_extensions(message.extension, defined)
            continue
        if not message.options.map_entry:
            omitted.append(f"{scope}{message.name}")
        for name in _types_within(message, scope):
            defined.pop(name, None)
        del messages[index]


def _prune_extensions(extensions: MutableSequence[FieldDescriptorProto], defined: Mapping[str, str]) -> None:
    for index in reversed(range(len(extensions))):
        if not all(_is_defined(name, defined) for name in (extensions[index].type_name, extensions[index].extendee)):
            del extensions[index]


def _is_defined(name: str, defined: Mapping[str, str]) -> bool:
    return not name.startswith(".") or name[1:] in defined or name.startswith(".google.protobuf.")


def _describe_omission(file: str, missing_imports: Sequence[str], omitted: Sequence[str]) -> str:
    names = ", ".join(sorted(omitted)[:_MAX_LISTED_NAMES]) + (", ..." if len(omitted) > _MAX_LISTED_NAMES else "")
    reason = (
        f"{file} imports {missing_imports[0]}, which is missing" if missing_imports else f"{file} uses a missing type"
    )
    return f"{reason}; left out: {names}"


def _describe_error(file: str, error: TypeError) -> str:
    text = str(error).removeprefix("Couldn't build proto file into descriptor pool: ")
    return f"{file}: {' '.join(text.split())}"
