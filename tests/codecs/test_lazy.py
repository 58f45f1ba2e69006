"""Codecs that are made once, at the first call; each call raises the error of a failure."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.codecs.lazy import LazyCodecs
from explorer.codecs.protobuf.schemas import Schemas
from explorer.codecs.rules import Rules
from explorer.model.errors import SchemaFailed


class Maker:
    """Makes codecs, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Codecs:
        """Make codecs."""
        self.calls += 1
        return Codecs(Schemas(), Rules())


def test_lazy_codecs_are_made_for_the_first_value() -> None:
    """The codecs are made when the first value is opened."""
    maker = Maker()
    codecs = LazyCodecs(maker)
    assert maker.calls == 0
    assert codecs.open("key", b"text").text == "text"
    assert codecs.choices("key", b"text")
    assert maker.calls == 1


def test_lazy_codecs_of_threads_are_made_once() -> None:
    """Threads that need them at once get the same codecs."""
    maker = Maker()
    codecs = LazyCodecs(maker)
    got: list[Codecs] = []
    threads = [threading.Thread(target=lambda: got.append(codecs.prepare())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert maker.calls == 1
    assert len({id(one) for one in got}) == 1


def test_lazy_codecs_failure_is_raised_each_time() -> None:
    """Each call raises the error of a failed load."""

    def fail() -> Codecs:
        raise SchemaFailed("no such file")

    codecs = LazyCodecs(fail)
    for _ in range(2):
        with pytest.raises(SchemaFailed):
            codecs.open("key", b"")


def test_import_of_the_app_loads_no_protobuf_or_yaml() -> None:
    """Importing the app loads neither protobuf nor PyYAML."""
    statement = "import sys, explorer.cli.app; sys.exit(any(n in sys.modules for n in ('google.protobuf', 'yaml')))"
    assert subprocess.run([sys.executable, "-c", statement], cwd=Path(__file__).parents[2], check=False).returncode == 0
