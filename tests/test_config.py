"""Profiles: what a person writes down once, and what is said about a slip in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

import explorer
from explorer.config import Profile, folder, keys, profile, profiles, read_password
from explorer.drivers.registry import make
from explorer.model.address import Access
from explorer.model.errors import InvalidAddress

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the person's file of settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "keyscope" / "config.toml"
    file.parent.mkdir()

    def write(text: str) -> Path:
        file.write_text(text)
        return file

    return write


def password(folder: Path, text: str = "hunter2\n", mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_profile_has_a_url_and_what_it_takes_to_be_let_in(write: Write) -> None:
    file = write(
        '[profiles.prod]\nurl = "etcd+tls://h:2379/config/"\nuser = "me"\npassword_file = "secret"\n'
        'cacert = "/ca.pem"\ncert = "~/cert.pem"\nkey = "keys/key.pem"\nserver_name = "etcd"\ntimeout = 2\n'
    )
    password(file.parent)
    found = profile("prod")
    assert found.url == "etcd+tls://h:2379/config/"
    access = found.access
    assert (access.user, access.server_name, access.timeout) == ("me", "etcd", 2.0)
    assert access.password is not None
    assert access.password.reveal() == "hunter2"
    assert (access.ca_file, access.cert_file) == (Path("/ca.pem"), Path.home() / "cert.pem")
    assert access.key_file == file.parent / "keys/key.pem"


def test_what_a_profile_leaves_open_is_open(write: Write) -> None:
    write('[profiles.here]\nurl = "memory:"\n')
    assert profile("here") == Profile("memory:", Access())


def test_a_profile_opens_wherever_a_url_does(write: Write) -> None:
    write('[profiles.here]\nurl = "memory:config"\n')
    assert explorer.open("@here").address == make("memory:config").address


def test_the_password_is_in_nothing_that_is_shown(write: Write) -> None:
    file = write('[profiles.a]\nurl = "memory:"\npassword_file = "secret"\n')
    password(file.parent)
    assert "hunter2" not in repr(profile("a"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[profiles.a\n", "line 1"),
        ("[profiles.b]\nurl = 'memory:'", "no [profiles.a]"),
        ("[other]\n", "no [profiles.a]"),
        ("profiles = 3", "profiles is not a table"),
        ("[profiles]\na = 'memory:'", "[profiles.a]: a is not a table"),
        ("[profiles.a]\nuser = 'me'", "[profiles.a]: no url"),
        ("[profiles.a]\nurl = 3", "[profiles.a]: url is not a text"),
        ("[profiles.a]\nurl = ''", "[profiles.a]: url is not a text"),
        ("[profiles.a]\nurl = 'memory:'\npassword = 'hunter2'", "[profiles.a]: unknown setting 'password'"),
        ("[profiles.a]\nurl = 'memory:'\ntimeout = 'x'", "[profiles.a]: timeout is not a number"),
        ("[profiles.a]\nurl = 'memory:'\ntimeout = true", "[profiles.a]: timeout is not a number"),
        ("[profiles.a]\nurl = 'memory:'\ntimeout = nan", "[profiles.a]: timeout is not a number"),
        ("[profiles.a]\nurl = 'memory:'\npassword_file = 'gone'", "No such file"),
        ("[profiles.a]\nurl = 'memory:'\ncert = 3", "[profiles.a]: cert is not a text"),
    ],
)
def test_a_slip_is_told_with_its_place_and_without_secrets(write: Write, text: str, said: str) -> None:
    file = write(text)
    with pytest.raises(InvalidAddress) as caught:
        profile("a")
    assert said in str(caught.value)
    assert str(file) in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_bytes_that_are_no_text_are_a_slip_too(write: Write) -> None:
    write("").write_bytes(b"\xff")
    with pytest.raises(InvalidAddress, match="no TOML"):
        profile("a")


def test_without_a_file_the_hint_says_where_to_write_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(InvalidAddress, match=r"keyscope/config\.toml"):
        profile("a")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_password_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(InvalidAddress, match="others may read") as caught:
        read_password(password(tmp_path, mode=mode))
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("text", ["hunter2", "hunter2\n", "hunter2\r\n", "hunter2\nsecond line"])
def test_a_password_is_the_first_line(tmp_path: Path, text: str) -> None:
    assert read_password(password(tmp_path, text)).reveal() == "hunter2"


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_password_is_a_slip(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidAddress, match="no password"):
        read_password(password(tmp_path, text))


def test_folders_are_where_the_desktop_specification_puts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert folder("state") == Path("/somewhere/keyscope")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert folder("state") == Path.home() / ".local/state/keyscope"
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert folder("data") == Path.home() / ".local/share/keyscope"


def test_the_keys_that_a_person_chose(write: Write) -> None:
    write('[keys]\nsave = "ctrl+w"\nedit = ["e", "f2"]\nzoom = []\n')
    assert keys() == {"save": ("ctrl+w",), "edit": ("e", "f2"), "zoom": ()}


def test_without_a_file_no_key_was_chosen(tmp_path: Path) -> None:
    assert keys(tmp_path / "config.toml") == {}


@pytest.mark.parametrize("given", ["7", "true", '""', "[7]", '["e", ""]', "{}"])
def test_what_is_no_key_is_refused_with_its_place(write: Write, given: str) -> None:
    file = write(f"[keys]\nsave = {given}\n")
    with pytest.raises(InvalidAddress, match=r"\[keys\]: save is not a key") as raised:
        keys()
    assert str(file) in raised.value.message


def test_keys_that_are_no_table_are_refused(write: Write) -> None:
    write('keys = "e"\n')
    with pytest.raises(InvalidAddress, match="keys is not a table"):
        keys()


def test_profile_of_the_app_and_its_schemas(write: Write) -> None:
    """Theme, writing and schemas are part of a profile; paths are relative to the file."""
    file = write(
        '[profiles.prod]\nurl = "demo:"\ntheme = "keyscope-light"\nread_only = true\nproto = ["a.proto", "/b"]\n'
        'import_paths = "i"\ncodecs = "c.toml"\n[profiles.dev]\nurl = "memory:"\nwrite = true\n'
    )
    found = profile("prod")
    assert (found.theme, found.write, found.read_only) == ("keyscope-light", False, True)
    assert found.protos == (file.parent / "a.proto", Path("/b"))
    assert (found.includes, found.codecs) == ((file.parent / "i",), file.parent / "c.toml")
    assert profile("dev").write
    assert profiles() == {"prod": "demo:", "dev": "memory:"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("write = 1", "write is neither true nor false"),
        ('read_only = "yes"', "read_only is neither true nor false"),
        ("write = true\nread_only = true", "write and read_only contradict each other"),
        ("theme = 5", "theme is not a text"),
        ("proto = 5", "proto is not a path or a list of paths"),
        ("proto = [5]", "proto is not a path or a list of paths"),
        ("codecs = []", "codecs is not a text"),
    ],
)
def test_profile_setting_that_is_wrong_is_named(write: Write, line: str, said: str) -> None:
    """One line with file, profile and setting."""
    file = write(f'[profiles.x]\nurl = "memory:"\n{line}\n')
    with pytest.raises(InvalidAddress) as caught:
        profile("x")
    assert str(caught.value) == f"{file}, [profiles.x]: {said}"
