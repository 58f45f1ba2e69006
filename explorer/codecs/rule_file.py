"""Rules appended to codecs.toml; its other contents and its comments are kept."""

import os
import re
import stat
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

from explorer.codecs.base import Choice
from explorer.model.errors import SchemaFailed

_TO_ESCAPE: Final = re.compile(r'[\x00-\x1f"\\\x7f]')
_NEW_MODE: Final = 0o600
_GLOB_CHARACTER: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """Writer of codecs.toml."""

    path: Path
    store: str
    """Redacted address of the store that new rules are limited to."""

    def add(self, pattern: str, choice: Choice, *, priority: int = 0) -> None:
        """Append a rule. The file is replaced atomically, and keeps its mode.

        Raises:
            SchemaFailed: The file is invalid or cannot be written, or the pattern is not UTF-8; nothing was written.
        """
        path = self.path.resolve()
        try:
            before = path.read_bytes() if path.exists() else None
            after = self._extended(before or b"", _rule(pattern, choice, self.store, priority))
            _replace(path, before, after)
        except OSError as error:
            raise SchemaFailed(f"cannot write {self.path}: {error.strerror or error}") from error

    def _extended(self, before: bytes, rule: dict[str, str | int | bool]) -> bytes:
        hint = "correct the file, or add the rule by hand"
        try:
            text = before.decode()
            content = tomllib.loads(text)
        except ValueError as error:
            raise SchemaFailed(f"{self.path} is not valid TOML: {error}; nothing was written", hint=hint) from error
        if content.get("version", 1) != 1 or (content and "version" not in content):
            raise SchemaFailed(f"{self.path}: version is not 1; nothing was written", hint=hint)
        end = "\r\n" if "\r\n" in text else "\n"
        lines = [] if content else [*([""] if text else []), "version = 1"]
        lines += ["", "[[map]]"]
        lines += [f"{name} = {_toml_value(value)}" for name, value in rule.items()]
        start = text if not text or text.endswith("\n") else text + end
        extended = start + end.join(lines) + end
        expected = {"version": 1, **content, "map": [*content.get("map", []), rule]}
        try:
            is_valid = tomllib.loads(extended) == expected
        except ValueError:
            is_valid = False
        if not is_valid:
            raise SchemaFailed(f"a rule cannot be added at the end of {self.path}; nothing was written", hint=hint)
        return extended.encode()


def _rule(pattern: str, choice: Choice, store: str, priority: int) -> dict[str, str | int | bool]:
    rule: dict[str, str | int | bool] = {"key": pattern}
    if choice.codec != "protobuf":
        rule["codec"] = choice.codec
    if choice.type is not None:
        rule["type"] = choice.type
    if choice.form != "text":
        rule["form"] = choice.form
    if choice.schema is not None:
        rule["schema"] = choice.schema
    if choice.indented is not None:
        rule["indented"] = choice.indented
    if store:
        rule["store"] = _GLOB_CHARACTER.sub(lambda match: f"[{match[0]}]", store)
    if priority:
        rule["priority"] = priority
    return rule


def _toml_value(value: str | int | bool) -> str:  # noqa: FBT001 - a value of TOML
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case _:
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise SchemaFailed("a pattern must be UTF-8", hint="use * for that part of the key") from error
            return '"' + _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", value) + '"'


def _replace(path: Path, before: bytes | None, after: bytes) -> None:
    """Replace a file atomically, unless it has changed since it was read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _NEW_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            file.flush()
            if before is not None:
                status = path.stat()
                with suppress(PermissionError):
                    os.chown(handle, status.st_uid, status.st_gid)
                os.fchmod(handle, stat.S_IMODE(status.st_mode))
            os.fsync(handle)
        _require_unchanged(path, before)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _require_unchanged(path: Path, content: bytes | None) -> None:
    """Raise if a file has other contents than when it was read."""
    if (path.read_bytes() if path.exists() else None) != content:
        raise SchemaFailed(f"{path} has changed since it was read; nothing was written", hint="try again")
