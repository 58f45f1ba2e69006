"""The table of what each store can do, in docs/library.md, is made from the drivers."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from explorer.drivers.registry import DRIVERS
from explorer.model.capabilities import Capability

_SCRIPT = Path(__file__).parents[2] / "docs" / "make_capabilities.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_capabilities", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_is_that_of_the_drivers(script: ModuleType) -> None:
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run: make capabilities"


def test_table_has_every_store_and_capability(script: ModuleType) -> None:
    """Also those that are added to the registry later; each capability is explained."""
    heading, _, *rows = script.table().splitlines()
    assert all(f"`{scheme}:`" in heading for scheme in DRIVERS if scheme != "demo")
    assert {row.split("`")[1] for row in rows if row.count("|") == heading.count("|")} >= {
        capability.name for capability in Capability
    }
    assert all(script.meanings()[capability.name] for capability in Capability)


def test_absent_capabilities_have_reasons(script: ModuleType) -> None:
    """A person who finds a "no" finds out why."""
    silent = [
        (scheme, capability.name)
        for scheme, kind in script.stores().items()
        for capability in Capability
        if capability not in kind.capabilities and capability not in kind.unsupported_reasons
    ]
    assert silent == []
