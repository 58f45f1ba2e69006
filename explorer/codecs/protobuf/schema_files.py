"""Schemas from `.proto` files, descriptor sets, generated modules, and folders of them."""

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

_DESCRIPTOR_SET_SUFFIXES: Final = (".binpb", ".desc", ".pb", ".protoset", ".fds")
_KNOWN_FORMATS: Final = (
    f".proto, {', '.join(_DESCRIPTOR_SET_SUFFIXES)} (descriptor sets), *{SUFFIX}, or a folder of one kind"
)


def load(
    paths: Sequence[Path], includes: Sequence[Path] = (), *, cache: Path | None = None, name: str | None = None
) -> list[SchemaSet]:
    """Return the schema sets of paths: one for all `.proto` files, one for all modules, one for each descriptor set.

    An invalid file of a folder is a problem of its set; an invalid file in `paths` is an error.

    Args:
        paths: Files and folders.
        includes: Import folders; by default each folder itself and the folder of each file.
        cache: The folder for compiled files.
        name: The name of the sets; None names them by their paths.

    Raises:
        SchemaFailed: A path does not exist, has an unknown format or is invalid, or all files of a folder are invalid.
    """
    files = {path: list(_files(path)) for path in paths}
    all_files = [file for listed in files.values() for file in listed]
    required = [path for path in paths if path.is_file()]
    set_name = name or ", ".join(str(path) for path in paths)
    sets: list[SchemaSet] = []
    problems: list[SchemaFailed] = []
    if protos := [file for file in all_files if file.suffix == ".proto"]:
        compiled = compile_protos(protos, _roots(files, includes), cache, required=required)
        sets.append(SchemaSet(set_name, compiled.files, compiled.problems))
    if modules := [file for file in all_files if file.name.endswith(SUFFIX)]:
        generated = generated_modules(modules, includes, required=required)
        sets.append(SchemaSet(set_name, generated.files, generated.problems))
    for file in all_files:
        if file.suffix in _DESCRIPTOR_SET_SUFFIXES:
            try:
                sets.append(_descriptor_set(file, name))
            except SchemaFailed as error:
                if file in required:
                    raise
                problems.append(error)
    if problems and not sets:
        raise problems[0]
    if problems:
        sets[0].problems += tuple(error.message for error in problems)
    return sets


def _roots(files: Mapping[Path, Sequence[Path]], includes: Sequence[Path]) -> list[Path]:
    """Return the import folders: the given ones, and those of files below none of them."""
    roots = list(includes)
    for path in files:
        root = path if path.is_dir() else path.parent
        if not any(absolute(root).is_relative_to(absolute(include)) for include in includes):
            roots.append(root)
    return list(dict.fromkeys(roots))


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        if path.suffix in (".proto", *_DESCRIPTOR_SET_SUFFIXES) or path.name.endswith(SUFFIX):
            yield path
            return
        raise SchemaFailed(f"{path} has an unknown format", hint=f"known formats: {_KNOWN_FORMATS}")
    if not path.is_dir():
        raise SchemaFailed(f"{path} does not exist")
    below = list(schema_files(path))
    for suffix in (".proto", SUFFIX, _DESCRIPTOR_SET_SUFFIXES):
        if matching := sorted(file for file in below if file.name.endswith(suffix)):
            yield from matching
            return
    raise SchemaFailed(f"{path} has no schema", hint=f"known formats: {_KNOWN_FORMATS}")


def _descriptor_set(file: Path, name: str | None) -> SchemaSet:
    try:
        descriptor_set = FileDescriptorSet.FromString(file.read_bytes())
    except OSError as error:
        raise SchemaFailed(f"{file}: {error.strerror or error}") from error
    except DecodeError as error:
        raise SchemaFailed(
            f"{file} is not a descriptor set", hint="protoc -o FILE --include_imports makes one"
        ) from error
    if not any(one.name for one in descriptor_set.file):
        raise SchemaFailed(f"{file} has no messages", hint="protoc -o FILE --include_imports makes a descriptor set")
    return SchemaSet(name or str(file), descriptor_set.file)
