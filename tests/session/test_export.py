"""Keys are exported to a file from the session: each once, whole, and only where no file is lost."""

import json
import stat
from pathlib import Path

import pytest

from explorer.model.errors import ExplorerError
from explorer.plans.formats import read
from explorer.session.results.export import export_keys, export_name
from tests.session.fixtures import Place, opened

VALUES = {"app/a": b"1", "app/b/c": b"\xff", "app": b"own", "other": b""}


@pytest.fixture
async def place() -> Place:
    place = Place()
    async with place.other() as other:
        for key, value in VALUES.items():
            await other.put(key, value)
    return place


@pytest.mark.parametrize("end", ["jsonl", "json", "yaml", "yml"])
async def test_export_is_what_import_reads(place: Place, tmp_path: Path, end: str) -> None:
    """A folder and a key in it are exported once, readable by their owner only; the marks are gone."""
    file = tmp_path / f"x.{end}"
    async with opened(place) as session:
        assert await export_keys(session, ["app/b", "app", "app/b/c"], str(file)) == f"3 keys written to {file}"
    assert {entry.key: entry.value for entry in read(file.read_text())} == {
        key: value for key, value in VALUES.items() if key.startswith("app")
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_export_replaces_a_file_only_if_asked(place: Place, tmp_path: Path) -> None:
    """A failed export leaves the file as it was, and no other one."""
    file = tmp_path / "x.jsonl"
    file.write_text("before")
    async with opened(place) as session:
        with pytest.raises(FileExistsError):
            await export_keys(session, ["other"], str(file))
        with pytest.raises(ExplorerError, match="nothing to export"):
            await export_keys(session, ["absent"], str(file), overwrite=True)
        assert file.read_text() == "before"
        await export_keys(session, ["other"], str(file), overwrite=True)
    assert json.loads(file.read_text())["key"] == "other"
    assert not [*tmp_path.glob(".*")]  # noqa: ASYNC240 - a test


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x.txt", "ends with none of .jsonl"),
        ("absent/x.json", "No such file or directory"),
        ("\0.json", "null"),
    ],
)
async def test_export_says_why_it_failed(place: Place, tmp_path: Path, name: str, reason: str) -> None:
    async with opened(place) as session:
        with pytest.raises(ExplorerError, match=reason):
            await export_keys(session, ["other"], f"{tmp_path}/{name}")


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (["app/a"], "a.jsonl"),
        (["app/"], "app.jsonl"),
        (["a", "b"], "keys.jsonl"),
        (["/"], "keys.jsonl"),
        (["x/-o"], "keys.jsonl"),
    ],
)
def test_export_name_is_of_the_key(keys: list[str], name: str) -> None:
    assert export_name(keys, "/") == name
