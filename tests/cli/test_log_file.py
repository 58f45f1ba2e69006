"""The log file: its options, its lines, and secrets that it never has."""

import re
import stat
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.run_command import Run, environment, run_process
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.zookeeper import ZooKeeperServer

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error) explorer[a-z0-9_.]* .*")
PASSWORD = "pass-canary-5f1e"  # noqa: S105 - of the servers of these tests
VALUE = "value-canary-77aa"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keyscope.log"


def test_log_lines_have_time_level_logger_and_message(keyscope: Run, file: Path) -> None:
    assert keyscope("put", "memory:", "a", "--value", VALUE, "--log-file", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = file.read_text().splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    assert any(line.endswith(" info explorer.drivers.memory opened memory:") for line in lines)
    assert not any(" debug " in line for line in lines)


def test_log_file_is_appended_to(keyscope: Run, file: Path) -> None:
    for _ in range(2):
        assert keyscope("ls", "memory:", "--log-file", str(file))
    assert file.read_text().count("opened memory:") == 2


def test_log_variable_names_file_and_level(keyscope: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYSCOPE_LOG", str(file))
    assert keyscope("ls", "memory:")
    assert "level info" in file.read_text()
    monkeypatch.setenv("KEYSCOPE_LOG", f"debug:{file}")
    assert keyscope("ls", "memory:")
    assert "level debug" in file.read_text()
    other = file.with_name("other.log")
    assert keyscope("ls", "memory:", "--log-file", str(other), "--log-level", "error")
    assert other.read_text() == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--log-file", "/nowhere/at/all.log"], "cannot open log file '/nowhere/at/all.log'"),
        (["--log-level", "debug"], "--log-level needs --log-file"),
        (["--log-file", "here.log", "--log-level", "loud"], "loud"),
    ],
)
def test_invalid_log_option_is_one_line_and_exits_2(keyscope: Run, words: list[str], message: str) -> None:
    done = keyscope("ls", "memory:", *words)
    assert (done.code, done.error.count("\n")) == (2, 1)
    assert message in done.error


def test_log_of_a_hostile_key_stays_on_one_line(keyscope: Run, file: Path) -> None:
    key = "a\n2026-11-27T04:00:00.123Z info explorer forged\x1b[2J"
    assert keyscope("put", "memory:", key, "--value", VALUE, "--log-file", str(file), "--log-level", "debug")
    text = file.read_text()
    assert "\x1b" not in text
    assert r"forged\x1b[2J in memory:" in text
    assert all(LINE.fullmatch(line) for line in text.splitlines())


def test_log_handler_is_removed_after_the_run(keyscope: Run, file: Path) -> None:
    assert keyscope("ls", "memory:", "--log-file", str(file))
    size = file.stat().st_size
    assert keyscope("ls", "memory:")
    assert file.stat().st_size == size


def test_library_configures_no_log_handler() -> None:
    """Only a NullHandler, so that warnings do not reach standard error."""
    script = (
        "import asyncio, logging, explorer\n"
        "async def main():\n async with explorer.open('memory:') as s: await s.put('a', b'b')\n"
        "asyncio.run(main())\n"
        "logging.getLogger('explorer.session').error('x')\n"
        "assert logging.getLogger().handlers == []\n"
        "assert [type(h).__name__ for h in logging.getLogger('explorer').handlers] == ['NullHandler']\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, env=environment(), timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# With real servers: what is in the log, and what is not


@pytest.fixture(scope="module")
def guarded_etcd() -> Iterator[EtcdServer]:
    with EtcdServer() as server:
        server.enable_auth(PASSWORD)
        yield server


@pytest.fixture(scope="module")
def guarded_consul() -> Iterator[ConsulServer]:
    with ConsulServer(acl=True) as server:
        yield server


def assert_no_secret(text: str, *secrets: str) -> None:
    for secret in (PASSWORD, VALUE, *secrets):
        for form in (secret, b64encode(secret.encode()).decode()[:-4], secret.encode().hex()):
            assert form not in text


def use_every_verb(run: Run, url: str, file: Path) -> str:
    """Run the verbs with a log at debug, and return the log."""
    log = ("--log-file", str(file), "--log-level", "debug")
    for words in (
        ["put", url, "app", "--value", VALUE],
        ["get", url, "app"],
        ["ls", url],
        ["put", url, "app", "--force", "--value", f"{VALUE} again"],
        ["put", url, "other", "--value", VALUE],
        ["watch", url, "", "--duration", "0.5"],
        ["lock", url, "jobs", "--", sys.executable, "-c", "pass"],
        ["locks", url],
        ["rm", url, "other", "--yes"],
        ["doctor", url],
    ):
        verb, store, *rest = words
        done = run(verb, store, *log, *rest, stdin=b"")
        assert done, (words, done.error)
    failed = run("put", url, "app", "--value", VALUE, *log, stdin=b"")
    assert failed.code == 4
    done = run("rm", url, "", "--recursive", "--yes", *log, stdin=b"")
    assert done, done.error
    text = file.read_text()
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    for event in (
        "opened ",
        "closed ",
        ": connected",
        "put app in ",
        ": done, revision ",
        ": KeyExists",
        "delete other in ",
        "delete tree all keys in ",
        "watch of all keys: started at revision",
        "lock jobs in ",
        ": held, fence ",
        ": released",
        " ms",
    ):
        assert event in text, event
    return text


@pytest.mark.servers
def test_etcd_log_has_no_password_of_the_url(guarded_etcd: EtcdServer, prefix: str, file: Path) -> None:
    url = f"etcd://root:{PASSWORD}@{guarded_etcd.address}/{prefix}"
    text = use_every_verb(run_process, url, file)
    assert_no_secret(text)
    assert f"debug explorer.drivers.etcd Range at {guarded_etcd.address}: OK in " in text
    assert f"info explorer.drivers.common opened etcd://{guarded_etcd.address}/{prefix} by EtcdStore in " in text


def test_etcd2_log_has_no_values(shared_etcd2: EtcdServer, prefix: str, file: Path, run_here: Run) -> None:
    assert_no_secret(use_every_verb(run_here, f"etcd2://{shared_etcd2.address}{prefix}", file))


@pytest.mark.servers
def test_consul_log_has_no_token_of_the_variable(
    guarded_consul: ConsulServer, file: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = guarded_consul.token or ""
    assert token
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", token)
    text = use_every_verb(run_here, f"consul://{guarded_consul.address}/logged/", file)
    assert_no_secret(text, token)
    assert f"at {guarded_consul.address}: 200 in " in text


def test_zookeeper_log_has_no_password_of_the_profile(
    shared_zookeeper: ZooKeeperServer, prefix: str, file: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = file.parent / "config" / "keyscope"
    home.mkdir(parents=True)
    (home / "password").write_text(PASSWORD)
    (home / "password").chmod(0o600)
    (home / "config.toml").write_text(
        f'[profiles.zoo]\nurl = "zk://{shared_zookeeper.address}{prefix}"\nuser = "ann"\npassword_file = "password"\n'
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", str(file.parent / "config"))
    text = use_every_verb(run_here, "@zoo", file)
    assert_no_secret(text)
    assert "explorer.drivers.zookeeper " in text
    assert f" at zk://{shared_zookeeper.address}{prefix}: OK in " in text
