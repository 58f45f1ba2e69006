"""Shell completion: scripts, completions, and real shells at a terminal with a real store."""

import subprocess
import time
from argparse import Namespace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import explorer
from explorer.cli.arguments import SHELLS
from explorer.cli.completion import script
from explorer.cli.key_completion import KEYS_TIMEOUT, MAX_KEYS, complete_key
from explorer.cli.parser import VERBS
from explorer.drivers.registry import make
from explorer.model.entries import Revision
from tests.cli.run_command import COMMAND, environment, folders, run_process
from tests.cli.shells import shell
from tests.drivers.silent_hosts import silent_host
from tests.servers.etcd import EtcdServer
from tests.servers.waiting import wait_until

SLACK = 5.0
"""Seconds that a busy machine may add to the limit."""
NASTY = (
    *("a b", "col:on:1", "eq=1", "quo'te", 'dq"x', "do$HOME", "back\\slash", "bang!x", "amp&y", "ti~lde", "has#hash"),
    *("car^et", "uni-é", "br[a]{b,c}", "st*r?", "semi;rm -rf", "pipe|x", "<in>", "(sub)", "`tick`", "a,b@c%d+e", "'"),
)
"""Names that a shell would split or expand if they were not quoted."""
NASTY_TOGETHER = 'it\'s "$HOME" \\ [a]*?;|&<(>)`~#^!{b,c}=x@y%z'
LEFT_OUT = ("new\nline", "es\x1b[31mc", "-dash", "~root", "#hash", "=ls", "\u202eright", "byte-\udcff")
"""Names that no shell reads, or that would act on the terminal."""


@pytest.fixture
def etcd_version() -> str:
    """One version is enough: listing is tested with all of them elsewhere."""
    return "3.5"


def complete(line: str, **variables: str) -> list[str]:
    """Return the completions in bash at the end of a line."""
    run = subprocess.run(
        ["bash", "-c", '"$@" 8>&1', "bash", *COMMAND],
        capture_output=True,
        check=False,
        timeout=60,
        env=environment(
            _ARGCOMPLETE="1",
            _ARGCOMPLETE_SHELL="bash",
            _ARGCOMPLETE_SUPPRESS_SPACE="1",
            COMP_LINE=line,
            COMP_POINT=str(len(line)),
            **variables,
        ),
    )
    assert run.stderr == b""
    return run.stdout.decode().split("\v") if run.stdout else []


def complete_from_store(line: str) -> list[str]:
    """Return the completions of a key; a busy machine may exceed the limit at first."""
    offered: list[str] = []

    def some() -> bool:
        offered[:] = complete(line)
        return bool(offered)

    wait_until(some, "keys are offered", 60.0)
    return offered


def read_by_bash(words: list[str]) -> set[str]:
    """Return the words that bash reads from a command line."""
    line = f"printf '%s\\0' {' '.join(words)}"
    read = subprocess.run(["bash", "-c", line], capture_output=True, check=True, timeout=30)
    return set(read.stdout.decode().removesuffix("\0").split("\0"))


@pytest.mark.parametrize("name", SHELLS)
def test_script_registers_keyscope(name: str) -> None:
    """The command prints the script and nothing else."""
    result = run_process("completion", name)
    assert (result.code, result.error) == (0, "")
    assert result.output.decode() == script(name)
    assert any("keyscope" in line and "comp" in line for line in result.lines)


def test_script_parses_in_bash(tmp_path: Path) -> None:
    """`bash -n` finds no mistake in it."""
    file = tmp_path / "keyscope.bash"
    file.write_text(script("bash"))
    subprocess.run(["bash", "-n", str(file)], check=True, timeout=30)


def test_missing_shell_lists_the_shells() -> None:
    """So does an unknown one."""
    result = run_process("completion")
    assert result.code == 2
    assert all(name in result.error for name in SHELLS)
    assert "invalid choice: 'tcsh'" in run_process("completion", "tcsh").error


def test_rules_to_override_are_those_of_the_file(tmp_path: Path) -> None:
    """Only their names are read; a file with mistakes offers what it can."""
    file = tmp_path / "codecs.toml"
    file.write_text("[[constraint]]\nname = 'replicas'\n[[constraint]]\nname = 'small'\n[[constraint]]\n")
    assert complete(f"keyscope put demo: k --codecs {file} --override-rule re") == ["replicas"]


def test_first_word_is_a_verb_or_a_store() -> None:
    """Without any text, all of them are completions."""
    offered = complete("keyscope ")
    assert set(VERBS) | {"etcd://", "etcd+tls://", "zk://", "consul://", "redis://", "demo:", "memory:"} <= set(offered)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("keyscope hist", ["history"]),
        ("keyscope get --as=j", ["--as=json"]),
        ("keyscope get demo: --as te", ["text", "textproto"]),
        ("keyscope rm demo: config/ --rec", ["--recursive"]),
        ("keyscope demo: --the", ["--theme"]),
        ("keyscope demo: --theme keyscope-d", ["keyscope-dark"]),
        ("keyscope lock zk://127.0.0.1/ k --layout c", ["curator"]),
        ("keyscope completion f", ["fish"]),
        ("keyscope watch demo: --since ", []),
        ("keyscope put demo: k --value ", []),
        ("keyscope get demo: conf", ["config/"]),
        ("keyscope ls demo: odd/bo", ["odd/both", "odd/both/"]),
        ("keyscope ls nonsense: conf", []),
        ("keyscope ls @none conf", []),
        ("keyscope lst demo: ", []),
        ("keyscope get demo: 'conf", ["config/"]),
        ('keyscope get "demo:" "conf', ["config/"]),
        ("keyscope get demo: -- conf", ["config/"]),
        ("keyscope lock demo: k -- cat conf", []),
        ("keyscope lock demo: k -- cat READ", ["README.md"]),
        ("true && sudo keyscope get demo: conf", ["config/"]),
        ("cd keyscope; keyscope get demo: conf", ["config/"]),
        ("keyscope get demo: keyscope con", []),
    ],
)
def test_completions_of_a_line(line: str, expected: list[str]) -> None:
    """Those that fit; none for free text and unknown stores."""
    assert complete(line) == expected


def test_profiles_are_completed_without_secrets(tmp_path: Path) -> None:
    """A URL is a description in shells that show them, without a password."""
    settings = folders(tmp_path)
    file = Path(settings["XDG_CONFIG_HOME"]) / "keyscope" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[profiles.prod]\nurl = "etcd://me:hunter2@h/"\n[profiles.play]\nurl = "demo:"\n')
    assert complete("keyscope get @p", **settings) == ["@prod", "@play"]
    assert complete("keyscope @pr", **settings) == ["@prod"]
    assert complete("keyscope get @play conf", **settings) == ["config/"]
    described = complete("keyscope get @p", **settings, _ARGCOMPLETE_DFS="\t")
    assert described == ["@prod\tetcd://h/", "@play\tdemo:"]


def test_files_are_completed_for_file_options(tmp_path: Path) -> None:
    """Folders end with a slash; -I takes folders only; other arguments take no files."""
    (tmp_path / "app one.json").touch()
    (tmp_path / "apps").mkdir()
    (tmp_path / ".hidden").touch()
    assert complete(f"keyscope put demo: k --file {tmp_path}/a") == [f"{tmp_path}/app\\ one.json", f"{tmp_path}/apps/"]
    assert complete(f"keyscope get demo: k -I {tmp_path}/") == [f"{tmp_path}/apps/"]
    assert complete("keyscope put demo: k --file ~/ap", HOME=str(tmp_path)) == ["~/app\\ one.json", "~/apps/"]


async def put_all(url: str, *keys: str) -> None:
    async with explorer.open(url) as store:
        for key in keys:
            await store.put(key, f"value of {key}".encode("utf-8", "surrogateescape"))


async def revisions(url: str) -> dict[str, Revision]:
    async with explorer.open(url) as store:
        return {entry.key: entry.revision async for entry in store.walk("")}


async def test_bash_reads_completed_keys_unchanged(shared_etcd: EtcdServer, prefix: str) -> None:
    """The quoted word is the key, with any characters; keys that cannot be written or shown are left out."""
    url = f"etcd://{shared_etcd.address}{prefix}"
    await put_all(url, *NASTY, *LEFT_OUT, "folder/x", "both", "both/x")
    before = await revisions(url)
    offered = complete_from_store(f"keyscope get {url} ")
    assert read_by_bash(offered) == {*NASTY, "folder/", "both", "both/"}
    assert await revisions(url) == before, "nothing was written"


async def test_escaped_keys_are_completed_with_escapes(shared_etcd: EtcdServer, prefix: str) -> None:
    """After --escaped, every key can be written."""
    url = f"etcd://{shared_etcd.address}{prefix}"
    await put_all(url, "k-new\nline", "k-byte-\udcff")
    offered = complete_from_store(f"keyscope get --escaped {url} k-")
    assert set(offered) == {r"k-new\\nline", r"k-byte-\\xff"}


async def test_long_level_is_cut_with_its_common_prefix(shared_etcd: EtcdServer, prefix: str) -> None:
    """The common prefix of the completions is that of the left out keys, too."""
    url = f"etcd://{shared_etcd.address}{prefix}"
    await put_all(url, *(f"k0{number:03}" for number in range(MAX_KEYS + 5)), "k1", "l")
    offered = complete_from_store(f"keyscope get {url} k")
    assert len(offered) == MAX_KEYS + 1
    assert {key[:2] for key in offered} == {"k0", "k1"}


@pytest.mark.heavy
async def test_silent_store_has_no_completions_in_time() -> None:
    """A host that accepts the connection and says nothing costs a second, and no line of text."""
    async with silent_host() as host:
        for scheme in ("etcd", "etcd2", "consul", "zk"):
            make(f"{scheme}://{host}/")  # to import a client library is not the store's time
            given = Namespace(url=f"{scheme}://{host}/", escaped=False, timeout=30.0)
            started = time.monotonic()
            assert complete_key("k", given) == []
            assert time.monotonic() - started < KEYS_TIMEOUT + SLACK


@pytest.mark.parametrize("name", SHELLS)
async def test_shell_completes_at_a_terminal(name: str, shared_etcd: EtcdServer, prefix: str, tmp_path: Path) -> None:
    """TAB puts the word on the line as the shell reads it, although bash takes words apart at `:`, `=` and `@`."""
    url = f"etcd://{shared_etcd.address}{prefix}"
    await put_all(url, "app:one=1", "app:two", f"config/{NASTY_TOGETHER}")
    with shell(name, tmp_path) as terminal:
        terminal.complete("keyscope hist", "$ keyscope history")
        terminal.complete("true && keyscope hist", "&& keyscope history")
        terminal.complete("keyscope completion f", "$ keyscope completion fish")
        terminal.complete(f"keyscope get {url} conf", f"{prefix} config/")
        terminal.complete(f"keyscope get {url} config/", r"config/it\'s\ ")
        terminal.run(f"value of config/{NASTY_TOGETHER}")
        terminal.clear()
        terminal.complete(f"keyscope get {url} app:", "one=1", "two")
        terminal.clear()
        terminal.complete(f"keyscope get {url} app:o", "app:one=1")
        terminal.run("value of app:one=1")
        terminal.complete(f"keyscope get {url} app:one=", "app:one=1")
        terminal.clear()
        terminal.complete("keyscope get demo: heartb", "heartbeats/")


def test_password_of_an_encrypted_key_is_not_asked(tmp_path: Path) -> None:
    """OpenSSL would ask at the terminal for the pass phrase, in the middle of the line that is being typed."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"hunter2"),
    )
    (tmp_path / "key.pem").write_bytes(key)
    files = f"--cert {tmp_path}/key.pem --key {tmp_path}/key.pem"
    with shell("bash", tmp_path) as terminal:
        terminal.type(f"keyscope get {files} consul+tls://127.0.0.1:1/ k\t -")
        terminal.complete(f"keyscope get {files} --timeo", "--timeout")
        assert "pass phrase" not in terminal.text().lower()
