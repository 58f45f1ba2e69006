"""Schemas, rules and limits from `keyscope/codecs.toml` in the settings folder.

::

    version = 1

    [schemas.net]
    paths = ["proto"]                 # .proto files, descriptor sets, *_pb2.py, or folders; relative to this file
    import_paths = ["third_party"]    # as -I of protoc

    [limits]
    max_value = "8MiB"
    max_elements = 10_000

    [[preset]]
    name = "patroni"                  # as in keyscope codecs list
    root = "/db"                      # prefix of its keys, if it is not the usual one
    store = "etcd*"                   # only for addresses that match

    [[map]]
    key = "/pd/{cluster}/raft/s/{id:digits}"
    type = "metapb.Store"

    [[map]]
    regex = "^cache:"
    codec = "json"
    store = "redis*"                  # only for addresses that match
    priority = 10
    editable = false
    indented = false                  # JSON and YAML as stored; true for one element a line

    [[constraint]]                    # a rule for values; see constraints/settings.py
    name = "port"
    key = "config/*/port"
    minimum = 1
    maximum = 65535
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple, cast, get_args

from explorer.codecs.base import Choice, Codec, Form, Limits
from explorer.codecs.constraints.constraint import Constraints
from explorer.codecs.constraints.settings import key_pattern, parse_size, read_constraints
from explorer.codecs.presets import Preset, find_preset
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import SchemaSet
from explorer.codecs.rules import Rule, Rules
from explorer.config import TomlTable
from explorer.model.errors import SchemaFailed

_VERSION: Final = 1
_TOP_SETTINGS: Final = ("version", "schemas", "limits", "preset", "map", "constraint")
_PRESET_SETTINGS: Final = ("name", "root", "store")
_SCHEMA_SETTINGS: Final = ("paths", "import_paths")
_LIMIT_SETTINGS: Final = ("max_value", "max_elements")
_RULE_SETTINGS: Final = ("key", "regex", "store", "codec", "type", "schema", "form", "indented", "priority", "editable")


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """Contents of the file for one store."""

    schemas: tuple[SchemaSet, ...] = ()
    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)
    presets: tuple[Preset, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)


def read(file: Path, address: str = "", separator: str = "/", cache: Path | None = None) -> CodecSettings:
    """Return the settings for a store.

    Args:
        file: A TOML file.
        address: The redacted address of the store; rules for other stores are left out.
        separator: The separator of the store's keys, which patterns are split at.
        cache: The folder for compiled schemas.

    Raises:
        SchemaFailed: The file or a schema in it is invalid; the message has file and line.
        OSError: The file cannot be read.
    """
    try:
        text = file.read_bytes().decode()
        content = tomllib.loads(text)
    except ValueError as error:  # not TOML or not UTF-8; TOML's message has line and column
        raise SchemaFailed(f"{file} is not valid TOML: {error}") from error
    return _SettingsReader(file, text).settings(content, address, separator, cache)


class _Anchor(NamedTuple):
    """The place of a setting in the file: the n-th match of a pattern."""

    pattern: str
    number: int = 1


_START: Final = _Anchor(r"\A")
_LIMITS_ANCHOR: Final = _Anchor(r"^\s*\[limits\]")


def _list_anchor(name: str, number: int) -> _Anchor:
    """Return the anchor of the n-th `[[name]]`."""
    return _Anchor(rf"^[^\S\n]*\[\[\s*{name}\s*\]\]", number)


@dataclass(frozen=True, slots=True)
class _SettingsReader:
    """Reader of one file; its errors have the line."""

    file: Path
    text: str

    def settings(
        self, content: Mapping[str, object], address: str, separator: str, cache: Path | None
    ) -> CodecSettings:
        top = self._table(content, _START)
        top.require_known(_TOP_SETTINGS)
        if content.get("version") != _VERSION:
            raise self._error(
                _Anchor(r"^\s*version\b"), f"version is not {_VERSION}", hint=f"write version = {_VERSION}"
            )
        schemas = [
            schema_set
            for name, table in top.table("schemas").items()
            for schema_set in self._schema_sets(name, table, cache)
        ]
        return CodecSettings(
            tuple(schemas),
            Rules(
                tuple(
                    self._rule(number, table, separator)
                    for number, table in self._tables(content, "map", _RULE_SETTINGS, address)
                )
            ),
            self._limits(top.table("limits")),
            tuple(
                self._preset(number, table)
                for number, table in self._tables(content, "preset", _PRESET_SETTINGS, address)
            ),
            read_constraints(
                content.get("constraint", []),
                self.file,
                address,
                separator,
                lambda number, message, hint: self._error(_list_anchor("constraint", number), message, hint=hint),
            ),
        )

    def _tables(
        self, content: Mapping[str, object], name: str, known: Sequence[str], address: str
    ) -> Iterator[tuple[int, TomlTable]]:
        """Yield the tables of a list that are for a store, with their numbers."""
        tables = content.get(name, [])
        if not isinstance(tables, list):
            raise self._error(_Anchor(rf"^\s*{name}\b"), f"{name} must be a list", hint=f"write [[{name}]] above each")
        for number, found in enumerate(tables, start=1):
            table = self._table(found, _list_anchor(name, number))
            table.require_known(known)
            if fnmatchcase(address, table.text("store") or "*"):
                yield number, table

    def _preset(self, number: int, table: TomlTable) -> Preset:
        try:
            preset = find_preset(table.text("name") or "")
        except SchemaFailed as error:
            raise self._error(_list_anchor("preset", number), error.message, hint=error.hint) from error
        return replace(preset, root=table.text("root") or preset.root)

    def _schema_sets(self, name: str, content: object, cache: Path | None) -> list[SchemaSet]:
        anchor = _Anchor(rf"^\s*\[schemas\.\W?{re.escape(name)}\W?\]")
        table = self._table(content, anchor)
        table.require_known(_SCHEMA_SETTINGS)
        paths = table.paths("paths")
        if not paths:
            raise self._error(anchor, f"schema {name!r} has no paths", hint='write paths = ["file.proto"]')
        try:
            return load(paths, table.paths("import_paths"), cache=cache, name=name)
        except SchemaFailed as error:
            raise self._error(anchor, f"schema {name!r}: {error.message}", hint=error.hint) from error

    def _rule(self, number: int, table: TomlTable, separator: str) -> Rule:
        anchor = _list_anchor("map", number)
        pattern = key_pattern(table, separator)
        priority = table.settings.get("priority", 0)
        if isinstance(priority, bool) or not isinstance(priority, int):
            raise self._error(anchor, "priority must be an integer", hint="write priority = 10")
        name = f"rule {number} of {self.file.name}"
        return Rule(pattern, self._choice(table, anchor), name, priority, table.boolean("editable", default=True))

    def _choice(self, table: TomlTable, anchor: _Anchor) -> Choice:
        message_type = table.text("type")
        codec = self._one_of(table, "codec", get_args(Codec), anchor) or ("protobuf" if message_type else None)
        form = self._one_of(table, "form", get_args(Form), anchor) or "text"
        if codec is None or (codec == "protobuf" and message_type is None):
            raise self._error(anchor, "a rule needs codec or type", hint='write type = "package.Message"')
        indented = table.boolean("indented") if "indented" in table.settings else None
        return Choice(cast("Codec", codec), message_type, cast("Form", form), table.text("schema"), indented)

    def _limits(self, content: Mapping[str, object]) -> Limits:
        anchor = _LIMITS_ANCHOR
        self._table(content, anchor).require_known(_LIMIT_SETTINGS)
        limits = Limits()
        if (size := content.get("max_value")) is not None:
            value = parse_size(size)
            if value is None:
                raise self._error(anchor, f"max_value {size!r} is not a size", hint='write max_value = "8MiB"')
            limits = replace(
                limits,
                max_value=value,
                max_hex_value=min(value, limits.max_hex_value),
                max_shown=max(value, limits.max_shown),
            )
        if (count := content.get("max_elements")) is not None:
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise self._error(anchor, "max_elements must be a positive integer", hint="write max_elements = 10_000")
            limits = replace(limits, max_elements=count)
        return limits

    def _table(self, content: object, anchor: _Anchor) -> TomlTable:
        if not isinstance(content, dict):
            raise self._error(anchor, "this must be a table")
        return TomlTable(content, self.file.parent, lambda message, hint: self._error(anchor, message, hint=hint))

    def _one_of(self, table: TomlTable, name: str, known: Sequence[str], anchor: _Anchor) -> str | None:
        value = table.text(name)
        if value is not None and value not in known:
            raise self._error(anchor, f"unknown {name} {value!r}", hint=f"known are {', '.join(known)}")
        return value

    def _error(self, anchor: _Anchor, message: str, *, hint: str = "") -> SchemaFailed:
        matches = list(re.finditer(anchor.pattern, self.text, re.MULTILINE))[: anchor.number]
        end = matches[-1].end() if matches else 0
        return SchemaFailed(f"{self.file}, line {self.text.count(chr(10), 0, end) + 1}: {message}", hint=hint)
