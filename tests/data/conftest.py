"""Fixtures of the tests of frames and plots."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import explorer
from explorer.blocking import BlockingStore
from tests.servers.fixtures import etcd_version, prefix, shared_etcd

__all__ = ["etcd_version", "prefix", "shared_etcd"]


@pytest.fixture(autouse=True)
def _folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the settings of the person who runs the tests."""
    for kind in ("CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))


@pytest.fixture
def store() -> Iterator[BlockingStore]:
    with explorer.connect("memory:") as opened:
        yield opened
