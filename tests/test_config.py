"""Settings of the person: profiles, keys, passwords, and the errors of wrong settings."""

from collections.abc import Callable
from pathlib import Path

import pytest

import explorer
from explorer.config import (
    Profile,
    TomlTable,
    folder,
    read_key_bindings,
    read_password,
    read_profile,
    read_profile_urls,
)
from explorer.drivers.registry import make
from explorer.model.address import Access
from explorer.model.errors import InvalidAddress

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes the settings file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "keyscope" / "config.toml"
    file.parent.mkdir()

    def write(text: str) -> Path:
        file.write_text(text)
        return file

    return write


def password_file(folder: Path, text: str = "hunter2\n", mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_read_profile_has_url_and_access(write: Write) -> None:
    """Paths are relative to the file; `~` is the home folder."""
    file = write(
        '[profiles.prod]\nurl = "etcd+tls://h:2379/config/"\nuser = "me"\npassword_file = "secret"\n'
        'cacert = "/ca.pem"\ncert = "~/cert.pem"\nkey = "keys/key.pem"\nserver_name = "etcd"\ntimeout = 2\n'
    )
    password_file(file.parent)
    found = read_profile("prod")
    assert found.url == "etcd+tls://h:2379/config/"
    access = found.access
    assert (access.user, access.server_name, access.timeout) == ("me", "etcd", 2.0)
    assert access.password is not None
    assert access.password.reveal() == "hunter2"
    assert (access.ca_file, access.cert_file) == (Path("/ca.pem"), Path.home() / "cert.pem")
    assert access.key_file == file.parent / "keys/key.pem"


def test_read_profile_with_url_only_has_default_access(write: Write) -> None:
    write('[profiles.here]\nurl = "memory:"\n')
    assert read_profile("here") == Profile("memory:", Access(), name="here")


def test_open_takes_the_name_of_a_profile(write: Write) -> None:
    write('[profiles.here]\nurl = "memory:config"\n')
    assert explorer.open("@here").address == make("memory:config").address


def test_profile_repr_hides_the_password(write: Write) -> None:
    file = write('[profiles.a]\nurl = "memory:"\npassword_file = "secret"\n')
    password_file(file.parent)
    assert "hunter2" not in repr(read_profile("a"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[profiles.a\n", "line 1"),
        ("[profiles.b]\nurl = 'memory:'", "no [profiles.a]"),
        ("[other]\n", "no [profiles.a]"),
        ("profiles = 3", "profiles must be a table"),
        ("[profiles]\na = 'memory:'", "[profiles.a]: a must be a table"),
        ("[profiles.a]\nuser = 'me'", "[profiles.a]: no url"),
        ("[profiles.a]\nurl = 3", "[profiles.a]: url must be a string"),
        ("[profiles.a]\nurl = ''", "[profiles.a]: url must be a string"),
        ("[profiles.a]\nurl = 'memory:'\npassword = 'hunter2'", "[profiles.a]: unknown setting 'password'"),
        ("[profiles.a]\nurl = 'memory:'\ntimeout = 'x'", "[profiles.a]: timeout must be a number"),
        ("[profiles.a]\nurl = 'memory:'\ntimeout = true", "[profiles.a]: timeout must be a number"),
        ("[profiles.a]\nurl = 'memory:'\ntimeout = nan", "[profiles.a]: timeout must be a number"),
        ("[profiles.a]\nurl = 'memory:'\npassword_file = 'gone'", "No such file"),
        ("[profiles.a]\nurl = 'memory:'\ncert = 3", "[profiles.a]: cert must be a string"),
    ],
)
def test_invalid_profile_is_reported_with_its_place(write: Write, text: str, message: str) -> None:
    """The message has file and table, and no secret."""
    file = write(text)
    with pytest.raises(InvalidAddress) as caught:
        read_profile("a")
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_settings_file_that_is_not_utf_8_is_invalid(write: Write) -> None:
    write("").write_bytes(b"\xff")
    with pytest.raises(InvalidAddress, match="not valid TOML"):
        read_profile("a")


def test_read_profile_without_settings_file_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(InvalidAddress, match=r"keyscope/config\.toml"):
        read_profile("a")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_read_password_refuses_a_file_others_may_read(tmp_path: Path, mode: int) -> None:
    with pytest.raises(InvalidAddress, match="other users may read") as caught:
        read_password(password_file(tmp_path, mode=mode))
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("text", ["hunter2", "hunter2\n", "hunter2\r\n", "hunter2\nsecond line"])
def test_read_password_returns_the_first_line(tmp_path: Path, text: str) -> None:
    assert read_password(password_file(tmp_path, text)).reveal() == "hunter2"


@pytest.mark.parametrize("text", ["", "\n"])
def test_read_password_refuses_an_empty_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidAddress, match="no password"):
        read_password(password_file(tmp_path, text))


def test_folder_follows_the_xdg_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert folder("state") == Path("/somewhere/keyscope")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert folder("state") == Path.home() / ".local/state/keyscope"
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert folder("data") == Path.home() / ".local/share/keyscope"


def test_read_key_bindings_returns_the_remapped_actions(write: Write) -> None:
    write('[keys]\nsave = "ctrl+w"\nedit = ["e", "f2"]\nzoom = []\n')
    assert read_key_bindings() == {"save": ("ctrl+w",), "edit": ("e", "f2"), "zoom": ()}


def test_read_key_bindings_without_settings_file_is_empty(tmp_path: Path) -> None:
    assert read_key_bindings(tmp_path / "config.toml") == {}


@pytest.mark.parametrize("given", ["7", "true", '""', "[7]", '["e", ""]', "{}"])
def test_read_key_bindings_invalid_value_has_its_place(write: Write, given: str) -> None:
    file = write(f"[keys]\nsave = {given}\n")
    with pytest.raises(InvalidAddress, match=r"\[keys\]: save must be a key") as raised:
        read_key_bindings()
    assert str(file) in raised.value.message


def test_read_key_bindings_refuses_what_is_not_a_table(write: Write) -> None:
    write('keys = "e"\n')
    with pytest.raises(InvalidAddress, match="keys must be a table"):
        read_key_bindings()


def test_read_profile_has_options_of_the_app_and_schemas(write: Write) -> None:
    """Theme, writing and schemas are part of a profile; paths are relative to the file."""
    file = write(
        '[profiles.prod]\nurl = "demo:"\ntheme = "keyscope-light"\nread_only = true\nproto = ["a.proto", "/b"]\n'
        'import_paths = "i"\ncodecs = ["preset:voltha", "c.toml"]\n[profiles.dev]\nurl = "memory:"\nwrite = true\n'
        'codecs = "preset:patroni"\n'
    )
    found = read_profile("prod")
    assert (found.theme, found.write, found.read_only) == ("keyscope-light", False, True)
    assert found.protos == (file.parent / "a.proto", Path("/b"))
    assert (found.includes, found.codecs) == ((file.parent / "i",), file.parent / "c.toml")
    assert found.presets == ("voltha",)
    assert read_profile("dev").presets == ("patroni",)
    assert read_profile("dev").write
    assert read_profile("dev").codecs is None
    assert read_profile_urls() == {"prod": "demo:", "dev": "memory:"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("write = 1", "write must be true or false"),
        ('read_only = "yes"', "read_only must be true or false"),
        ("write = true\nread_only = true", "write and read_only exclude each other"),
        ("theme = 5", "theme must be a string"),
        ("proto = 5", "proto must be a path or a list of paths"),
        ("proto = [5]", "proto must be a path or a list of paths"),
        ("codecs = [5]", "codecs must be a path or a list of paths"),
        ('codecs = ["a.toml", "b.toml"]', "codecs has more than one file of rules"),
    ],
)
def test_read_profile_invalid_setting_is_one_line(write: Write, line: str, message: str) -> None:
    """The error has file, profile and setting."""
    file = write(f'[profiles.x]\nurl = "memory:"\n{line}\n')
    with pytest.raises(InvalidAddress) as caught:
        read_profile("x")
    assert str(caught.value) == f"{file}, [profiles.x]: {message}"


def test_toml_table_refuses_unknown_settings(tmp_path: Path) -> None:
    """The error lists the known ones; it is made by the table's owner."""
    table = TomlTable({"colour": 1}, tmp_path, lambda message, hint: InvalidAddress(message, hint=hint))
    table.require_known(["colour"])
    with pytest.raises(InvalidAddress, match="unknown setting 'colour'") as caught:
        table.require_known(["color", "size"])
    assert caught.value.hint == "known settings: color, size"
    assert table.paths("proto") == ()
    assert table.table("schemas") == {}
