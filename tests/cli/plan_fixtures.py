"""Fixtures of the verbs for many keys: a prefix of a real etcd, and the command with a folder of plans of its own."""

from pathlib import Path

import pytest

from tests.cli.run_command import Run
from tests.servers.etcd import VERSIONS, EtcdServer


@pytest.fixture
def etcd_version() -> str:
    """Return the newest version; what these verbs do does not depend on it."""
    return VERSIONS[-1]


@pytest.fixture
def url(shared_etcd: EtcdServer, prefix: str) -> str:
    return f"etcd://{shared_etcd.address}/{prefix}"


@pytest.fixture
def run(run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command with a folder of plans of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return run_here


def fill(run: Run, url: str, **values: str) -> None:
    """Write values."""
    for key, value in values.items():
        assert run("put", url, key, "--value", value)


def values(run: Run, url: str) -> dict[str, str]:
    """Return the values below a URL by their keys."""
    return {record["key"]: record["text"] for record in run("ls", url, "-r", "--values", "--json").records}
