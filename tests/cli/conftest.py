"""Fixtures of the command's tests: a store that outlives a run, and the command run in this process."""

import os
from pathlib import Path

import pytest

from explorer.cli import main, store_opener
from explorer.config import Profile
from explorer.drivers.memory import MemoryStore
from explorer.drivers.memory.clock import ManualClock
from explorer.drivers.memory.database import Database
from explorer.journal import Journal
from explorer.model.address import parse
from tests.cli.run_command import Result, Run, folders
from tests.servers.fixtures import prefix, shared_etcd, shared_etcd2, shared_zookeeper

__all__ = ["database", "keyscope", "prefix", "shared_etcd", "shared_etcd2", "shared_zookeeper"]


@pytest.fixture(autouse=True)
def _folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the settings and variables of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith("ETCDCTL_")]:
        monkeypatch.delenv(name)
    for name, folder in folders(tmp_path / "home").items():
        monkeypatch.setenv(name, folder)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    """Return the database of every `memory:` of the test, which outlives a run; its clock is stopped."""
    shared = Database(ManualClock())

    def make_store(known: Profile, *, journal: Journal) -> MemoryStore:
        del journal  # a store in this process has none
        return MemoryStore(parse(known.url), known.access, database=shared)

    monkeypatch.setattr(store_opener, "open_profile", make_store)
    return shared


@pytest.fixture
def keyscope(database: Database, run_here: Run) -> Run:  # noqa: ARG001 - what `memory:` is in these runs
    """Run the command in this process, with the database as every `memory:`."""
    return run_here


@pytest.fixture
def run_here(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in this process."""

    def run(*words: str, stdin: bytes = b"") -> Result:
        source = tmp_path / "standard-input"
        source.write_bytes(stdin)
        with source.open() as opened, monkeypatch.context() as patched:
            patched.setattr("sys.stdin", opened)
            capfdbinary.readouterr()
            code = main(words)
        output, error = capfdbinary.readouterr()
        return Result(code, output, error.decode())

    return run
