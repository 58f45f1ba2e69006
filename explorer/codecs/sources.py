"""Where schemas come from: `.proto` files, descriptor sets, generated modules, and folders of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from explorer.codecs.compiling import compiled
from explorer.codecs.generated import SUFFIX, generated
from explorer.codecs.schemas import SchemaSet
from explorer.model.errors import SchemaFailed

_SETS: Final = (".binpb", ".desc", ".pb", ".protoset", ".fds")
_KINDS: Final = f".proto, {', '.join(_SETS)} (descriptor sets), *{SUFFIX}, or a folder of one kind"


def load(
    paths: Sequence[Path], includes: Sequence[Path] = (), *, cache: Path | None = None, name: str | None = None
) -> list[SchemaSet]:
    """Read schemas: all `.proto` files as one set, all generated modules as another, each descriptor set alone.

    Args:
        paths: Files and folders.
        includes: The folders that imports are relative to; without any, a folder itself and the folder of a file.
        cache: A folder in which compiled files are kept.
        name: What to call the sets; None calls them by their paths.

    Raises:
        SchemaFailed: Something is missing, of no known kind, or does not compile.
    """
    protos: list[Path] = []
    modules: list[Path] = []
    sets: list[SchemaSet] = []
    folders = list(includes)
    for path in paths:
        for file in _files(path):
            if file.suffix == ".proto":
                protos.append(file)
            elif file.name.endswith(SUFFIX):
                modules.append(file)
            else:
                sets.append(_descriptor_set(file, name))
        root = path if path.is_dir() else path.parent
        if not any(root.resolve().is_relative_to(folder.resolve()) for folder in includes):
            folders.append(root)
    called = name or ", ".join(str(path) for path in paths)
    if protos:
        sets.append(SchemaSet(called, compiled(protos, list(dict.fromkeys(folders)), cache)))
    if modules:
        sets.append(SchemaSet(called, generated(modules, includes)))
    return sets


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        if path.suffix in (".proto", *_SETS) or path.name.endswith(SUFFIX):
            yield path
            return
        raise SchemaFailed(f"{path} is of no known kind", hint=f"known are {_KINDS}")
    if not path.is_dir():
        raise SchemaFailed(f"{path} is not there")
    found = False
    for ending in (".proto", SUFFIX, *_SETS):
        for file in sorted(path.rglob(f"*{ending}")):
            yield file
            found = True
        if found:
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
