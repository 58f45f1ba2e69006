"""The command as a process: modules that it loads, exit codes, pipes and signals."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from explorer.cli import main
from explorer.version import __version__
from tests.cli.run_command import CHECKOUT, COMMAND, Running, environment, run_process
from tests.servers.waiting import wait_until

HEAVY = ("argcomplete", "asyncio", "grpc", "google.protobuf", "textual", "ipywidgets", "yaml")


ONE_KEY = """
from explorer.cli import store_opener
from explorer.drivers.memory import MemoryStore
from explorer.drivers.memory.database import Database
from explorer.model.address import parse
database = Database()
database.put(b"k", b"{}")
store_opener.open_profile = lambda known, journal: MemoryStore(parse(known.url), known.access, database=database)
"""
"""Makes every `memory:` of a run a store with one key."""


def loaded(*words: str, setup: str = "", **variables: str) -> set[str]:
    """Return the heavy modules that a run of the command loads."""
    script = (
        f"import sys\nfrom explorer.cli import main\n{setup}\n"
        f"try: main({list(words)!r})\nexcept SystemExit: pass\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment(**variables),
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["ls", "--help"], ["nonsense"]])
def test_help_and_usage_errors_load_no_heavy_module(words: list[str]) -> None:
    assert loaded(*words) == set()


def test_memory_store_loads_no_client_library() -> None:
    assert loaded("ls", "demo:") == {"asyncio"}


def test_get_json_loads_protobuf_only_if_a_rule_can_exist(tmp_path: Path) -> None:
    """Without options, a settings file and a schema of the store no rule can apply."""
    words = ("get", "memory:", "k", "--as", "json")
    assert loaded(*words, setup=ONE_KEY) == {"asyncio"}
    (tmp_path / "keyscope").mkdir()
    (tmp_path / "keyscope" / "codecs.toml").write_text("version = 1\n")
    assert "google.protobuf" in loaded(*words, setup=ONE_KEY, XDG_CONFIG_HOME=str(tmp_path))


def test_version_is_printed() -> None:
    result = run_process("--version")
    assert (result.code, result.output.decode(), result.error) == (0, f"keyscope {__version__}\n", "")


def test_command_is_a_script_of_the_distribution() -> None:
    scripts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts["keyscope"].partition(":")
    assert getattr(import_module(module), name) is main


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["ls", "demo:"], 0),
        (["get", "demo:", "schema", "--as", "json"], 3),
        (["get", "demo:", "config/nope"], 3),
        (["ls"], 2),
        (["nonsense"], 2),
        (["ls", "nonsense://x"], 2),
        (["ls", "@nobody"], 2),
        (["put", "demo:", "", "--value", "x"], 2),
        (["put", "demo:", "locks", "--file", "/nowhere"], 1),
        (["ls", "etcd://127.0.0.1:1/", "--timeout", "1"], 5),
        (["doctor", "etcd://127.0.0.1:1/", "--timeout", "1"], 5),
        (["lock", "demo:", "locks/migration", "--wait", "0", "--", "true"], 4),
    ],
)
def test_exit_code_and_error_line_of_each_end(words: list[str], code: int) -> None:
    result = run_process(*words)
    assert result.code == code
    assert result.error.count("\n") == (1 if code else 0)
    assert result.error.startswith("keyscope: " if code else "")
    assert "Traceback" not in result.error


def test_ls_closed_pipe_ends_quietly() -> None:
    with Running("ls", "demo:", "-r", "--json", "--values") as running:
        running.line()
        assert running.process.stdout
        running.process.stdout.close()
        assert running.process.stderr
        assert running.process.stderr.read() == b""
        assert running.process.wait(30) == 141


def test_watch_closed_pipe_ends_at_the_next_event() -> None:
    with Running("watch", "demo:", "") as running:
        running.line()
        assert running.process.stdout
        running.process.stdout.close()
        assert running.process.wait(30) == 141
        assert running.process.stderr
        assert running.process.stderr.read().decode().startswith("watching from revision ")


def test_output_that_cannot_be_written_exits_1() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*COMMAND, "ls", "demo:"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60, env=environment()
        )
    assert done.returncode == 1
    assert done.stderr == b"keyscope: input or output: No space left on device\n"


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), (">&-", 1), ("2>&-", 0)])
def test_closed_standard_streams_are_no_crash(closed: str, code: int) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, "get", "demo:", "odd/empty-value"],
        capture_output=True,
        check=False,
        timeout=60,
        env=environment(),
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


def test_ctrl_c_ends_a_watch_without_a_traceback() -> None:
    with Running("watch", "demo:", "", "--json") as running:
        assert running.note().startswith("watching from revision ")
        running.line()
        running.process.send_signal(signal.SIGINT)
        result = running.end()
    assert result.code == 130
    assert result.error == ""


def test_ctrl_c_ends_reading_standard_input() -> None:
    reading, writing = os.pipe()
    try:
        with subprocess.Popen(
            [*COMMAND, "put", "demo:", "k"],
            stdin=reading,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        ) as process:
            os.write(writing, b"begun")
            _wait_until_read(writing)
            process.send_signal(signal.SIGINT)
            output, error = process.communicate(timeout=30)
    finally:
        os.close(reading)
        os.close(writing)
    assert (process.returncode, output, error) == (130, b"", b"")


def _wait_until_read(writing: int) -> None:
    def empty() -> bool:
        return fcntl.ioctl(writing, termios.FIONREAD, bytes(4)) == bytes(4)

    wait_until(empty, "what was written to the pipe is read", 30)


def test_locale_changes_no_key() -> None:
    for language in ("C", "POSIX", "C.UTF-8"):
        result = run_process("get", "demo:", "odd/ünïcode/キー", "--json", LC_ALL=language)
        assert result.record["key"] == "odd/ünïcode/キー"
        plain = run_process("ls", "demo:", "odd/ünïcode", LC_ALL=language, PYTHONIOENCODING="ascii")
        assert plain.output == b"\\u30ad\\u30fc\n"
