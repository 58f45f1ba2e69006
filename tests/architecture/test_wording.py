"""Names and docstrings in the field's words: no gerund modules, one class of a name, imperative docstrings."""

import ast
import io
import re
import tokenize
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("explorer", "widgets", "benchmarks")
_GERUND_EXCEPTIONS: Final = {
    "logging": "the standard library's word",
    "rendering": "Textual's word",
}
_MAX_TEST_NAME: Final = 60
_NAME_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_REFUSED_NAME_PARTS: Final = {"told", "tell", "tells"}
_REFUSED_OPENINGS: Final = {"Give", "Gives", "Have", "Tell", "Tells", "What", "Whether", "How"}


def _modules(*folders: str) -> list[Path]:
    return [path.relative_to(_ROOT) for folder in folders for path in sorted((_ROOT / folder).rglob("*.py"))]


def _source(module: Path) -> str:
    return (_ROOT / module).read_text(encoding="utf-8")


def _findings(rule: Callable[[str], Iterator[tuple[int, str]]]) -> list[tuple[str, int, str]]:
    """Return what a rule finds in all of the code: file, line and text."""
    modules = _modules(*_PACKAGES, "tests")
    assert len(modules) > 500
    return [(str(module), line, text) for module in modules for line, text in rule(_source(module))]


def is_gerund(name: str) -> bool:
    """Return whether the name of a module ends with a gerund that is no exception."""
    last = name.rpartition("_")[2]
    return last.endswith("ing") and last not in _GERUND_EXCEPTIONS


def repeated_classes(sources: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the public classes that several modules define by one name, from pairs of a module and its source."""
    modules = defaultdict[str, list[str]](list)
    for module, source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].append(module)
    return {name: places for name, places in modules.items() if len(places) > 1}


def refused_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the identifiers with a part that is not to be in one, and their lines."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            parts = {part.lower() for part in _NAME_PART.findall(token.string)}
            if parts & _REFUSED_NAME_PARTS:
                yield token.start[0], token.string


def refused_openings(source: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings, attributes' as well, that begin with a word that is not to begin one."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if not isinstance(body, list):  # a lambda's is an expression
            continue
        for statement in body:
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    first = re.match(r"\w*", text.lstrip())
                    if first is not None and first[0] in _REFUSED_OPENINGS:
                        yield statement.lineno, text.strip().splitlines()[0]


def test_test_names_are_short_enough_to_be_found() -> None:
    """The sentence goes into the docstring."""
    names = {
        (str(module), node.name)
        for module in _modules("tests")
        for node in ast.walk(ast.parse(_source(module)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert sorted((module, name) for module, name in names if len(name) > _MAX_TEST_NAME) == []


def test_readme_is_read_in_a_minute() -> None:
    """A README is 150 lines of 160 characters at most; what is more belongs to docs/."""
    lines = (_ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= 160


def test_module_names_are_no_gerunds() -> None:
    """A module is named for the thing in it."""
    assert [str(path) for path in _modules(*_PACKAGES) if is_gerund(path.stem)] == []


@pytest.mark.parametrize("package", ["explorer", "widgets"])
def test_class_names_are_unique(package: str) -> None:
    """A reader who meets a class finds one of that name; what notebook and terminal share has one name in both."""
    assert repeated_classes((str(path), _source(path)) for path in _modules(package)) == {}


def test_identifiers_have_no_refused_part() -> None:
    """A callback is on_EVENT, a subscriber is notified, an object returns, a person is shown."""
    assert _findings(refused_names) == []


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    """PEP 257: a function's is a command ("Return ..."), another's a noun phrase."""
    assert _findings(refused_openings) == []


def test_ruff_checks_the_imperative_of_docstrings() -> None:
    """D401 is off by the google convention unless it is chosen by its name."""
    settings = tomllib.loads(_source(Path("pyproject.toml")))["tool"]["ruff"]["lint"]
    assert "D401" in settings["select"]
    assert [rule for rule in settings["ignore"] if "D401".startswith(rule)] == []
    assert [files for files, rules in settings["per-file-ignores"].items() if "D401" in rules] == ["tests/**"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def tell(): ...", ["tell"]),
        ("on_told = 1", ["on_told"]),
        ("class TellsAll: ...", ["TellsAll"]),
        ("self._told_at()", ["_told_at"]),
        ("teller = retell = untold = 1", []),
        ("x = 'told'  # tell", []),
    ],
)
def test_refused_names_are_found_by_their_parts(source: str, expected: list[str]) -> None:
    """The test of names notices what it is for."""
    assert [name for _, name in refused_names(source)] == expected


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('"""What is here."""', [1]),
        ('def f():\n    """Give it."""', [2]),
        ('class A:\n    """How it is."""\n    x = 1\n    """Whether x."""\n    """Tells y."""', [2, 4, 5]),
        ('def f():\n    """Whether it is."""', [2]),
        ('def f():\n    """Return it. What else?"""\n    g("Tell")', []),
        ('"""Given names."""', []),
    ],
)
def test_refused_openings_are_found(source: str, lines: list[int]) -> None:
    """The test of docstrings notices what it is for."""
    assert [line for line, _ in refused_openings(source)] == lines


def test_repeated_classes_are_found() -> None:
    """The test of classes notices what it is for."""
    sources = [("a", "class A: ...\nclass _B: ..."), ("b", "class A: ...\nclass _B: ..."), ("c", "class C: ...")]
    assert repeated_classes(sources) == {"A": ["a", "b"]}


@pytest.mark.parametrize(
    ("name", "expected"), [("listing", True), ("key_reading", True), ("rendering", False), ("ring_buffer", False)]
)
def test_gerunds_are_found(name: str, *, expected: bool) -> None:
    """The test of modules notices what it is for."""
    assert is_gerund(name) is expected
