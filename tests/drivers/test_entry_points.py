"""Drivers of other distributions: one is built, installed into a folder, and used."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run_command import CHECKOUT, COMMAND, environment

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "keyscope-paper"
version = "1.0"
[project.entry-points."keyscope.drivers"]
paper = "keyscope_paper:PaperStore"
demo = "keyscope_paper:PaperStore"
torn = "keyscope_paper.gone:TornStore"
blank = "keyscope_paper:NO_STORE"
[tool.hatch.build.targets.wheel]
packages = ["keyscope_paper"]
"""
DRIVER = '''
"""A driver that is not part of Keyscope."""

from explorer.drivers.memory import MemoryStore
from explorer.drivers.memory.database import Database

NO_STORE = "no store"
SHEET = Database()
SHEET.put(b"desk/note", b"written on paper")


class PaperStore(MemoryStore):
    def __init__(self, address, access):
        super().__init__(address, access, database=SHEET)
        self.access = access
        SHEET.put(b"tls", b"yes" if address.tls else b"no")

    def clone(self):
        return PaperStore(self.address, self.access)
'''
LIBRARY = """
import asyncio, explorer
async def main():
    async with explorer.open("paper:") as store:
        entry = await store.get("desk/note")
        await store.atomic_put("desk/note", b"changed", entry)
        print((await store.get("desk/note")).value.decode())
asyncio.run(main())
with explorer.connect("paper:") as store:
    print(store.get("desk/note").value.decode())
"""
CONTRACT = """
import keyscope_paper
from urllib.parse import quote
from explorer.drivers.memory import Database, ManualClock
from explorer.drivers.registry import make
from tests.contract.suite import DriverContract

class TestPaper(DriverContract):
    driver = keyscope_paper.PaperStore

    def setup_method(self):
        self.clock = ManualClock()
        keyscope_paper.SHEET = Database(self.clock)

    def connection(self, path=""):
        return make(f"paper:test/{quote(path)}")

    async def advance(self, seconds):
        await self.clock.advance(seconds)

    async def compact(self, store):
        keyscope_paper.SHEET.compact()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the distribution was installed into."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    (source / "keyscope_paper").mkdir()
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "keyscope_paper" / "__init__.py").write_text(DRIVER)
    pip = ("pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    done = subprocess.run(
        [sys.executable, "-m", *pip, "--target", str(target), str(source)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return target


def run(installed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    variables = environment(PYTHONPATH=f"{CHECKOUT}:{installed}")
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=variables)


def test_command_uses_an_installed_driver(installed: Path) -> None:
    listed = run(installed, *COMMAND, "ls", "paper:", "-r")
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "desk/note\ntls\n", "")
    assert run(installed, *COMMAND, "get", "paper:", "desk/note").stdout == "written on paper\n"
    assert run(installed, *COMMAND, "get", "paper:", "tls").stdout == "no\n"
    assert run(installed, *COMMAND, "get", "paper+tls:", "tls").stdout == "yes\n"
    assert run(installed, *COMMAND, "doctor", "paper:").returncode == 0


def test_library_uses_an_installed_driver(installed: Path) -> None:
    done = run(installed, sys.executable, "-c", LIBRARY)
    assert (done.returncode, done.stdout, done.stderr) == (0, "changed\nchanged\n", "")


@pytest.mark.heavy
def test_installed_driver_keeps_the_contract(installed: Path, tmp_path: Path) -> None:
    """All of the contract's tests run against it as they do against a built-in driver."""
    test = tmp_path / "test_paper.py"
    test.write_text(CONTRACT)
    options = ("-q", "-p", "no:cacheprovider", "-c", str(CHECKOUT / "pyproject.toml"), "-p", "tests.conftest")
    done = run(installed, sys.executable, "-m", "pytest", *options, str(test))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_installed_driver_replaces_no_built_in_scheme(installed: Path) -> None:
    done = run(installed, *COMMAND, "ls", "demo:?still")
    assert "note" not in done.stdout
    assert "config/" in done.stdout


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ("torn", "the torn driver of keyscope-paper cannot be loaded: ModuleNotFoundError: No module named"),
        ("blank", "the blank driver of keyscope-paper is not a Store: keyscope_paper:NO_STORE"),
        (
            "other",
            "no driver for 'other': known schemes: blank:, bolt:, consul:, demo:, etcd:, etcd2:, file:, ",
        ),
    ],
)
def test_unusable_driver_is_reported_in_one_line(installed: Path, scheme: str, message: str) -> None:
    done = run(installed, *COMMAND, "ls", f"{scheme}:")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


def test_doctor_names_the_known_schemes(installed: Path) -> None:
    assert "paper:" in run(installed, *COMMAND, "doctor", "other:").stderr


def test_two_drivers_of_one_scheme_are_refused(installed: Path, tmp_path: Path) -> None:
    metadata = tmp_path / "keyscope_scroll-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: keyscope-scroll\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[keyscope.drivers]\npaper = keyscope_scroll:ScrollStore\n")
    done = run(Path(f"{installed}:{tmp_path}"), *COMMAND, "ls", "paper:")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "several distributions bring a driver for 'paper': keyscope-paper, keyscope-scroll" in done.stderr


def test_help_names_installed_schemes(installed: Path) -> None:
    assert "paper:" in run(installed, *COMMAND, "--help").stdout


def test_built_in_scheme_reads_no_metadata() -> None:
    """Reading the metadata of all that is installed would slow the start."""
    script = (
        "import sys; from explorer.drivers.registry import make; make('demo:'); make('etcd://h/')\n"
        "print('importlib.metadata' in sys.modules)"
    )
    assert run(Path(), sys.executable, "-c", script).stdout == "False\n"
