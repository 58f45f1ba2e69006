"""Help of the command and its verbs, and the types of its options."""

import pytest

from explorer.cli.command_line import parse
from explorer.cli.parser import store_parser, verb_parser
from explorer.drivers.registry import DRIVERS


def test_help_has_the_options_of_the_app(capsys: pytest.CaptureFixture[str]) -> None:
    """They are options of `keyscope URL`, but people look for them in `keyscope --help`."""
    with pytest.raises(SystemExit):
        parse(["--help"])
    message = capsys.readouterr().out
    assert [word for word in ("--write", "--theme", "--proto") if word not in message] == []


def test_option_types_are_known() -> None:
    """A new option whose type is a function with another name fails here, before a person reads the name."""
    named = {
        "seconds",
        "non_negative_seconds",
        "positive_int",
        "revision",
        "revision_or_time",
        "user",
        "key",
        "Path",
        "fsencode",
    }
    _, verbs = verb_parser()
    types = {
        getattr(action.type, "__name__", str(action.type))
        for parser in (store_parser(), *verbs.values())
        for action in parser.actions
        if action.type is not None
    }
    assert types <= named


def test_help_has_verbs_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    assert ended.value.code == 0
    message = capsys.readouterr().out
    for word in ("ls", "get", "put", "rm", "watch", "locks", "lock", "history", "check", "doctor", "7 outcome unknown"):
        assert word in message


def test_help_has_every_scheme(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    message = capsys.readouterr().out
    assert [scheme for scheme in DRIVERS if f"{scheme}:" not in message.partition("stores:")[2]] == []


@pytest.mark.parametrize("verb", ["ls", "get", "put", "rm", "watch", "locks", "lock", "history", "check", "doctor"])
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([verb, "--help"])
    assert "--timeout" in capsys.readouterr().out
