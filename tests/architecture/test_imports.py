import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.architecture.import_scan import imported_names, libraries_of, libraries_with_shared_code, modules_below

_ROOT: Final = Path(__file__).parents[2]
_PYPROJECT: Final[dict[str, Any]] = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
_CLIENT_LIBRARIES: Final[dict[str, list[str]]] = _PYPROJECT["keyscope"]["client-libraries"]
_LIBRARIES: Final[dict[str, list[str]]] = _PYPROJECT["keyscope"]["libraries"]
_CONTRACTS: Final[list[dict[str, Any]]] = _PYPROJECT["importlinter"]["contracts"]
_SHARED: Final = "explorer.drivers.common"

_HEAVY: Final = (
    "aiohttp",
    "consul",
    "google.protobuf",
    "grpc",
    "IPython",
    "ipywidgets",
    "kazoo",
    "matplotlib",
    "numpy",
    "pandas",
    "textual",
    "tqdm",
)
_AFTER_FIRST_PICTURE: Final = (
    "aiohttp",
    "consul",
    "explorer.tui.screens.edit",
    "google.protobuf",
    "grpc",
    "kazoo",
    "textual.widgets._text_area",
    "tomllib",
    "tree_sitter",
    "yaml",
)

_LOADED: Final = """
import sys
try:
    {statement}
except SystemExit:
    pass
print(*[name for name in {names!r} if name in sys.modules], file=sys.stderr)
"""


def _loads(statement: str, names: tuple[str, ...] = _HEAVY) -> list[str]:
    """Return those of the names that a statement loads, in a Python process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", _LOADED.format(statement=statement, names=names)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stderr.split()


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)


def _add(root: Path, module: str, source: str) -> Path:
    """Write a module below a root and return its file."""
    file = root.joinpath(*module.split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
    return file


_BROKEN: Final = (
    # package, source of a module in it, the contract that the module breaks
    ("explorer.model", "import explorer.config", "own layer"),
    ("explorer.codecs", "def f():\n    import explorer.drivers.base", "own layer"),
    ("explorer.drivers", "import explorer.session.states", "own layer"),
    ("explorer.session", "import explorer.opener", "own layer"),
    ("explorer.session", "import explorer.tui.app", "own layer"),
    ("explorer.tui", "import explorer.blocking.store", "on one loop"),
    ("widgets", "import explorer.tui.app", "own layer"),
    ("explorer.blocking", "import explorer.cli.run", "own layer"),
    ("explorer.model", "from explorer import open", "own layer"),
    ("explorer.drivers.etcd", "import explorer.drivers.etcd2.store", "drivers do not know each other"),
    ("explorer.drivers.common", "import explorer.drivers.etcd.store", "by the registry only"),
    ("explorer.session", "import explorer.drivers.zookeeper.store", "by the registry only"),
    ("explorer.tui", "import explorer.drivers.base", "never a store"),
    ("widgets", "import explorer.opener", "never a store"),
)


@pytest.fixture(scope="module")
def broken_contracts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The linter's findings by contract, for a copy of the packages with one module for each row of `_BROKEN`."""
    copy = tmp_path_factory.mktemp("checkout")
    for package in ("explorer", "widgets"):
        shutil.copytree(_ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_ROOT / "pyproject.toml", copy)
    for number, (package, source, _) in enumerate(_BROKEN):
        _add(copy, f"{package}.broken_{number}", source)
    run = _lint(copy)
    assert run.returncode == 1, run.stdout + run.stderr
    _, _, findings = run.stdout.partition("Broken contracts\n")
    headings = [contract["name"] for contract in _CONTRACTS if f"\n{contract['name']}\n" in findings]
    starts = sorted((findings.index(f"\n{name}\n"), name) for name in headings)
    ends = [start for start, _ in starts[1:]] + [len(findings)]
    return {name: findings[start:end] for (start, name), end in zip(starts, ends, strict=True)}


def test_contracts_are_kept() -> None:
    """The contracts are in pyproject.toml."""
    run = _lint(_ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("number", range(len(_BROKEN)), ids=lambda number: f"{_BROKEN[number][0]}-{_BROKEN[number][1]}")
def test_contract_broken_by_an_import_fails(broken_contracts: dict[str, str], number: int) -> None:
    package, _, contract = _BROKEN[number]
    (findings,) = (text for name, text in broken_contracts.items() if contract in name)
    assert f" {package}.broken_{number} -> " in findings, findings


def test_layers_contain_every_top_level_module() -> None:
    (layers,) = (contract["layers"] for contract in _CONTRACTS if contract["type"] == "layers")
    listed = {name for layer in layers for name in layer.split(" | ")}
    assert listed == {f"explorer.{path.stem}" for path in _top_level()} | {"widgets"}


def test_contracts_and_table_list_every_driver() -> None:
    packages = {path.parent.name for path in (_ROOT / "explorer/drivers").glob("*/__init__.py")} - {"common"}
    assert set(_CLIENT_LIBRARIES) == packages
    (independent,) = (contract["modules"] for contract in _CONTRACTS if contract["type"] == "independence")
    (loaded_by_name,) = (contract["forbidden_modules"] for contract in _CONTRACTS if "registry" in contract["name"])
    assert set(independent) == set(loaded_by_name) == {f"explorer.drivers.{name}" for name in packages}


@pytest.mark.parametrize("driver", _CLIENT_LIBRARIES)
def test_driver_imports_the_client_libraries_of_its_row(driver: str) -> None:
    """The shared modules that it uses count: ZooKeeper's driver may not come to load aiohttp."""
    assert libraries_with_shared_code(_ROOT, f"explorer.drivers.{driver}", _SHARED) == set(_CLIENT_LIBRARIES[driver])


@pytest.mark.parametrize("package", _LIBRARIES)
def test_package_imports_the_libraries_of_its_row(package: str) -> None:
    name = package if package == "widgets" else f"explorer.{package}"
    assert libraries_of(_ROOT, name) == set(_LIBRARIES[package])


def test_every_module_belongs_to_one_row() -> None:
    """Modules without a row import no library: the registry, `explorer` itself and the like."""
    rows = [f"explorer.{name}" for name in (*_LIBRARIES, *(f"drivers.{name}" for name in _CLIENT_LIBRARIES))]
    without = {
        module: source
        for module, source in (modules_below(_ROOT, "explorer") | modules_below(_ROOT, "widgets")).items()
        if not any(module == name or module.startswith(f"{name}.") for name in (*rows, "widgets"))
    }
    assert "explorer.drivers.registry" in without
    for module, source in without.items():
        assert _foreign(imported_names(source), "explorer") == set(), module


def test_model_imports_the_standard_library_only() -> None:
    modules = modules_below(_ROOT, "explorer.model")
    assert len(modules) > 5
    for module, source in modules.items():
        assert _foreign(imported_names(source), "explorer.model") == set(), module


@pytest.mark.parametrize(
    "source",
    [
        "import grpc",
        "from grpc.aio import Channel",
        "def connect():\n    import grpc",
        "if TYPE_CHECKING:\n    from grpc import Channel",
        "from importlib import import_module\nimport_module('grpc.aio')",
        "import importlib\nimportlib.import_module('grpc')",
        "__import__('grpc')",
        "from explorer.drivers.common import wire",
        "def connect():\n    from explorer.drivers.common.wire import call",
    ],
)
def test_library_missing_from_the_row_is_noticed(tmp_path: Path, source: str) -> None:
    _add(tmp_path, "explorer.drivers.common.wire", "import explorer.drivers.common.base")
    _add(tmp_path, "explorer.drivers.common.base", "import grpc")
    _add(tmp_path, "explorer.drivers.common.unused", "import kazoo")
    _add(tmp_path, "explorer.drivers.made_up.store", f"import json\n{source}")
    assert libraries_with_shared_code(tmp_path, "explorer.drivers.made_up", _SHARED) == {"grpc"}


@pytest.mark.parametrize("source", ["import yaml", "def read():\n    import explorer.config", "from . import keys"])
def test_model_import_of_anything_else_is_noticed(source: str) -> None:
    assert _foreign(imported_names(source), "explorer.model")
    assert not _foreign(imported_names("import json\nfrom explorer.model.keys import KeyPath"), "explorer.model")


@pytest.mark.parametrize(
    "statement",
    [
        "import explorer",
        "from explorer import Access, Entry, KeyNotFound, Put, open",
        "from explorer import EntryDecoder, connect, to_frame; connect('memory:').put('k', b'')",
        "import explorer.drivers.memory",
        "import explorer; explorer.open('demo:')",
        "from explorer.cli import main; sys.argv = ['keyscope', '--version']; main()",
        "from explorer.cli import main; sys.argv = ['keyscope', 'ls', 'demo:?still']; main()",
    ],
)
def test_import_loads_no_client_library_and_no_interface(statement: str) -> None:
    assert _loads(statement) == []


def test_app_import_loads_no_module_of_later_screens() -> None:
    """Modules needed only by an edit, a schema or another store are not loaded before the first picture."""
    assert _loads("import explorer.cli.app, explorer.tui.app", _AFTER_FIRST_PICTURE) == []
    editor = ["explorer.tui.screens.edit", "textual.widgets._text_area"]
    assert set(editor) <= set(_loads("import explorer.tui.screens.edit", _AFTER_FIRST_PICTURE))


def test_loaded_library_is_noticed() -> None:
    assert _loads("import grpc") == ["grpc"]


def _foreign(names: set[str], package: str) -> set[str]:
    """Return the names that are neither of the standard library nor below a package."""
    return {
        name
        for name in names
        if name.partition(".")[0] not in sys.stdlib_module_names
        and name != package
        and not name.startswith(f"{package}.")
    }


def _top_level() -> list[Path]:
    return [
        path
        for path in (_ROOT / "explorer").iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem != "__init__")
    ]
