"""Compiler of `.proto` files: protoc of grpcio-tools in a subprocess, with a cache of its results.

Inside this process protoc would write its errors straight to the terminal.
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

from explorer.codecs.protobuf.proto_paths import ProtoLayout, absolute, is_valid_name
from explorer.model.errors import SchemaFailed

_COMPILE_TIMEOUT: Final = 60.0
"""Seconds."""
_PACKAGE: Final = "grpcio-tools"
_WORKER: Final = Path(__file__).with_name("protoc_worker.py")
_FAILED_IMPORT: Final = re.compile(r'(:\d+:\d+: )Import "(.*)" was not found or had errors\.')
_ERRORS_SUFFIX: Final = ".errors.json"

EXTRA_HINT: Final = "pip install 'keyscope[rules]'"
VALIDATE_FILE: Final = "buf/validate/validate.proto"
"""File with the declarations of `buf.validate`; protovalidate brings them, too."""

_Errors: TypeAlias = Sequence[tuple[str, str]]
"""Name of each invalid file, with the place and reason."""


@dataclass(frozen=True, slots=True)
class ProtocResult:
    """Compiled files, and problems of invalid ones."""

    files: Sequence[FileDescriptorProto]
    """Descriptors of the files and their imports."""
    problems: tuple[str, ...]
    """Errors of invalid files, one line each, with file, line and column."""


def compile_protos(
    files: Sequence[Path], includes: Sequence[Path], cache: Path | None = None, *, required: Collection[Path] = ()
) -> ProtocResult:
    """Compile files with their imports; invalid files are left out.

    Args:
        files: The files to compile.
        includes: Import folders, as `-I` of protoc.
        cache: The folder for results, made if it does not exist; None caches nothing.
        required: Files that must compile.

    Raises:
        SchemaFailed: A required file is invalid, or all are; the message has file, line and column.
    """
    layout = ProtoLayout([absolute(path) for path in files], [absolute(path) for path in includes])
    data, errors = _compile_cached(layout, cache)
    problems = {name: _problem(layout, name, text) for name, text in errors}
    required_paths = [absolute(path) for path in required]
    failed = [problem for name, problem in problems.items() if layout.path(name) in required_paths]
    if failed or not data:
        first, *more = failed or list(problems.values())
        hint = ""
        if first.endswith("was not found"):
            is_validate = f" {VALIDATE_FILE}," in first
            hint = EXTRA_HINT if is_validate else "name the folder that its imports are relative to with -I"
        raise SchemaFailed(first, hint=hint or (f"and {len(more)} more: {more[0]}" if more else ""))
    return ProtocResult(list(FileDescriptorSet.FromString(data).file), tuple(problems.values()))


def _problem(layout: ProtoLayout, name: str, text: str) -> str:
    match = _FAILED_IMPORT.fullmatch(text)
    if match is not None:
        text = f"{match[1]}imports {match[2]}, which {_import_problem(layout, match[2])}"
    return f"{layout.path(name) or name}{text}"


def _import_problem(layout: ProtoLayout, name: str) -> str:
    """Return the reason why an import fails, as part of a sentence."""
    if not is_valid_name(name):
        return "protoc refuses: a name is relative to an import folder, without . and .."
    path = layout.path(name)
    if path is None:
        return "was not found"
    other = next((known for known, file in layout.names.items() if file == path and known != name), None)
    return "does not compile" if other is None else f"is compiled as {other}: import it by that name everywhere"


def _compile(layout: ProtoLayout) -> tuple[bytes, _Errors]:
    """Return the descriptor set of the valid files, and the errors of the others."""
    with tempfile.TemporaryDirectory(prefix="keyscope-") as folder:
        output = Path(folder, "set.binpb")
        request = {
            "roots": [str(root) for root in layout.roots],
            "names": list(layout.names),
            "imports": layout.imports,
            "output": output.name,
            "validate": bool(_validate_version(layout)),
        }
        # -P: no module in the current folder is imported.
        command = [sys.executable, "-P", str(_WORKER)]
        try:
            run = subprocess.run(  # noqa: S603 - fixed arguments
                command,
                input=json.dumps(request, default=dict).encode(),
                capture_output=True,
                timeout=_COMPILE_TIMEOUT,
                check=False,
                cwd=folder,
            )
        except subprocess.TimeoutExpired as error:
            raise SchemaFailed(f"{layout.files[0]}: not compiled within {_COMPILE_TIMEOUT:.0f} s") from error
        if run.returncode != 0:
            raise SchemaFailed("protoc does not run", hint=f"pip install {_PACKAGE}")
        errors = [(str(name), str(text)) for name, text in json.loads(run.stdout)["errors"]]
        return output.read_bytes() if output.is_file() else b"", errors


# Cache


def _compile_cached(layout: ProtoLayout, cache: Path | None) -> tuple[bytes, _Errors]:
    """Return the descriptor set and errors from the cache, or compile."""
    if cache is None:
        return _compile(layout)
    cached = cache / f"{_digest(layout)}.binpb"
    errors = cached.with_suffix(_ERRORS_SUFFIX)
    try:
        data = cached.read_bytes()
        FileDescriptorSet.FromString(data)
        return data, json.loads(errors.read_bytes()) if errors.exists() else ()
    except (OSError, DecodeError, ValueError):
        pass  # not cached or corrupt: compile
    data, found = _compile(layout)
    if found:
        _write_cache(errors, json.dumps(list(found)).encode())
    if data:
        _write_cache(cached, data)
    return data, found


def _digest(layout: ProtoLayout) -> str:
    """Return the cache key: a hash of the compiler's version, its arguments and the contents of all files."""
    versions = f"{_version(_PACKAGE)} {_validate_version(layout)}".rstrip()
    return hashlib.sha256(f"{versions} {layout.digest}".encode()).hexdigest()


def _validate_version(layout: ProtoLayout) -> str:
    """Return the version of protovalidate if its declarations are imported and in no folder; empty otherwise."""
    is_imported = any(VALIDATE_FILE in imported for imported in layout.imports.values())
    return _version("protovalidate") if is_imported and layout.path(VALIDATE_FILE) is None else ""


def _version(package: str) -> str:
    """Return the version of a package; empty if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _write_cache(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as temporary:
            temporary.write(data)
        os.replace(temporary.name, file)  # noqa: PTH105 - atomic
    except OSError:
        return  # without a cache it compiles each time
