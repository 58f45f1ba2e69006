"""Imports of modules, read from their sources without importing them."""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path


def imported_names(source: str) -> set[str]:
    """Return the dotted names that a source imports: at its top, deferred, for type checkers, or by `import_module`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                names |= {module, *(f"{module}.{alias.name}" for alias in aliases)}
            case ast.ImportFrom():
                names.add("." * node.level + (node.module or ""))
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                names.add(name)
            case _:
                pass
    return names


def modules_below(root: Path, package: str) -> dict[str, str]:
    """Return the source of each module of a package, or of the module that the name stands for, by dotted name."""
    base = root.joinpath(*package.split("."))
    files = base.rglob("*.py") if base.is_dir() else [base.with_suffix(".py")]
    return {_dotted(file.relative_to(root)): file.read_text(encoding="utf-8") for file in files}


def third_party(names: Iterable[str]) -> set[str]:
    """Return the top-level packages among imported names that are neither the standard library's nor ours."""
    roots = {name.partition(".")[0] for name in names}
    return roots - sys.stdlib_module_names - {"explorer", "widgets"}


def libraries_of(root: Path, package: str) -> set[str]:
    """Return the third-party packages that the modules of a package import themselves."""
    return third_party(name for source in modules_below(root, package).values() for name in imported_names(source))


def libraries_with_shared_code(root: Path, package: str, shared: str) -> set[str]:
    """Return the third-party packages that a package imports, itself or by the modules of `shared` that it uses."""
    shared_sources = modules_below(root, shared)
    pending = list(modules_below(root, package).values())
    names: set[str] = set()
    while pending:
        names |= imported_names(pending.pop())
        pending += [shared_sources.pop(name) for name in names & shared_sources.keys()]
    return third_party(names)


def _dotted(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")
