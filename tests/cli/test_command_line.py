"""Parsing of command lines, and the errors of invalid ones."""

import contextlib
from pathlib import Path

import pytest

from explorer.cli import arguments
from explorer.cli.command_line import parse
from explorer.cli.exit_codes import UsageError
from explorer.codecs.options import CodecOptions
from explorer.model.errors import InvalidKey
from tests.cli.run_command import Run


def test_parse_url_alone_is_the_overview() -> None:
    command = parse(["demo:", "--timeout", "3"])
    assert command.subcommand == arguments.OverviewArguments()
    assert (command.url, command.connection.timeout) == ("demo:", 3.0)


@pytest.mark.parametrize("words", [["--timeout", "3", "ls", "demo:"], ["ls", "--timeout", "3", "demo:"]])
def test_parse_connection_options_before_or_after_the_verb(words: list[str]) -> None:
    command = parse(words)
    assert command.connection.timeout == 3.0
    assert command.subcommand == arguments.LsArguments(prefix="", recursive=False, values=False, limit=None)


@pytest.mark.parametrize(
    "words",
    [["ls", "demo:", "--json", "a/"], ["find", "demo:", "--key", "k", "a/"], ["check", "demo:", "--json", "a/"]],
)
def test_parse_prefix_behind_an_option(words: list[str]) -> None:
    """Where the words of a command line stand among the options does not matter."""
    assert getattr(parse(words).subcommand, "prefix", None) == "a/"


def test_parse_missing_connection_options_are_none() -> None:
    assert parse(["ls", "demo:"]).connection == arguments.ConnectionOptions()


def test_parse_key_with_a_dash_after_two_dashes() -> None:
    assert parse(["get", "demo:", "--", "--json"]).subcommand == arguments.GetArguments(
        key="--json", form="text", stale=False
    )


def test_parse_lock_command_follows_the_first_two_dashes() -> None:
    command = parse(["lock", "demo:", "jobs", "--wait", "0", "--", "sh", "-c", "x", "--", "--json"])
    assert command.subcommand == arguments.LockArguments(
        key="jobs", ttl=None, wait=0.0, layout=None, command=("sh", "-c", "x", "--", "--json")
    )
    assert not command.json


def test_parse_key_keeps_bytes_that_are_not_utf_8() -> None:
    subcommand = parse(["get", "demo:", "a\udcff"]).subcommand
    assert isinstance(subcommand, arguments.GetArguments)
    assert subcommand.key == "a\udcff"


@pytest.mark.parametrize("verb", ["ls", "get", "put", "rm", "watch", "locks", "lock", "history"])
def test_parse_escaped_reads_any_key(verb: str) -> None:
    """No shell can pass a NUL; with --escaped every verb accepts the spelling that the app copies."""
    command = ["--", "true"] if verb == "lock" else []
    subcommand = parse([verb, "demo:", r"bin\x00\xff\\", "--escaped", *command]).subcommand
    assert "bin\0\udcff\\" in (getattr(subcommand, "key", None), getattr(subcommand, "prefix", None))


@pytest.mark.parametrize("value", ["-x", "--", "--value-of-mine", "-5", "-", "--x=y", "-é"])
def test_parse_value_that_begins_with_a_dash(value: str) -> None:
    """A value is free text: `--value -x` is as good as `--value=-x`."""
    words = ["put", "demo:", "k", "--value", value] if value != "--" else ["put", "demo:", "k", f"--value={value}"]
    subcommand = parse([*words, "--force"]).subcommand
    assert isinstance(subcommand, arguments.PutArguments)
    assert (subcommand.value, subcommand.force) == (value.encode(), True)


@pytest.mark.parametrize("option", ["--file", "--type", "--user", "--proto", "-I", "--password-file", "--codecs"])
def test_parse_every_option_takes_a_value_with_a_dash(option: str) -> None:
    """An option that has its argument is not reported as lacking it."""
    words = ["put", "demo:", "k", option, "-x"]
    assert parse([*words, "--value", "v"] if option != "--file" else words).url == "demo:"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["put", "demo:", "k", "--value", "--force"], "--value needs a value", "--value=-..."),
        (["put", "demo:", "k", "--value", "--", "x"], "--value needs a value", "--value=-..."),
        (["put", "demo:", "k", "--value"], "--value: expected one argument", "--help"),
        (["get", "demo:", "-x"], "unknown option -x", "write -- before a key that begins with a dash"),
        (["get", "demo:", "--jsn"], "unknown option --jsn", "see keyscope get --help"),
        (["lock", "demo:", "-x", "--", "true"], "unknown option -x", "--escaped"),
        (["demo:", "--theem", "x"], "unknown option --theem", "--help"),
    ],
)
def test_parse_unknown_option_has_a_hint(words: list[str], message: str, hint: str) -> None:
    """The error names what to write instead."""
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_parse_lock_key_that_begins_with_a_dash() -> None:
    """After `lock`, -- begins the command."""
    subcommand = parse(["lock", "demo:", r"\x2dx", "--escaped", "--", "true"]).subcommand
    assert isinstance(subcommand, arguments.LockArguments)
    assert subcommand.key == "-x"


def test_parse_escaped_refuses_an_unknown_escape() -> None:
    """The key is not guessed."""
    with pytest.raises(InvalidKey, match="unknown escape at character 2"):
        parse(["get", "demo:", r"a\q", "--escaped"])


def test_parse_value_is_the_bytes_of_its_word() -> None:
    subcommand = parse(["put", "demo:", "k", "--value", "ä\udcff"]).subcommand
    assert isinstance(subcommand, arguments.PutArguments)
    assert subcommand.value == b"\xc3\xa4\xff"


@pytest.mark.parametrize("words", [["demo:"], ["get", "demo:", "k"], ["put", "demo:", "k"]])
def test_parse_schema_options_are_repeatable(words: list[str]) -> None:
    command = parse([*words, "--proto", "a.proto", "-I", "x", "--proto", "b", "-I", "y", "--codecs", "c.toml"])
    assert command.codecs == CodecOptions(
        protos=(Path("a.proto"), Path("b")), includes=(Path("x"), Path("y")), codecs=Path("c.toml")
    )
    assert parse(words).codecs == CodecOptions()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "required: VERB"),
        (["ls"], "required: URL"),
        (["get", "demo:"], "required: KEY"),
        (["lst", "demo:"], "'lst' is neither a verb nor a URL"),
        (["demo:", "config"], "too many arguments"),
        (["ls", "demo:", "a", "b"], "too many arguments"),
        (["ls", "demo:", "a", "--json", "b"], "too many arguments"),
        (["ls", "demo:", "--recursiv"], "unknown option --recursiv"),
        (["ls", "demo:", "--limit", "0"], "--limit"),
        (["ls", "demo:", "--values"], "--values needs --recursive"),
        (["get", "demo:", "k", "--json", "--as", "raw"], "not allowed with"),
        (["get", "demo:", "k", "--as", "yaml"], "--as"),
        (["put", "demo:", "k", "--value", "v", "--file", "f"], "not allowed with"),
        (["put", "demo:", "k", "--value", "v", "--create", "--force"], "not allowed with"),
        (["get", "demo:", "k", "--type", "M", "--as", "raw"], "--type needs"),
        (["get", "demo:", "k", "--type", "M", "--json"], "--type needs"),
        (["put", "demo:", "k", "--form", "json"], "--form needs --type"),
        (["put", "demo:", "k", "--type", "M", "--form", "yaml"], "--form"),
        (["lock", "demo:", "k"], "needs a command"),
        (["lock", "demo:", "k", "--"], "needs a command"),
        (["ls", "demo:", "--timeout", "0"], "--timeout"),
    ],
)
def test_parse_invalid_command_line_is_one_line_with_a_hint(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert message in str(caught.value)
    assert caught.value.hint
    assert "\n" not in f"{caught.value}{caught.value.hint}"


def test_put_with_a_value_as_argument_says_how_it_is_written() -> None:
    """As in `etcdctl put KEY VALUE`."""
    with pytest.raises(UsageError) as caught:
        parse(["put", "demo:", "k", "v"])
    assert "--value VALUE" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lock", "demo:", "k", "--wait", "soon"], "argument --wait: invalid seconds value: 'soon'"),
        (["lock", "demo:", "k", "--wait", "-1"], "argument --wait: invalid seconds value: '-1' (must be 0 or more)"),
        (["lock", "demo:", "k", "--ttl", "1m"], "argument --ttl: invalid seconds value: '1m'"),
        (["put", "demo:", "k", "--ttl", "0"], "argument --ttl: invalid seconds value: '0' (must be more than 0)"),
        (["ls", "demo:", "--timeout", "inf"], "argument --timeout: invalid seconds value: 'inf' (must be more than 0)"),
        (["watch", "demo:", "k", "--duration", "nan"], "argument --duration: invalid seconds value: 'nan'"),
        (["watch", "demo:", "k", "--count", "two"], "argument --count: invalid number value: 'two'"),
        (["ls", "demo:", "--limit", "1.5"], "argument --limit: invalid number value: '1.5'"),
        (["history", "demo:", "k", "--limit", "0"], "argument --limit: invalid number value: '0' (must be 1 or more)"),
        (["put", "demo:", "k", "--if-revision", ""], "argument --if-revision: invalid revision value: ''"),
        (["rm", "demo:", "k", "--if-revision="], "argument --if-revision: invalid revision value: ''"),
        (["watch", "demo:", "k", "--since="], "argument --since: invalid revision value: ''"),
        (["get", "demo:", "k", "--as", "yaml"], "argument --as: invalid choice: 'yaml'"),
        (["put", "demo:", "k", "--form", "raw"], "argument --form: invalid choice: 'raw'"),
    ],
)
def test_parse_invalid_value_names_its_kind(words: list[str], message: str) -> None:
    """Argparse's message has no name of a function in it, and the hint is the help."""
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert str(caught.value).startswith(message)
    assert caught.value.hint == f"see keyscope {words[0]} --help"


@pytest.mark.parametrize(
    "words",
    [["--password", "hunter2"], ["--password=hunter2"], ["--user", "me:hunter2"], ["--pass=hunter2"]],
    ids=["two words", "one word", "with the name", "misspelled"],
)
def test_parse_password_is_refused_and_not_repeated(words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(["ls", "demo:", *words])
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_parse_options_with_values_before_the_url() -> None:
    command = parse(["--theme", "ansi-dark", "--timeout", "3", "demo:"])
    assert command.url == "demo:"
    assert isinstance(command.subcommand, arguments.OverviewArguments)
    assert command.subcommand.theme == "ansi-dark"


@pytest.mark.parametrize("words", [["here.db"], ["ls", "./here.db"], ["get", "./here.db", "k"]])
def test_path_in_place_of_a_url_names_its_url(words: list[str], tmp_path: Path, run_here: Run) -> None:
    (tmp_path / "here.db").touch()
    with contextlib.chdir(tmp_path):
        result = run_here(*words)
    assert result.code == 2
    path = words[-1] if len(words) < 3 else words[1]
    assert result.error == f"keyscope: '{path}' is a path, not a URL: write bolt:{path} or file:{path}\n"


def test_folder_in_place_of_a_url_names_its_url(tmp_path: Path, run_here: Run) -> None:
    assert f"write file:{tmp_path}\n" in run_here("ls", str(tmp_path)).error
