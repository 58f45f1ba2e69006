"""Runs protoc in a process of its own until what is left compiles; not imported by anything.

The compiler writes its errors to the process's standard error and stops at the first file that does not compile. Here
that file, and what imports it, is left out and the rest is tried again, which takes milliseconds once the compiler is
loaded. The request comes as JSON on standard input, the result goes as JSON to standard output.

Request: `roots`, the folders that names are relative to; `imports`, for each name the names it imports with their
lines; `names`, what to compile; `output`, the file for the descriptor set.
Result: `errors`, a list of `[name, line]` in the order they were found; the file is written if anything compiled.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import grpc_tools  # type: ignore[import-untyped]  # it has no types
from grpc_tools import protoc

_LINE = re.compile(r"(?:include-\d+/)?(?P<name>.+?)(?P<place>:\d+:\d+)?: (?P<what>.*)")
_SECONDARY = re.compile(r'Import ".*" was not found or had errors\.')
_PASS = re.compile(r":\d+:\d+: warning: ")


def main() -> None:
    """Compile what compiles."""
    request = json.load(sys.stdin)
    names, imports = list(request["names"]), request["imports"]
    errors = {name: ": its name is not UTF-8" for name in names if not _is_utf8(name)}
    names = [name for name in names if name not in errors]
    own = Path(grpc_tools.__file__).parent / "_proto"
    options = [f"-I{own}"]
    folders = [own]
    for number, root in enumerate(request["roots"]):
        link = f"include-{number}"  # a folder of any name: the option splits at ":" and "="
        Path(link).symlink_to(root)
        options.append(f"-I{link}")
        folders.append(Path(link))
    options.append("--include_imports")
    output, nowhere = (f"--descriptor_set_out={place}" for place in (request["output"], os.devnull))
    while names and (said := _run([*options, output, *(_word(name, folders) for name in names)])):
        rest = names
        while said:  # the files before the one that failed are fine; whether they contradict, the next round finds out
            found = _errors(said)
            left_out = _importers(set(found), imports) & set(names)
            if not left_out:  # what it says is about no file that could be left out
                left_out = set(names)
                found = dict.fromkeys(names, f": {said.strip().partition(chr(10))[0]}")
            for name in names:
                if name in left_out and name not in errors:
                    errors[name] = found.get(name) or _reason(name, imports[name], {*errors, *left_out, *found})
            failed = min((at for at, name in enumerate(rest) if name in left_out), default=len(rest))
            rest = [name for name in rest[failed + 1 :] if name not in left_out]
            said = _run([*options, nowhere, *(_word(name, folders) for name in rest)]) if rest else ""
        names = [name for name in names if name not in errors]
    json.dump({"errors": list(errors.items())}, sys.stdout)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _word(name: str, folders: list[Path]) -> str:
    """Return a name with its folder: by itself it could be taken for an option."""
    return next((str(folder / name) for folder in folders if (folder / name).is_file()), name)


def _run(words: list[str]) -> str:
    """Return what the compiler says against some files, nothing if they compile."""
    before = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            code = protoc.main(["protoc", *words])
        finally:
            os.dup2(before, 2)
            os.close(before)
        said.seek(0)
        return (said.read().decode("utf-8", "replace") or "the compiler failed") if code else ""


def _errors(said: str) -> dict[str, str]:
    """Return the first error of each file, one that says more than that an import failed where there is one."""
    found: dict[str, str] = {}
    for line in said.splitlines():
        if _PASS.search(line) or not (parts := _LINE.fullmatch(line)):
            continue
        name, text = parts["name"], f"{parts['place'] or ''}: {parts['what']}"
        if name not in found or (_SECONDARY.search(found[name]) and not _SECONDARY.search(text)):
            found[name] = text
    # An import that failed makes the next error, of a name that is not defined, a consequence.
    for line in said.splitlines():
        if (parts := _LINE.fullmatch(line)) and _SECONDARY.fullmatch(parts["what"]):
            first = found.get(parts["name"], "")
            if "is not defined" in first or "seems to be defined" in first:
                found[parts["name"]] = f"{parts['place']}: {parts['what']}"
    return found


def _importers(names: set[str], imports: dict[str, dict[str, int]]) -> set[str]:
    """Return the names with all that import them, over any number of files."""
    found = set(names)
    size = 0
    while size != len(found):
        size = len(found)
        found.update(name for name, imported in imports.items() if not found.isdisjoint(imported))
    return found


def _reason(name: str, imported: dict[str, int], broken: set[str]) -> str:
    for other, line in imported.items():
        if other in broken and other != name:
            return f':{line}:1: Import "{other}" was not found or had errors.'
    return ": cannot be compiled"


if __name__ == "__main__":
    main()
