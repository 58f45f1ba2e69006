"""Requirement of a program: a test without it is skipped, or fails where servers are required."""

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from tests.servers.browser import BROWSERS
from tests.servers.programs import SERVERS, Program, command


def require(program: Program) -> tuple[str, ...]:
    """Return the command line of `program`; without one the test is skipped by name, or fails if servers are a must.

    KEYSCOPE_REQUIRE_SERVERS=1 says that they are: then nothing looks green that did not run. KEYSCOPE_NO_SERVERS=1
    makes every test fail that asks for one: `make check` runs what is not marked `servers`, and must notice it.
    """
    _refuse(program.name)
    line = _found(program)
    if line is None:
        _missing(f"{program.name} is neither on PATH nor in .servers: run `make servers`")
    return line


def require_source(folder: Path) -> Path:
    """Return the folder of a library that a test builds with; without it as `require` does."""
    _refuse(folder.name)
    if not folder.exists():
        _missing(f"{folder.relative_to(SERVERS)} is not in .servers: run `make servers`")
    return folder


def require_browser() -> Path:
    """Return the Chromium or Chrome on PATH; without one as `require` does."""
    _refuse("a browser")
    line = next(filter(None, map(_found, BROWSERS)), None)
    if line is None:
        _missing("neither Chromium nor Chrome is on PATH: install the distribution's package chromium")
    return Path(line[0])


def require_modules(*names: str) -> None:
    """Require Python modules that are programs to a test, such as a Jupyter server; without one as `require` does."""
    _refuse(names[0])
    for name in names:
        if find_spec(name) is None:
            _missing(f"{name} is not installed: run `make .venv/.dev`")


def _refuse(name: str) -> None:
    if os.environ.get("KEYSCOPE_NO_SERVERS") == "1":
        pytest.fail(f"{name} is needed: mark the test with pytest.mark.servers", pytrace=False)


def _missing(missing: str) -> NoReturn:
    if os.environ.get("KEYSCOPE_REQUIRE_SERVERS") == "1":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


_found = cache(command)  # what is on PATH is asked for its version once per run
