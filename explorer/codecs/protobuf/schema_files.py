"""Where schemas come from: `.proto` files, descriptor sets, generated modules, and folders of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from explorer.codecs.protobuf.pb2_files import SUFFIX, generated_modules
from explorer.codecs.protobuf.proto_paths import absolute, schema_files
from explorer.codecs.protobuf.protoc import compile_protos
from explorer.codecs.protobuf.schemas import SchemaSet
from explorer.model.errors import SchemaFailed

_SETS: Final = (".binpb", ".desc", ".pb", ".protoset", ".fds")
_KINDS: Final = f".proto, {', '.join(_SETS)} (descriptor sets), *{SUFFIX}, or a folder of one kind"


def load(
    paths: Sequence[Path], includes: Sequence[Path] = (), *, cache: Path | None = None, name: str | None = None
) -> list[SchemaSet]:
    """Read schemas: all `.proto` files as one set, all generated modules as another, each descriptor set alone.

    A file of a folder that cannot be used does not stand in the way of the others: it is a problem of its set.

    Args:
        paths: Files and folders.
        includes: The folders that imports are relative to; without any, a folder itself and the folder of a file.
        cache: A folder in which compiled files are kept.
        name: What to call the sets; None calls them by their paths.

    Raises:
        SchemaFailed: Something that was named is missing, of no known kind, or cannot be used; or nothing of a folder
            can be used.
    """
    files = {path: list(_files(path)) for path in paths}
    every = [file for found in files.values() for file in found]
    named = [path for path in paths if path.is_file()]
    called = name or ", ".join(str(path) for path in paths)
    sets: list[SchemaSet] = []
    problems: list[SchemaFailed] = []
    if protos := [file for file in every if file.suffix == ".proto"]:
        found = compile_protos(protos, _roots(files, includes), cache, required=named)
        sets.append(SchemaSet(called, found.files, found.problems))
    if modules := [file for file in every if file.name.endswith(SUFFIX)]:
        read = generated_modules(modules, includes, required=named)
        sets.append(SchemaSet(called, read.files, read.problems))
    for file in every:
        if file.suffix in _SETS:
            try:
                sets.append(_descriptor_set(file, name))
            except SchemaFailed as error:
                if file in named:
                    raise
                problems.append(error)
    if problems and not sets:
        raise problems[0]
    if problems:
        sets[0].problems += tuple(error.message for error in problems)
    return sets


def _roots(files: Mapping[Path, Sequence[Path]], includes: Sequence[Path]) -> list[Path]:
    """Return the folders that imports are relative to: those that were named, and those of files below none of them."""
    roots = list(includes)
    for path in files:
        root = path if path.is_dir() else path.parent
        if not any(absolute(root).is_relative_to(absolute(include)) for include in includes):
            roots.append(root)
    return list(dict.fromkeys(roots))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        if path.suffix in (".proto", *_SETS) or path.name.endswith(SUFFIX):
            yield path
            return
        raise SchemaFailed(f"{path} is of no known kind", hint=f"known are {_KINDS}")
    if not path.is_dir():
        raise SchemaFailed(f"{path} does not exist")
    there = list(schema_files(path))
    for ending in (".proto", SUFFIX, _SETS):
        if found := sorted(file for file in there if file.name.endswith(ending)):
            yield from found
            return
    raise SchemaFailed(f"{path} holds no schema", hint=f"known are {_KINDS}")


def _descriptor_set(file: Path, name: str | None) -> SchemaSet:
    try:
        found = FileDescriptorSet.FromString(file.read_bytes())
    except OSError as error:
        raise SchemaFailed(f"{file}: {error.strerror or error}") from error
    except DecodeError as error:
        raise SchemaFailed(f"{file} is no descriptor set", hint="protoc -o FILE --include_imports makes one") from error
    if not any(one.name for one in found.file):
        raise SchemaFailed(f"{file} describes nothing", hint="protoc -o FILE --include_imports makes a descriptor set")
    return SchemaSet(name or str(file), found.file)
