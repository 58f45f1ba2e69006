"""`.proto` files compiled by the real compiler, in a process of its own, and kept until one of them changes.

The compiler is part of grpcio-tools. Inside this process it would write its errors straight onto the terminal.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, TypeAlias

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from explorer.codecs.protobuf.proto_paths import ProtoLayout, absolute, is_plain
from explorer.model.errors import SchemaFailed

_TIME: Final = 60.0
"""Seconds that the compiler may take."""
_TOOLS: Final = "grpcio-tools"
_WORKER: Final = Path(__file__).with_name("protoc_worker.py")
_FAILED_IMPORT: Final = re.compile(r'(:\d+:\d+: )Import "(.*)" was not found or had errors\.')
_ERRORS: Final = ".errors.json"

_Errors: TypeAlias = Sequence[tuple[str, str]]
"""For each file that does not compile: its name, and the place and reason."""


@dataclass(frozen=True, slots=True)
class ProtocResult:
    """What was compiled, and what was not."""

    files: Sequence[FileDescriptorProto]
    """The descriptors of the files and of all that they import."""
    problems: tuple[str, ...]
    """The files that do not compile, one line each, with file, line and column."""


def compile_protos(
    files: Sequence[Path], includes: Sequence[Path], cache: Path | None = None, *, required: Collection[Path] = ()
) -> ProtocResult:
    """Compile files with all that they import; those that do not compile are left out.

    Args:
        files: What to compile.
        includes: The folders that imports are relative to, as `-I` of the compiler.
        cache: A folder for results, made when there is none; None keeps none.
        required: Files that must compile.

    Raises:
        SchemaFailed: None compile, or one that must does not; the message has file, line and column.
    """
    layout = ProtoLayout([absolute(path) for path in files], [absolute(path) for path in includes])
    data, errors = _kept(layout, cache)
    problems = {name: _problem(layout, name, text) for name, text in errors}
    wanted = [absolute(path) for path in required]
    failed = [problem for name, problem in problems.items() if layout.path(name) in wanted]
    if failed or not data:
        first, *more = failed or list(problems.values())
        hint = "name the folder that its imports are relative to with -I" if first.endswith("was not found") else ""
        raise SchemaFailed(first, hint=hint or (f"and {len(more)} more: {more[0]}" if more else ""))
    return ProtocResult(list(FileDescriptorSet.FromString(data).file), tuple(problems.values()))


def _problem(layout: ProtoLayout, name: str, text: str) -> str:
    found = _FAILED_IMPORT.fullmatch(text)
    if found is not None:
        text = f"{found[1]}imports {found[2]}, which {_import_problem(layout, found[2])}"
    return f"{layout.path(name) or name}{text}"


def _import_problem(layout: ProtoLayout, name: str) -> str:
    """Return why an import by a name fails, in the words of a sentence's part."""
    if not is_plain(name):
        return "is no name that protoc takes: relative to a folder of imports, without . and .."
    path = layout.path(name)
    if path is None:
        return "was not found"
    other = next((known for known, there in layout.names.items() if there == path and known != name), None)
    return "does not compile" if other is None else f"is compiled as {other}: import it by that name everywhere"


def _run(layout: ProtoLayout) -> tuple[bytes, _Errors]:
    """Compile what compiles, and return the descriptor set and the errors."""
    with tempfile.TemporaryDirectory(prefix="keyscope-") as folder:
        outcome = Path(folder, "set.binpb")
        request = {
            "roots": [str(root) for root in layout.roots],
            "names": list(layout.names),
            "imports": layout.imports,
            "output": outcome.name,
        }
        # -P: nothing in the folder that somebody happens to be in is run.
        command = [sys.executable, "-P", str(_WORKER)]
        try:
            run = subprocess.run(  # noqa: S603 - our own words
                command,
                input=json.dumps(request, default=dict).encode(),
                capture_output=True,
                timeout=_TIME,
                check=False,
                cwd=folder,
            )
        except subprocess.TimeoutExpired as error:
            raise SchemaFailed(f"{layout.files[0]}: not compiled within {_TIME:.0f} s") from error
        if run.returncode != 0:
            raise SchemaFailed("the compiler of .proto files does not run", hint=f"pip install {_TOOLS}")
        errors = [(str(name), str(text)) for name, text in json.loads(run.stdout)["errors"]]
        return outcome.read_bytes() if outcome.is_file() else b"", errors


# What was compiled before


def _kept(layout: ProtoLayout, cache: Path | None) -> tuple[bytes, _Errors]:
    """Return what the compiler gave, now or before."""
    if cache is None:
        return _run(layout)
    kept = cache / f"{_digest(layout)}.binpb"
    errors = kept.with_suffix(_ERRORS)
    try:
        data = kept.read_bytes()
        FileDescriptorSet.FromString(data)
        return data, json.loads(errors.read_bytes()) if errors.exists() else ()
    except (OSError, DecodeError, ValueError):
        pass  # not kept yet, or not whole: compile it again
    data, found = _run(layout)
    if found:
        _keep(errors, json.dumps(list(found)).encode())
    if data:
        _keep(kept, data)
    return data, found


def _digest(layout: ProtoLayout) -> str:
    """Return a name for all that the result depends on: the compiler, its words, and what is in every file."""
    try:
        tools = version(_TOOLS)
    except PackageNotFoundError:
        tools = ""
    return hashlib.sha256(f"{tools} {layout.digest}".encode()).hexdigest()


def _keep(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as half:
            half.write(data)
        os.replace(half.name, file)  # noqa: PTH105 - one step, so that nobody reads half of it
    except OSError:
        return  # a cache that cannot be written is none
