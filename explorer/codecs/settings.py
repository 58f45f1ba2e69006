"""The file that says which key holds what: `keyscope/codecs.toml` in the folder for settings.

::

    version = 1

    [schemas.net]
    paths = ["proto"]                 # .proto files, descriptor sets, *_pb2.py, or folders; relative to this file
    import_paths = ["third_party"]    # as -I of the compiler

    [limits]
    max_value = "8MiB"
    max_elements = 10_000

    [[map]]
    key = "/pd/{cluster}/raft/s/{id:digits}"
    type = "metapb.Store"

    [[map]]
    regex = "^cache:"
    codec = "json"
    store = "redis*"                  # only where the address begins so
    priority = 10
    editable = false
    indented = false                  # JSON and YAML as stored; true for one element a line
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple, cast, get_args

from explorer.codecs.base import Choice, Codec, Form, Limits
from explorer.codecs.patterns import Pattern
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import SchemaSet
from explorer.codecs.rules import Rule, Rules
from explorer.model.errors import SchemaFailed

_VERSION: Final = 1
_TOP: Final = ("version", "schemas", "limits", "map")
_SCHEMA: Final = ("paths", "import_paths")
_LIMITS: Final = ("max_value", "max_elements")
_RULE: Final = ("key", "regex", "store", "codec", "type", "schema", "form", "indented", "priority", "editable")
_SIZE: Final = re.compile(r"(\d+)\s*(|B|KiB|MiB)")
_UNITS: Final = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20}


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """What the file says, for one store."""

    schemas: tuple[SchemaSet, ...] = ()
    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)


def read(file: Path, address: str = "", separator: str = "/", cache: Path | None = None) -> CodecSettings:
    """Read the file for a store.

    Args:
        file: A TOML file.
        address: The store's address as it is shown; rules for others are left out.
        separator: What the store splits its keys at, which is what patterns are split at.
        cache: A folder in which compiled schemas are kept.

    Raises:
        SchemaFailed: The file or a schema in it cannot be understood; the message names file and line.
        OSError: It cannot be read.
    """
    try:
        text = file.read_bytes().decode()
        content = tomllib.loads(text)
    except ValueError as error:  # no TOML, or no UTF-8; TOML's message names line and column
        raise SchemaFailed(f"{file} is no TOML: {error}") from error
    return _Reader(file, text).settings(content, address, separator, cache)


class _Place(NamedTuple):
    """Where in the file something is said: at the match of a pattern that has this number."""

    pattern: str
    number: int = 1


_START: Final = _Place(r"\A")
_LIMITS_PLACE: Final = _Place(r"^\s*\[limits\]")


def _rule_place(number: int) -> _Place:
    return _Place(r"^[^\S\n]*\[\[\s*map\s*\]\]", number)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file, and knows where in it things stand."""

    file: Path
    text: str

    def settings(
        self, content: Mapping[str, object], address: str, separator: str, cache: Path | None
    ) -> CodecSettings:
        self._known(content, _TOP, _START)
        if content.get("version") != _VERSION:
            raise self._wrong(
                _Place(r"^\s*version\b"), f"version is not {_VERSION}", hint=f"write version = {_VERSION}"
            )
        schemas = [
            found
            for name, table in self._table(content, "schemas", _START).items()
            for found in self._schema(name, table, cache)
        ]
        rules = content.get("map", [])
        if not isinstance(rules, list):
            raise self._wrong(_Place(r"^\s*map\b"), "map is not a list", hint="write [[map]] above each rule")
        return CodecSettings(
            tuple(schemas),
            Rules(
                tuple(
                    self._rule(number, table, separator)
                    for number, table in enumerate(rules, start=1)
                    if fnmatchcase(address, self._store(number, table))
                )
            ),
            self._limits(self._table(content, "limits", _LIMITS_PLACE)),
        )

    def _schema(self, name: str, table: object, cache: Path | None) -> list[SchemaSet]:
        place = _Place(rf"^\s*\[schemas\.\W?{re.escape(name)}\W?\]")
        settings = self._checked(table, _SCHEMA, place)
        paths = self._paths(settings, "paths", place)
        if not paths:
            raise self._wrong(place, f"schema {name!r} names no files", hint='write paths = ["file.proto"]')
        try:
            return load(paths, self._paths(settings, "import_paths", place), cache=cache, name=name)
        except SchemaFailed as error:
            raise self._wrong(place, f"schema {name!r}: {error.message}", hint=error.hint) from error

    def _store(self, number: int, table: object) -> str:
        place = _rule_place(number)
        return self._text(self._checked(table, _RULE, place), "store", place) or "*"

    def _rule(self, number: int, table: object, separator: str) -> Rule:
        place = _rule_place(number)
        settings = self._checked(table, _RULE, place)
        key, regex = self._text(settings, "key", place), self._text(settings, "regex", place)
        if (key is None) == (regex is None):
            raise self._wrong(place, "a rule has either a key or a regex", hint='write key = "config/**"')
        try:
            pattern = Pattern.make(key, separator) if key is not None else Pattern.regex(regex or "")
        except SchemaFailed as error:
            raise self._wrong(place, error.message, hint=error.hint) from error
        priority, editable = settings.get("priority", 0), settings.get("editable", True)
        if isinstance(priority, bool) or not isinstance(priority, int):
            raise self._wrong(place, "priority is not a whole number")
        if not isinstance(editable, bool):
            raise self._wrong(place, "editable is neither true nor false")
        return Rule(pattern, self._choice(settings, place), f"rule {number} of {self.file.name}", priority, editable)

    def _choice(self, settings: Mapping[str, object], place: _Place) -> Choice:
        kind, schema = self._text(settings, "type", place), self._text(settings, "schema", place)
        codec = self._one_of(settings, "codec", get_args(Codec), place) or ("protobuf" if kind else None)
        form = self._one_of(settings, "form", get_args(Form), place) or "text"
        if codec is None or (codec == "protobuf" and kind is None):
            raise self._wrong(place, "a rule says neither codec nor type", hint='write type = "package.Message"')
        indented = settings.get("indented")
        if not isinstance(indented, bool | None):
            raise self._wrong(place, "indented is neither true nor false")
        return Choice(cast("Codec", codec), kind, cast("Form", form), schema, indented)

    def _limits(self, settings: Mapping[str, object]) -> Limits:
        place = _LIMITS_PLACE
        self._known(settings, _LIMITS, place)
        limits = Limits()
        if (size := settings.get("max_value")) is not None:
            found = _SIZE.fullmatch(str(size))
            if found is None:
                raise self._wrong(place, f"max_value {size!r} is no size", hint='write max_value = "8MiB"')
            value = int(found[1]) * _UNITS[found[2]]
            limits = replace(limits, value=value, dump=min(value, limits.dump), shown=max(value, limits.shown))
        if (count := settings.get("max_elements")) is not None:
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise self._wrong(place, f"max_elements {count!r} is no number of elements")
            limits = replace(limits, elements=count)
        return limits

    # What a setting may be

    def _checked(self, table: object, known: Sequence[str], place: _Place) -> Mapping[str, object]:
        if not isinstance(table, dict):
            raise self._wrong(place, "this is not a table")
        self._known(table, known, place)
        return table

    def _known(self, table: Mapping[str, object], known: Sequence[str], place: _Place) -> None:
        for name in table:
            if name not in known:
                raise self._wrong(place, f"unknown setting {name!r}", hint=f"known are {', '.join(known)}")

    def _table(self, content: Mapping[str, object], name: str, place: _Place) -> Mapping[str, object]:
        table = content.get(name, {})
        if not isinstance(table, dict):
            raise self._wrong(place, f"{name} is not a table")
        return table

    def _text(self, settings: Mapping[str, object], name: str, place: _Place) -> str | None:
        text = settings.get(name)
        if text is not None and not (isinstance(text, str) and text):
            raise self._wrong(place, f"{name} is not a text", hint=f'write {name} = "..."')
        return text

    def _one_of(self, settings: Mapping[str, object], name: str, known: Sequence[str], place: _Place) -> str | None:
        word = self._text(settings, name, place)
        if word is not None and word not in known:
            raise self._wrong(place, f"unknown {name} {word!r}", hint=f"known are {', '.join(known)}")
        return word

    def _paths(self, settings: Mapping[str, object], name: str, place: _Place) -> list[Path]:
        texts = settings.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise self._wrong(place, f"{name} is not a list of texts", hint=f'write {name} = ["..."]')
        return [self.file.parent / Path(text).expanduser() for text in texts]

    def _wrong(self, place: _Place, what: str, *, hint: str = "") -> SchemaFailed:
        found = list(re.finditer(place.pattern, self.text, re.MULTILINE))[: place.number]
        at = found[-1].end() if found else 0
        return SchemaFailed(f"{self.file}, line {self.text.count(chr(10), 0, at) + 1}: {what}", hint=hint)
