"""The command without arguments, and with a profile."""

import asyncio
from pathlib import Path

import pytest

from explorer.cli.app import check_theme
from explorer.cli.exit_codes import UsageError
from explorer.codecs.options import CodecOptions
from explorer.config import Profile, read_profile
from explorer.model.errors import SchemaFailed
from explorer.session_opener import OpenedSession, open_session
from tests.cli.run_command import Run


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the settings file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "keyscope" / "config.toml"
    file.parent.mkdir()
    return file


def test_start_lists_profiles_and_next_commands(keyscope: Run, settings: Path) -> None:
    """No password of a URL is shown."""
    settings.write_text(
        '[profiles.prod]\nurl = "etcd://me:hunter2@h:2379/a"\n[profiles.bad]\nurl = "x://"\n[profiles.none]\n'
    )
    result = keyscope()
    assert (result.code, result.output) == (2, b"")
    assert "@prod  etcd://me@h:2379/a" in result.error or "@prod  etcd://" in result.error
    assert "hunter2" not in result.error
    for word in ("no store given", str(settings), "@bad", "keyscope @prod", "keyscope demo:", "keyscope --help"):
        assert word in result.error


def test_start_without_profiles_says_how_to_write_one(keyscope: Run, settings: Path) -> None:
    """It suggests the demo, too."""
    result = keyscope()
    assert result.code == 2
    for word in ("keyscope demo:", "keyscope etcd://", f"[profiles.NAME] with a url into {settings}"):
        assert word in result.error


@pytest.mark.parametrize("words", [("put", "k", "--value", "x"), ("rm", "k", "--yes"), ("lock", "k", "--", "true")])
def test_read_only_profile_refuses_writing_verbs(keyscope: Run, settings: Path, words: tuple[str, ...]) -> None:
    """`ls` goes on working."""
    settings.write_text('[profiles.prod]\nurl = "memory:"\nread_only = true\n')
    verb, *rest = words
    result = keyscope(verb, "@prod", *rest)
    assert result.code == 2
    assert "@prod is read-only: its profile says so" in result.error
    assert keyscope("ls", "@prod").code == 0


def test_schemas_of_a_profile_are_used(keyscope: Run, settings: Path) -> None:
    """As --proto, which overrides them."""
    (settings.parent / "a.proto").write_text('syntax = "proto3"; message A { string a = 1; }')
    settings.write_text('[profiles.here]\nurl = "memory:"\nproto = "a.proto"\n')
    words = ("put", "@here", "k", "--type", "A", "--value", 'a: "x"')
    assert keyscope(*words).code == 0
    assert "no-such.proto does not exist" in keyscope(*words, "--proto", "no-such.proto").error


@pytest.mark.parametrize(("setting", "missing"), [("proto", "schemas"), ("codecs", "rules.toml")])
def test_app_opens_without_missing_schemas_of_a_profile(settings: Path, setting: str, missing: str) -> None:
    """A message names profile, setting and path; a verb that needs them fails with the same."""
    settings.write_text(f'[profiles.here]\nurl = "memory:"\n{setting} = "{missing}"\n')
    profile = read_profile("here")

    async def open_here() -> OpenedSession:
        return open_session(profile, CodecOptions.of(profile), profile_name="@here")

    async def open_with_option() -> OpenedSession:
        return open_session(Profile("memory:"), CodecOptions.from_names(codecs=path))

    opened = asyncio.run(open_here())
    path = settings.parent / missing
    assert opened.messages == (f"{setting} of @here is not used: {path} does not exist",)
    assert opened.codecs.open("k", b"text").text == "text"
    with pytest.raises(SchemaFailed, match="does not exist"):
        asyncio.run(open_with_option())


def test_missing_schemas_of_a_profile_name_the_setting(keyscope: Run, settings: Path) -> None:
    settings.write_text('[profiles.here]\nurl = "memory:"\nproto = "schemas"\n')
    result = keyscope("put", "@here", "k", "--type", "A", "--value", "x")
    assert f"{settings.parent / 'schemas'} does not exist" in result.error
    assert f"see proto of @here in {settings}" in result.error


def test_check_theme_unknown_lists_the_themes() -> None:
    """Before the app starts."""
    check_theme("keyscope-light")
    check_theme("nord")
    with pytest.raises(UsageError, match="unknown theme 'nope'") as caught:
        check_theme("nope")
    assert "keyscope-dark" in caught.value.hint
    assert "nord" in caught.value.hint


@pytest.mark.parametrize("words", [("put", "k", "--value", "x", "--force"), ("rm", "k", "--yes")])
def test_profile_demands_a_reason_for_writes(keyscope: Run, settings: Path, words: tuple[str, ...]) -> None:
    """Nothing is written without one."""
    settings.write_text('[profiles.prod]\nurl = "memory:"\nreason = true\n')
    keyscope("put", "memory:", "k", "--value", "before")
    verb, *rest = words
    result = keyscope(verb, "@prod", *rest)
    assert (result.code, "@prod demands a reason for each write" in result.error) == (2, True)
    assert keyscope("get", "@prod", "k").output == b"before\n"
    assert keyscope(verb, "@prod", *rest, "--reason", "JIRA-7").code == 0
