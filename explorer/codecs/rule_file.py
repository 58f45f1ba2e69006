"""Rules added to the file of rules; all that stands in it already stays as it is."""

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

_ESCAPED: Final = re.compile(r'[\x00-\x1f"\\\x7f]')
_NEW_MODE: Final = 0o600
_GLOB: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The file of rules, as far as it is written to."""

    path: Path
    store: str
    """The address of the store that new rules are for."""

    def add(self, pattern: str, choice: Choice, *, priority: int = 0) -> None:
        """Add a rule at the end; the file is replaced as a whole or not at all, and keeps its mode.

        Raises:
            SchemaFailed: The file cannot be read, written or understood, or the rule not spelled; nothing was written.
        """
        path = self.path.resolve()
        try:
            before = path.read_bytes() if path.exists() else None
            after = self._extended(before or b"", _rule(pattern, choice, self.store, priority))
            _replace(path, before, after)
        except OSError as error:
            raise SchemaFailed(f"{self.path} cannot be written: {error.strerror or error}") from error

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
        lines += [f"{name} = {_spelled(value)}" for name, value in rule.items()]
        start = text if not text or text.endswith("\n") else text + end
        extended = start + end.join(lines) + end
        expected = {"version": 1, **content, "map": [*content.get("map", []), rule]}
        try:
            fits = tomllib.loads(extended) == expected
        except ValueError:
            fits = False
        if not fits:
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
        rule["store"] = _GLOB.sub(lambda found: f"[{found[0]}]", store)
    if priority:
        rule["priority"] = priority
    return rule


def _spelled(value: str | int | bool) -> str:  # noqa: FBT001 - a value of TOML
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case _:
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise SchemaFailed(
                    "a pattern cannot hold what is not UTF-8", hint="use * for that part of the key"
                ) from error
            return '"' + _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", value) + '"'


def _replace(path: Path, before: bytes | None, after: bytes) -> None:
    """Put a new file in the place of the old one, unless somebody else has changed it meanwhile."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _NEW_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            file.flush()
            if before is not None:
                found = path.stat()
                with suppress(PermissionError):
                    os.chown(handle, found.st_uid, found.st_gid)
                os.fchmod(handle, stat.S_IMODE(found.st_mode))
            os.fsync(handle)
        _require(path, before)
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def _require(path: Path, content: bytes | None) -> None:
    """Raise if a file is not as it was read."""
    if (path.read_bytes() if path.exists() else None) != content:
        raise SchemaFailed(f"{path} was changed meanwhile; nothing was written", hint="try again")
