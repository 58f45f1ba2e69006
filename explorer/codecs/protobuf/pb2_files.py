"""Descriptors out of `*_pb2.py` files. They are read and never run: importing one would run whatever is in it."""

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError

from explorer.model.errors import SchemaFailed

SUFFIX = "_pb2.py"


@dataclass(frozen=True, slots=True)
class GeneratedModules:
    """What generated modules describe, and which of them could not be read."""

    files: Sequence[FileDescriptorProto]
    problems: tuple[str, ...]


def generated_modules(
    files: Sequence[Path], includes: Sequence[Path] = (), *, required: Collection[Path] = ()
) -> GeneratedModules:
    """Read the descriptors of generated modules, and of those that they import.

    Args:
        files: The modules.
        includes: Further folders to look for imported ones in, besides those that the modules' own names stand in.
        required: Modules that must be readable.

    Raises:
        SchemaFailed: None is a generated module, or one that must be is not.
    """
    problems: dict[Path, SchemaFailed] = {}
    found: dict[str, FileDescriptorProto] = {}
    roots = list(includes)
    for file in files:
        try:
            read = list(descriptors(file))
        except SchemaFailed as error:
            if file in required:
                raise
            problems[file] = error
            continue
        for descriptor in read:
            found[descriptor.name] = descriptor
            if (root := _root(file, descriptor.name)) is not None and root not in roots:
                roots.append(root)
    if problems and not found:
        raise next(iter(problems.values()))
    waiting = [name for descriptor in found.values() for name in descriptor.dependency]
    while waiting:
        name = waiting.pop()
        module = _module(name)
        there = next((root / module for root in roots if (root / module).is_file()), None)
        if name in found or there is None or there in problems:
            continue  # what is missing is told, or known, when the set is made
        try:
            read = list(descriptors(there))
        except SchemaFailed as error:
            problems[there] = error
            continue
        for descriptor in read:
            found[descriptor.name] = descriptor
            waiting += descriptor.dependency
    return GeneratedModules(list(found.values()), tuple(error.message for error in problems.values()))


def descriptors(file: Path) -> Iterator[FileDescriptorProto]:
    """Read the descriptors that one module holds; it has one.

    Raises:
        SchemaFailed: It is no generated module.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except OSError as error:
        raise SchemaFailed(f"{file}: {error.strerror or error}") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SchemaFailed(f"{file} is no Python that can be read: {error}") from error
    found = False
    for data in _serialized(tree):
        try:
            yield FileDescriptorProto.FromString(data)
        except DecodeError as error:
            raise SchemaFailed(f"{file} holds bytes that describe no schema") from error
        found = True
    if not found:
        raise SchemaFailed(f"{file} holds no schema", hint=f"modules that protoc generated end with {SUFFIX}")


def _serialized(tree: ast.Module) -> Iterator[bytes]:
    """Find `AddSerializedFile(b'...')`, and `FileDescriptor(serialized_pb=b'...')` as older compilers wrote it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = node.args[:1] if name == "AddSerializedFile" else []
        if name == "FileDescriptor":
            given = [keyword.value for keyword in node.keywords if keyword.arg == "serialized_pb"]
        for value in given:
            if (data := _bytes(value)) is not None:
                yield data


def _bytes(node: ast.expr) -> bytes | None:
    match node:
        case ast.Constant(value=bytes(data)):
            return data
        case ast.Call(args=[ast.Constant(value=str(text))]):  # _b('...'), for Python 2 and 3
            return text.encode("latin-1", "replace")
        case _:
            return None


def _module(name: str) -> str:
    return name.removesuffix(".proto").replace("-", "_") + SUFFIX


def _root(file: Path, name: str) -> Path | None:
    """Give the folder that a module's own name is relative to."""
    module = Path(_module(name))
    whole = file.resolve()
    return whole.parents[len(module.parts) - 1] if whole.parts[-len(module.parts) :] == module.parts else None
