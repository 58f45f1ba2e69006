import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_HEAVY = ("aiohttp", "consul", "google.protobuf", "grpc", "ipywidgets", "textual")
_AFTER_FIRST_PICTURE = (
    "aiohttp",
    "consul",
    "explorer.tui.screens.edit",
    "google.protobuf",
    "grpc",
    "textual.widgets._text_area",
    "tomllib",
    "tree_sitter",
    "yaml",
)

_LOADED = """
import sys
try:
    {statement}
except SystemExit:
    pass
print(*[name for name in {names!r} if name in sys.modules], file=sys.stderr)
"""


def _loads(statement: str, names: tuple[str, ...] = _HEAVY) -> list[str]:
    """Name what a statement loads that it should not, in a Python of its own."""
    run = subprocess.run(
        [sys.executable, "-c", _LOADED.format(statement=statement, names=names)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stderr.split()


def test_the_rooms_import_only_what_they_may() -> None:
    """The contracts stand in pyproject.toml."""
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=_ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "import explorer",
        "from explorer import Access, Entry, KeyNotFound, Put, open",
        "import explorer.drivers.memory",
        "import explorer; explorer.open('demo:')",
        "from explorer.cli import main; sys.argv = ['keyscope', '--version']; main()",
        "from explorer.cli import main; sys.argv = ['keyscope', 'ls', 'demo:?still']; main()",
    ],
)
def test_no_client_library_and_no_user_interface_is_loaded_before_it_is_needed(statement: str) -> None:
    assert _loads(statement) == []


def test_app_import_loads_no_module_of_later_screens() -> None:
    """What only an edit, a schema or another store needs is not loaded before the first picture."""
    assert _loads("import explorer.cli.app, explorer.tui.app", _AFTER_FIRST_PICTURE) == []
    editor = ["explorer.tui.screens.edit", "textual.widgets._text_area"]
    assert set(editor) <= set(_loads("import explorer.tui.screens.edit", _AFTER_FIRST_PICTURE))


def test_the_look_at_what_is_loaded_sees_it() -> None:
    assert _loads("import grpc") == ["grpc"]
