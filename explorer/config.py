"""Settings of the person: profiles of stores and key bindings, in `keyscope/config.toml` of the settings folder.

::

    [profiles.prod]
    url = "etcd+tls://etcd1:2379,etcd2:2379/config/"
    user = "reader"
    password_file = "prod.password"   # relative to this file; mode 600
    cacert = "~/ca.pem"
    timeout = 2.5                     # seconds
    theme = "keyscope-light"          # of the app, as --theme
    read_only = true                  # or write = true, as --write
    proto = ["schemas/"]              # as --proto; relative to this file, like import_paths (-I)
    codecs = ["preset:patroni"]       # as --codecs: presets, and a file of rules
    mask = ["*/password", "secret/*"] # keys whose values are not kept in the journal, nor shown in lists
    reason = true                     # each write needs a reason, as --reason, which is kept in the journal

    [keys]
    save = ["ctrl+s", "f2"]           # by the ids of the actions, as help lists them
"""

import math
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path
from typing import Final, Literal, TypeAlias

from explorer.model.address import Access, Secret
from explorer.model.errors import ExplorerError, InvalidAddress

FolderKind: TypeAlias = Literal["config", "cache", "data", "state"]

MASKED: Final = "the values are masked"
"""Text in place of values that the profile masks."""
_DEFAULT_FOLDERS: Final = {"config": ".config", "cache": ".cache", "data": ".local/share", "state": ".local/state"}
_PRESET: Final = "preset:"
"""Start of the name of a preset where a file of rules can be named, too."""
_GROUP_AND_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_ACCESS_FILES: Final = {"cacert": "ca_file", "cert": "cert_file", "key": "key_file"}
"""Settings of a profile to fields of Access."""
_PROFILE_SETTINGS: Final = (
    *("url", "user", "server_name", "password_file", *_ACCESS_FILES, "timeout"),
    *("theme", "write", "read_only", "proto", "import_paths", "codecs", "mask", "reason"),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A store's URL with the access and the options to open it."""

    url: str
    access: Access = field(default_factory=Access)
    theme: str | None = None
    """Theme of the app."""
    write: bool = False
    """True if the app starts with writing unlocked."""
    read_only: bool = False
    """True if the command and the app refuse every write."""
    protos: tuple[Path, ...] = ()
    """Schemas of the store's values."""
    includes: tuple[Path, ...] = ()
    """Folders that imports of schemas are relative to."""
    codecs: Path | None = None
    """File of rules that map keys to messages."""
    presets: tuple[str, ...] = ()
    """Names of presets of rules."""
    name: str = ""
    """Name in the settings file; empty for a URL."""
    masked: tuple[str, ...] = ()
    """Globs of keys, relative to the URL, whose values are neither kept in the journal nor shown in lists."""
    asks_reason: bool = False
    """True if each write needs a reason."""

    def masks(self, key: str) -> bool:
        """Return whether the value of a key is masked."""
        return bool(self.masked) and any(fnmatchcase(key, pattern) for pattern in self.masked)


@dataclass(frozen=True, slots=True)
class TomlTable:
    """A table of a TOML file, read by type; a wrong setting raises an error that says what to write.

    Args:
        settings: The table as tomllib returns it.
        folder: The folder of the file, which paths are relative to.
        error: Makes the error of a message and a hint.
    """

    settings: Mapping[str, object]
    folder: Path
    error: Callable[[str, str], ExplorerError]

    def require_known(self, names: Sequence[str]) -> None:
        """Raise the table's error if it has another setting than these."""
        for name in self.settings:
            if name not in names:
                raise self.error(f"unknown setting {name!r}", f"known settings: {', '.join(names)}")

    def table(self, name: str) -> Mapping[str, object]:
        """Return a table within this one; empty if it is missing."""
        table = self.settings.get(name, {})
        if not isinstance(table, dict):
            raise self.error(f"{name} must be a table", "")
        return table

    def text(self, name: str) -> str | None:
        """Return a string that is not empty, or None if it is missing."""
        text = self.settings.get(name)
        if text is not None and not (isinstance(text, str) and text):
            raise self.error(f"{name} must be a string", f'write {name} = "..."')
        return text

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        value = self.settings.get(name, default)
        if not isinstance(value, bool):
            raise self.error(f"{name} must be true or false", f"write {name} = true")
        return value

    def path(self, name: str) -> Path | None:
        """Return a path, or None if it is missing; `~` is the home folder."""
        text = self.text(name)
        return None if text is None else self.resolve(text)

    def paths(self, name: str) -> tuple[Path, ...]:
        """Return the paths of a list, or of one string; `~` is the home folder."""
        return tuple(self.resolve(text) for text in self.path_texts(name))

    def path_texts(self, name: str) -> tuple[str, ...]:
        """Return the paths of a list, or of one string, as they are written."""
        texts = self.settings.get(name, [])
        texts = [texts] if isinstance(texts, str) else texts
        if not (isinstance(texts, list) and all(isinstance(text, str) and text for text in texts)):
            raise self.error(f"{name} must be a path or a list of paths", f'write {name} = ["..."]')
        return tuple(texts)

    def resolve(self, text: str) -> Path:
        """Return a path relative to the folder; `~` is the home folder."""
        return self.folder / Path(text).expanduser()


def folder(kind: FolderKind) -> Path:
    """Return Keyscope's folder of a kind, existing or not.

    XDG Base Directory Specification 0.8: a relative path in the variable is ignored.
    """
    variable = os.environ.get(f"XDG_{kind.upper()}_HOME", "")
    base = Path(variable) if Path(variable).is_absolute() else Path.home() / _DEFAULT_FOLDERS[kind]
    return base / "keyscope"


def read_profile(name: str, file: Path | None = None) -> Profile:
    """Return the profile of a name.

    Args:
        name: As in `[profiles.NAME]`.
        file: The settings file; `config.toml` in the settings folder by default.

    Raises:
        InvalidAddress: The profile is missing or invalid; the message has file and table.
    """
    file = file or _default_file()
    known = _document(file).table("profiles")
    if name not in known:
        names = ", ".join(f"@{other}" for other in known) or "none"
        raise InvalidAddress(f"{file} has no [profiles.{name}]", hint=f"known profiles: {names}")
    return replace(_profile(_profile_table(file, known, name)), name=name)


def _profile(table: TomlTable) -> Profile:
    """Return the profile in a table."""
    table.require_known(_PROFILE_SETTINGS)
    url = table.text("url")
    if url is None:
        raise table.error("no url", 'write url = "etcd://host:2379/"')
    write, read_only = table.boolean("write"), table.boolean("read_only")
    if write and read_only:
        raise table.error("write and read_only exclude each other", "keep one of them")
    presets, files = split_presets(table.path_texts("codecs"))
    if len(files) > 1:
        raise table.error("codecs has more than one file of rules", "keep one of them")
    return Profile(
        url,
        _access(table),
        theme=table.text("theme"),
        write=write,
        read_only=read_only,
        protos=table.paths("proto"),
        includes=table.paths("import_paths"),
        codecs=next(map(table.resolve, files), None),
        presets=presets,
        masked=table.path_texts("mask"),
        asks_reason=table.boolean("reason"),
    )


def split_presets(names: Iterable[str | PathLike[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the presets among names, without `preset:`, and the other names, which are files."""
    texts = [os.fspath(name) for name in names]
    return (
        tuple(text.removeprefix(_PRESET) for text in texts if text.startswith(_PRESET)),
        tuple(text for text in texts if not text.startswith(_PRESET)),
    )


def read_store_file(file: Path) -> Profile | None:
    """Return the profile that a file of its own has at the top, without a table; None if there is no such file.

    Raises:
        InvalidAddress: The file is invalid; the message has the file.
    """
    return _profile(_document(file)) if file.exists() else None


def read_profile_urls(file: Path | None = None) -> Mapping[str, str]:
    """Return the URLs of all profiles by name, as written; empty if there is no settings file.

    Raises:
        InvalidAddress: The file is invalid; the message has file and table.
    """
    file = file or _default_file()
    if not file.exists():
        return {}
    known = _document(file).table("profiles")
    return {name: _profile_table(file, known, name).text("url") or "" for name in known}


def read_key_bindings(file: Path | None = None) -> Mapping[str, tuple[str, ...]]:
    """Return the keys of the actions that the person remapped; empty if there is no settings file.

    Raises:
        InvalidAddress: The file is invalid; the message has file and table.
    """
    file = file or _default_file()
    if not file.exists():
        return {}
    remapped: dict[str, tuple[str, ...]] = {}
    for action, value in _document(file).table("keys").items():
        names = [value] if isinstance(value, str) else value
        if not (isinstance(names, list) and all(isinstance(name, str) and name for name in names)):
            raise _invalid(file, "[keys]", f"{action} must be a key or a list of keys", hint=f'write {action} = ["f2"]')
        remapped[action] = tuple(names)
    return remapped


def read_password(file: Path) -> Secret:
    """Return the password in the first line of a file. A regular file must be private to its owner; a pipe need not.

    Raises:
        InvalidAddress: Other users may read the file, or it has no password.
        OSError: The file cannot be read.
    """
    with file.open(encoding="utf-8") as lines:
        status = os.fstat(lines.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_mode & _GROUP_AND_OTHERS:
            raise InvalidAddress(f"other users may read the password file {file}", hint=f"chmod 600 {file}")
        try:
            password = lines.readline().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InvalidAddress(f"the password in {file} is not UTF-8") from error
    if not password:
        raise InvalidAddress(f"no password in {file}", hint="write the password into its first line")
    return Secret(password)


def _default_file() -> Path:
    return folder("config") / "config.toml"


def _document(file: Path) -> TomlTable:
    """Return the top table of a settings file."""
    import tomllib  # noqa: PLC0415 - only for those who have such a file

    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidAddress(
            f"cannot read profiles: {file}: {reason}", hint="write [profiles.NAME] with a url into it"
        ) from error
    except ValueError as error:  # not TOML or not UTF-8; TOML's message has line and column
        raise InvalidAddress(f"{file} is not valid TOML: {error}") from error
    return _table(file, settings, "top level")


def _profile_table(file: Path, known: Mapping[str, object], name: str) -> TomlTable:
    where = f"[profiles.{name}]"
    return _table(file, _table(file, known, where).table(name), where)


def _table(file: Path, settings: Mapping[str, object], where: str) -> TomlTable:
    return TomlTable(settings, file.parent, lambda message, hint: _invalid(file, where, message, hint=hint))


def _access(table: TomlTable) -> Access:
    timeout = table.settings.get("timeout", Access().timeout)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        raise table.error("timeout must be a number of seconds", "write timeout = 2.5")
    password_file = table.path("password_file")
    try:
        password = None if password_file is None else read_password(password_file)
    except OSError as error:
        raise table.error(f"password_file {password_file}: {error.strerror or error}", "") from error
    return Access(
        user=table.text("user"),
        password=password,
        server_name=table.text("server_name"),
        timeout=float(timeout),
        **{attribute: table.path(name) for name, attribute in _ACCESS_FILES.items()},
    )


def _invalid(file: Path, where: str, message: str, *, hint: str = "") -> InvalidAddress:
    return InvalidAddress(f"{file}, {where}: {message}", hint=hint)
