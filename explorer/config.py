"""Settings that a person keeps: profiles of stores and keys, in `keyscope/config.toml` of the folder for settings.

::

    [profiles.prod]
    url = "etcd+tls://etcd1:2379,etcd2:2379/config/"
    user = "reader"
    password_file = "prod.password"   # relative to this file; readable by nobody else
    cacert = "~/ca.pem"
    timeout = 2.5
    theme = "keyscope-light"          # of the app, as --theme
    read_only = true                  # or write = true: unlocked from the start, as --write
    proto = ["schemas/"]              # as --proto; relative to this file, as import_paths (-I) and codecs (--codecs)

    [keys]
    save = ["ctrl+s", "f2"]           # by the ids of the actions, as help lists them
"""

import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from explorer.model.address import Access, Secret
from explorer.model.errors import InvalidAddress

_DEFAULTS: Final = {"config": ".config", "cache": ".cache", "data": ".local/share", "state": ".local/state"}
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_TEXTS: Final = ("url", "user", "server_name")
_FILES: Final = {"cacert": "ca_file", "cert": "cert_file", "key": "key_file"}
_SWITCHES: Final = ("write", "read_only")
_PATHS: Final = ("proto", "import_paths")
_KNOWN: Final = (*_TEXTS, "password_file", *_FILES, "timeout", "theme", *_SWITCHES, *_PATHS, "codecs")


@dataclass(frozen=True, slots=True)
class Profile:
    """A store as a person calls it."""

    url: str
    access: Access = field(default_factory=Access)
    theme: str | None = None
    """The theme of the app."""
    write: bool = False
    """Whether writing is unlocked from the start."""
    read_only: bool = False
    """Whether the command and the app write nothing."""
    protos: tuple[Path, ...] = ()
    """Schemas of the store's values."""
    includes: tuple[Path, ...] = ()
    """The folders that imports of schemas are relative to."""
    codecs: Path | None = None
    """The file that says which key holds which message."""


def folder(kind: Literal["config", "cache", "data", "state"]) -> Path:
    """Give Keyscope's folder of a kind, there or not (XDG Base Directory Specification 0.8: no relative paths)."""
    named = os.environ.get(f"XDG_{kind.upper()}_HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path.home() / _DEFAULTS[kind]
    return base / "keyscope"


def profile(name: str, file: Path | None = None) -> Profile:
    """Read the profile of a name.

    Args:
        name: As in `[profiles.NAME]`.
        file: Another file than `config.toml` in the folder for settings.

    Raises:
        InvalidAddress: There is no such profile or it cannot be understood; the message says where.
    """
    file = file or folder("config") / "config.toml"
    profiles = _table(_read(file), "profiles", file, "the file")
    where = f"[profiles.{name}]"
    if name not in profiles:
        known = ", ".join(f"@{found}" for found in profiles) or "none"
        raise InvalidAddress(f"{file} has no {where}", hint=f"profiles there: {known}")
    settings = _table(profiles, name, file, where)
    for setting in settings:
        if setting not in _KNOWN:
            raise _wrong(file, where, f"unknown setting {setting!r}", hint=f"known are {', '.join(_KNOWN)}")
    url = _text(settings, "url", file, where)
    if url is None:
        raise _wrong(file, where, "no url", hint='write url = "etcd://host:2379/"')
    write, read_only = (_switch(settings, name, file, where) for name in _SWITCHES)
    if write and read_only:
        raise _wrong(file, where, "write and read_only contradict each other", hint="keep one of them")
    protos, includes = (_paths(settings, name, file, where) for name in _PATHS)
    return Profile(
        url,
        _access(settings, file, where),
        theme=_text(settings, "theme", file, where),
        write=write,
        read_only=read_only,
        protos=protos,
        includes=includes,
        codecs=_file(settings, "codecs", file, where),
    )


def profiles(file: Path | None = None) -> Mapping[str, str]:
    """Return the URLs of all profiles by their names, as they are written; nothing where there is no such file.

    Raises:
        InvalidAddress: The file cannot be understood; the message says where.
    """
    file = file or folder("config") / "config.toml"
    if not file.exists():
        return {}
    found = _table(_read(file), "profiles", file, "the file")
    return {name: _text(_table(found, name, file, f"[profiles.{name}]"), "url", file, name) or "" for name in found}


def keys(file: Path | None = None) -> Mapping[str, tuple[str, ...]]:
    """Read which keys a person gave to which actions; nothing where there is no such file.

    Raises:
        InvalidAddress: The file cannot be understood; the message says where.
    """
    file = file or folder("config") / "config.toml"
    if not file.exists():
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for action, given in _table(_read(file), "keys", file, "the file").items():
        words = [given] if isinstance(given, str) else given
        if not (isinstance(words, list) and all(isinstance(word, str) and word for word in words)):
            raise _wrong(file, "[keys]", f"{action} is not a key or a list of keys", hint=f'write {action} = ["f2"]')
        found[action] = tuple(words)
    return found


def read_password(file: Path) -> Secret:
    """Read a password from the first line of a file that nobody else may read; a pipe will do.

    Raises:
        InvalidAddress: Others may read it, or there is nothing in it.
        OSError: It cannot be read.
    """
    with file.open(encoding="utf-8") as lines:
        found = os.fstat(lines.fileno())
        if stat.S_ISREG(found.st_mode) and found.st_mode & _OTHERS:
            raise InvalidAddress(f"others may read the password in {file}", hint=f"chmod 600 {file}")
        try:
            password = lines.readline().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InvalidAddress(f"the password in {file} is not UTF-8") from error
    if not password:
        raise InvalidAddress(f"there is no password in {file}", hint="its first line is the password")
    return Secret(password)


def _read(file: Path) -> Mapping[str, object]:
    import tomllib  # noqa: PLC0415 - only for those who have such a file

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidAddress(
            f"no profiles: {file}: {reason}", hint="write [profiles.NAME] with a url into it"
        ) from error
    except ValueError as error:  # no TOML, or no UTF-8; TOML's message names line and column
        raise InvalidAddress(f"{file} is no TOML: {error}") from error


def _access(settings: Mapping[str, object], file: Path, where: str) -> Access:
    files = {ours: _file(settings, name, file, where) for name, ours in _FILES.items()}
    timeout = settings.get("timeout", Access().timeout)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        raise _wrong(file, where, "timeout is not a number of seconds")
    password_file = _file(settings, "password_file", file, where)
    try:
        password = None if password_file is None else read_password(password_file)
    except OSError as error:
        raise _wrong(file, where, f"password_file {password_file}: {error.strerror or error}") from error
    return Access(
        user=_text(settings, "user", file, where),
        password=password,
        server_name=_text(settings, "server_name", file, where),
        timeout=float(timeout),
        **files,
    )


def _text(settings: Mapping[str, object], name: str, file: Path, where: str) -> str | None:
    text = settings.get(name)
    if text is not None and not (isinstance(text, str) and text):
        raise _wrong(file, where, f"{name} is not a text", hint=f'write {name} = "..."')
    return text


def _file(settings: Mapping[str, object], name: str, file: Path, where: str) -> Path | None:
    text = _text(settings, name, file, where)
    return None if text is None else file.parent / Path(text).expanduser()


def _switch(settings: Mapping[str, object], name: str, file: Path, where: str) -> bool:
    value = settings.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(file, where, f"{name} is neither true nor false", hint=f"write {name} = true")
    return value


def _paths(settings: Mapping[str, object], name: str, file: Path, where: str) -> tuple[Path, ...]:
    texts = settings.get(name, [])
    texts = [texts] if isinstance(texts, str) else texts
    if not (isinstance(texts, list) and all(isinstance(text, str) and text for text in texts)):
        raise _wrong(file, where, f"{name} is not a path or a list of paths", hint=f'write {name} = ["..."]')
    return tuple(file.parent / Path(text).expanduser() for text in texts)


def _table(settings: Mapping[str, object], name: str, file: Path, where: str) -> Mapping[str, object]:
    table = settings.get(name, {})
    if not isinstance(table, dict):
        raise _wrong(file, where, f"{name} is not a table")
    return table


def _wrong(file: Path, where: str, what: str, *, hint: str = "") -> InvalidAddress:
    return InvalidAddress(f"{file}, {where}: {what}", hint=hint)
