import ast
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("explorer", "widgets", "tests", "benchmarks")
_MAX_LINES = 400
_MIN_LINES = 40
_SHORT_FILES = {"__init__.py", "__main__.py", "version.py"}
_SHORT_MODULES = {
    Path("explorer/drivers/etcd/messages.py"): "makes the types of its stub messages.pyi, which is generated",
    Path("explorer/drivers/etcd2/status.py"): "a file of the set that each driver of a server has",
}
"""Modules that are short, and why they are no part of the module that they serve."""
_OWNERS = {Path("explorer/drivers/common/tasks.py"), Path("explorer/blocking/portal.py")}
"""Modules that may start tasks outside of a TaskGroup, because they end them themselves."""


def _modules(*folders: str) -> list[Path]:
    return [path.relative_to(_ROOT) for folder in folders for path in sorted((_ROOT / folder).rglob("*.py"))]


def _source(module: Path) -> str:
    return (_ROOT / module).read_text(encoding="utf-8")


def _groups(tree: ast.Module) -> set[str]:
    """Return the names that `async with asyncio.TaskGroup() as name` binds."""
    items = [item for node in ast.walk(tree) if isinstance(node, ast.AsyncWith) for item in node.items]
    return {
        item.optional_vars.id
        for item in items
        if isinstance(item.optional_vars, ast.Name) and ast.unparse(item.context_expr) == "asyncio.TaskGroup()"
    }


def _loose_tasks(source: str) -> list[int]:
    """Return the lines that start a task without a group."""
    tree = ast.parse(source)
    groups = _groups(tree)
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (node.attr == "ensure_future" or (node.attr == "create_task" and ast.unparse(node.value) not in groups))
    ]


def test_module_length_is_limited() -> None:
    modules = _modules(*_FOLDERS)
    assert len(modules) > 500
    lengths = {str(module): len(_source(module).splitlines()) for module in modules}
    assert {module: length for module, length in lengths.items() if length > _MAX_LINES} == {}


def test_short_modules_are_merged_into_what_they_serve() -> None:
    short = {
        path
        for path in _modules("explorer", "widgets")
        if path.name not in _SHORT_FILES and len(_source(path).splitlines()) < _MIN_LINES
    }
    assert short == _SHORT_MODULES.keys()


def test_tasks_have_owners() -> None:
    modules = [path for path in _modules("explorer", "widgets") if path not in _OWNERS]
    assert len(modules) > 250
    assert [(str(module), line) for module in modules for line in _loose_tasks(_source(module))] == []


def test_loose_tasks_are_found() -> None:
    assert _loose_tasks(
        "import asyncio\nasyncio.create_task(work())\nloop.create_task(work())\nasyncio.ensure_future(work())"
    ) == [2, 3, 4]
    assert (
        _loose_tasks("async def main():\n  async with asyncio.TaskGroup() as group:\n    group.create_task(work())")
        == []
    )


def test_task_owners_exist() -> None:
    assert [path for path in _OWNERS if not (_ROOT / path).is_file()] == []
