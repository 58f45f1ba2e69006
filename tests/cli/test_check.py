"""`check`, and the rules for values in the verbs that write, with a real etcd."""

import json
from pathlib import Path

import pytest

from tests.cli.run_command import Run
from tests.servers.etcd import VERSIONS, EtcdServer

pytestmark = pytest.mark.servers

RULES = """\
version = 1
[[constraint]]
name = "replicas"
key = "**/apps/*"
path = "replicas"
maximum = 5
[[constraint]]
name = "small"
key = "**/apps/**"
max_size = 30
"""
BROKEN = {"key": "apps/b", "rule": "replicas", "path": "replicas", "reason": "9 is greater than 5"}


@pytest.fixture
def etcd_version() -> str:
    """Return the newest version; how values are checked does not depend on it."""
    return VERSIONS[-1]


@pytest.fixture
def url(shared_etcd: EtcdServer, prefix: str) -> str:
    return f"etcd://{shared_etcd.address}/{prefix}"


@pytest.fixture
def rules(tmp_path: Path) -> tuple[str, str]:
    """Return the option that names the rules."""
    (tmp_path / "codecs.toml").write_text(RULES)
    return "--codecs", str(tmp_path / "codecs.toml")


@pytest.fixture
def run(run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command with a journal and a folder of plans of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return run_here


def fill(run: Run, url: str, **replicas: int) -> None:
    for name, number in replicas.items():
        assert run("put", url, f"apps/{name}", "--value", json.dumps({"replicas": number}))


def stored(run: Run, url: str, key: str) -> object:
    return json.loads(run("get", url, key, "--as", "raw").output)


def test_check_prints_what_is_broken(url: str, run: Run, rules: tuple[str, str]) -> None:
    """One object a line, exit code 1, and on standard error how much was looked at."""
    fill(run, url, a=3, b=9)
    assert run("put", url, "other", "--value", "x")
    result = run("check", url, "--json", *rules)
    assert (result.code, result.records) == (1, [BROKEN])
    assert result.error == "looked at 3 keys, 2 have rules, 1 breaks one\n"
    for prefix in ("apps", "apps/", "apps/b"):
        assert run("check", url, prefix, "--json", *rules).records == [BROKEN]
    assert run("check", url, "apps/a", *rules).code == 0
    assert run("check", url, "apps/a", *rules).error == "looked at 1 key, 1 has rules\n"


def test_check_never_passes_what_it_did_not_look_at(url: str, run: Run, rules: tuple[str, str], tmp_path: Path) -> None:
    """A value that cannot be decoded, a rule with a mistake, no rule, nothing there."""
    assert run("put", url, "apps/a", "--value", '{"replicas": ')
    result = run("check", url, *rules)
    assert (result.code, result.error) == (1, "looked at 1 key, 1 has rules, 1 could not be checked\n")
    assert result.lines == ["apps/a: replicas: cannot be decoded: line 1, column 14: not valid JSON: expecting value"]
    (tmp_path / "codecs.toml").write_text(RULES + "[[constraint]]\nname = 'typo'\nkey = 'x'\nmaxsize = 3\n")
    assert run("put", url, "apps/a", "--value", "{}", "--force")
    result = run("check", url, *rules)
    assert (result.code, result.lines) == (1, [])
    assert "codecs.toml, line 11: unknown setting 'maxsize'" in result.error
    assert run("check", url).error.endswith("looked at 1 key, 0 have rules\n")
    assert run("check", url, "missing", *rules).code == 3


def test_masked_values_are_not_quoted(url: str, run: Run, rules: tuple[str, str], tmp_path: Path) -> None:
    settings = tmp_path / "home" / "config" / "keyscope" / "config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'[profiles.p]\nurl = "{url}"\nmask = ["apps/*"]\n')
    fill(run, url, b=9)
    assert run("check", "@p", "--json", *rules).records == [{**BROKEN, "reason": "the values are masked"}]
    refused = run("put", "@p", "apps/c", "--value", '{"replicas": 8}', *rules)
    assert "keyscope: apps/c: replicas: replicas: the values are masked\n" in refused.error
    refused = run("replace", "@p", "9", "7", "--yes", *rules)
    assert (refused.code, refused.lines[-1]) == (1, "apps/b: replicas: replicas: the values are masked")


def test_put_is_refused_unless_the_rule_is_named(url: str, run: Run, rules: tuple[str, str]) -> None:
    """Exit code 1, nothing written; the journal keeps which rule was overridden."""
    big = json.dumps({"replicas": 9, "more": "x" * 30})
    refused = run("put", url, "apps/a", "--value", big, *rules)
    assert (refused.code, refused.output) == (1, b"")
    assert "apps/a: replicas: replicas: 9 is greater than 5\n" in refused.error
    assert "--override-rule replicas --override-rule small writes it\n" in refused.error
    assert run("put", url, "apps/a", "--value", big, *rules, "--override-rule", "small").code == 1
    assert run("get", url, "apps/a").code == 3
    named = ("--override-rule", "small", "--override-rule", "replicas")
    assert run("put", url, "apps/a", "--value", big, *rules, *named)
    assert run("put", url, "apps/b", "--value", '{"replicas": 5}', *rules, *named)
    newest, before = run("log", url, "--json").records
    assert (before["key"], before["reason"]) == ("apps/a", "overrides replicas, small")
    assert (newest["key"], newest.get("reason")) == ("apps/b", None)


def test_plan_is_refused_unless_the_rule_is_named(url: str, run: Run, rules: tuple[str, str], tmp_path: Path) -> None:
    """When it is made and when it is applied; a file keeps what was overridden, and undo is never refused."""
    fill(run, url, a=3)
    words = ("replace", url, "3", "9", *rules)
    violation = {**BROKEN, "key": "apps/a"}
    for options in (["--yes"], ["--dry-run"], ["--plan", str(tmp_path / "plan.json")]):
        refused = run(*words, "--json", *options)
        assert (refused.code, refused.records[1:]) == (1, [violation])
        assert stored(run, url, "apps/a") == {"replicas": 3}
    assert not (tmp_path / "plan.json").exists()
    plan = tmp_path / "plan.json"
    assert run("replace", url, "3", "9", "--plan", str(plan))  # made by somebody without the rules
    refused = run("apply", str(plan), "--yes", *rules)
    assert (refused.code, "--override-rule replicas writes it" in refused.error) == (1, True)
    plan.unlink()
    assert run(*words, "--plan", str(plan), "--override-rule", "replicas")
    assert json.loads(plan.read_text())["overrides"] == ["replicas"]
    *_, last = run("apply", str(plan), "--yes", "--json", *rules).records
    assert stored(run, url, "apps/a") == {"replicas": 9}
    assert run("log", url, "--json", "--limit", "1").record["reason"] == "overrides replicas"
    (tmp_path / "codecs.toml").write_text(RULES.replace("maximum = 5", "minimum = 5"))
    assert run("undo", last["undo"], "--yes", *rules)
    assert stored(run, url, "apps/a") == {"replicas": 3}
