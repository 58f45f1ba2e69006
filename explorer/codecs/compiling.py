"""`.proto` files compiled by the real compiler, in a process of its own, and kept until one of them changes.

The compiler is part of grpcio-tools. Inside this process it would write its complaints straight onto the terminal.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from explorer.model.errors import SchemaFailed

_TIME: Final = 60.0
"""Seconds that the compiler may take."""
_TOOLS: Final = "grpcio-tools"
_IMPORT: Final = re.compile(r"""\bimport\s+(?:\w+\s+)?["']([^"']+)["']""")
_NOT_FOUND: Final = re.compile(r"(File not found|was not found or had errors)")


def compiled(files: Iterable[Path], includes: Sequence[Path], cache: Path | None = None) -> list[FileDescriptorProto]:
    """Compile files with all that they import.

    Args:
        files: Each below one of `includes`.
        includes: The folders that imports are relative to, as `-I` of the compiler.
        cache: A folder for results, made when there is none; None keeps none.

    Raises:
        SchemaFailed: They do not compile; the message is the compiler's first, with file, line and column.
    """
    folders = [folder.resolve() for folder in includes]
    whole = [file.resolve() for file in files]
    names = [_name(file, folders) for file in whole]
    kept = None if cache is None else cache / f"{_digest(names, folders)}.binpb"
    if kept is not None:
        try:
            return list(FileDescriptorSet.FromString(kept.read_bytes()).file)
        except (OSError, DecodeError):
            pass  # not kept yet, or not whole: compile it again
    data = _run(whole, folders)
    if kept is not None:
        _keep(kept, data)
    return list(FileDescriptorSet.FromString(data).file)


def _name(file: Path, folders: Sequence[Path]) -> str:
    for folder in folders:
        if file.is_relative_to(folder):
            return file.relative_to(folder).as_posix()
    raise SchemaFailed(f"{file} is below none of the folders for imports", hint="name one of its folders with -I")


def _run(files: Sequence[Path], folders: Sequence[Path]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="keyscope-") as folder:
        outcome = Path(folder, "set.binpb")
        words = Path(folder, "words")
        options = [*(f"-I{include}" for include in folders), "--include_imports", f"--descriptor_set_out={outcome}"]
        words.write_text("\n".join((*options, *map(str, files))), encoding="utf-8")
        # -P: nothing in the folder that somebody happens to be in is run.
        command = [sys.executable, "-P", "-m", "grpc_tools.protoc", f"@{words}"]
        try:
            run = subprocess.run(  # noqa: S603 - our own words
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIME, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise SchemaFailed(f"{files[0]}: not compiled within {_TIME:.0f} s") from error
        if run.returncode != 0 or not outcome.is_file():
            raise _failure(run.stderr.decode("utf-8", "replace"), folders)
        return outcome.read_bytes()


def _failure(said: str, folders: Sequence[Path]) -> SchemaFailed:
    lines = [line for line in said.splitlines() if line.strip() and "warning:" not in line]
    if not lines or "No module named grpc_tools" in said:
        return SchemaFailed("the compiler of .proto files does not run", hint=f"pip install {_TOOLS}")
    first, *more = lines
    name, colon, rest = first.partition(":")
    for folder in folders:
        if colon and (folder / name).is_file():
            first = f"{folder / name}:{rest}"
            break
    hint = "name the folder that its imports are relative to with -I" if _NOT_FOUND.search(said) else ""
    if more and not hint:
        hint = f"and {len(more)} more: {more[0]}"
    return SchemaFailed(first, hint=hint)


# What was compiled before


def _digest(names: Sequence[str], folders: Sequence[Path]) -> str:
    """Make a name of all that the result depends on: the compiler, its words, and what is in every file."""
    try:
        tools = version(_TOOLS)
    except PackageNotFoundError:
        tools = ""
    told = hashlib.sha256(repr((tools, [str(folder) for folder in folders], names)).encode())
    waiting = list(reversed(names))
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        content = _content(name, folders)
        told.update(repr((name, hashlib.sha256(content).hexdigest())).encode())
        waiting += _IMPORT.findall(content.decode("utf-8", "replace"))
    return told.hexdigest()


def _content(name: str, folders: Sequence[Path]) -> bytes:
    for folder in folders:
        try:
            return (folder / name).read_bytes()
        except OSError:
            continue
    return b""


def _keep(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as half:
            half.write(data)
        os.replace(half.name, file)  # noqa: PTH105 - one step, so that nobody reads half of it
    except OSError:
        return  # a cache that cannot be written is none
