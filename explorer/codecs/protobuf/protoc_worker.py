"""Script that runs protoc until all remaining files compile; it is run as a subprocess, not imported.

protoc writes errors to standard error and stops at the first invalid file. The script leaves out that file and its
importers and tries again, which takes milliseconds once protoc is loaded.

Request, JSON on standard input: `roots`, the import folders; `imports`, the imports of each name with their lines;
`names`, the files to compile; `output`, the file for the descriptor set; `validate`, whether to take the declarations
of `buf.validate` from protovalidate, because no folder has them.
Result, JSON on standard output: `errors`, a list of `[name, error]` in the order found. The output file is written if
any file compiled.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import grpc_tools  # type: ignore[import-untyped]  # it has no types
from grpc_tools import protoc

_LINE = re.compile(r"(?:include-\d+/)?(?P<name>.+?)(?P<place>:\d+:\d+)?: (?P<message>.*)")
_SECONDARY = re.compile(r'Import ".*" was not found or had errors\.')
_WARNING = re.compile(r":\d+:\d+: warning: ")


def main() -> None:
    """Compile the valid files, and report the errors of the others."""
    request = json.load(sys.stdin)
    names, imports = list(request["names"]), request["imports"]
    errors = {name: ": the name is not UTF-8" for name in names if not _is_utf8(name)}
    names = [name for name in names if name not in errors]
    builtin = Path(grpc_tools.__file__).parent / "_proto"
    options = [f"-I{builtin}"]
    folders = [builtin]
    for number, root in enumerate(request["roots"]):
        link = f"include-{number}"  # any folder name: -I splits its value at ":" and "="
        Path(link).symlink_to(root)
        options.append(f"-I{link}")
        folders.append(Path(link))
    if request["validate"]:
        Path("validate.binpb").write_bytes(_validate_declarations())
        options.append("--descriptor_set_in=validate.binpb")
    options.append("--include_imports")
    output, no_output = (f"--descriptor_set_out={path}" for path in (request["output"], os.devnull))
    while names and (stderr := _run([*options, output, *(_argument(name, folders) for name in names)])):
        rest = names
        while stderr:  # the files before the invalid one are valid; the next round finds conflicts between them
            found = _errors(stderr)
            excluded = _importers(set(found), imports) & set(names)
            if not excluded:  # the error is not about one of the files
                excluded = set(names)
                found = dict.fromkeys(names, f": {stderr.strip().partition(chr(10))[0]}")
            for name in names:
                if name in excluded and name not in errors:
                    errors[name] = found.get(name) or _reason(name, imports[name], {*errors, *excluded, *found})
            failed = min((at for at, name in enumerate(rest) if name in excluded), default=len(rest))
            rest = [name for name in rest[failed + 1 :] if name not in excluded]
            stderr = _run([*options, no_output, *(_argument(name, folders) for name in rest)]) if rest else ""
        names = [name for name in names if name not in errors]
    json.dump({"errors": list(errors.items())}, sys.stdout)


def _validate_declarations() -> bytes:
    """Return the descriptor set with `buf/validate/validate.proto`."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet  # noqa: PLC0415 - seldom needed
    from protovalidate import ViolationPb  # noqa: PLC0415 - an extra

    file = FileDescriptorProto.FromString(ViolationPb.desc().file.proto.to_binary())
    return FileDescriptorSet(file=[file]).SerializeToString()


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _argument(name: str, folders: list[Path]) -> str:
    """Return the path of a name, which cannot look like an option."""
    return next((str(folder / name) for folder in folders if (folder / name).is_file()), name)


def _run(arguments: list[str]) -> str:
    """Run protoc and return its error output; empty if it succeeds."""
    saved_stderr = os.dup(2)
    with tempfile.TemporaryFile() as stderr:
        os.dup2(stderr.fileno(), 2)
        try:
            code = protoc.main(["protoc", *arguments])
        finally:
            os.dup2(saved_stderr, 2)
            os.close(saved_stderr)
        stderr.seek(0)
        return (stderr.read().decode("utf-8", "replace") or "protoc failed") if code else ""


def _errors(stderr: str) -> dict[str, str]:
    """Return the first error of each file, preferring errors other than a failed import."""
    found: dict[str, str] = {}
    for line in stderr.splitlines():
        if _WARNING.search(line) or not (parts := _LINE.fullmatch(line)):
            continue
        name, text = parts["name"], f"{parts['place'] or ''}: {parts['message']}"
        if name not in found or (_SECONDARY.search(found[name]) and not _SECONDARY.search(text)):
            found[name] = text
    # An undefined name is only the consequence of a failed import.
    for line in stderr.splitlines():
        if (parts := _LINE.fullmatch(line)) and _SECONDARY.fullmatch(parts["message"]):
            first = found.get(parts["name"], "")
            if "is not defined" in first or "seems to be defined" in first:
                found[parts["name"]] = f"{parts['place']}: {parts['message']}"
    return found


def _importers(names: set[str], imports: dict[str, dict[str, int]]) -> set[str]:
    """Return the names and all that import them, directly or not."""
    importers = set(names)
    size = 0
    while size != len(importers):
        size = len(importers)
        importers.update(name for name, imported in imports.items() if not importers.isdisjoint(imported))
    return importers


def _reason(name: str, imported: dict[str, int], broken: set[str]) -> str:
    for other, line in imported.items():
        if other in broken and other != name:
            return f':{line}:1: Import "{other}" was not found or had errors.'
    return ": cannot be compiled"


if __name__ == "__main__":
    main()
