"""Constraints from codecs.toml.

::

    [[constraint]]
    name = "replicas"                 # by which it is overridden
    key = "apps/*/deployment"         # or regex = "...", and store = "etcd*", as in [[map]]
    path = "spec.replicas"            # part of the value; without it, all of the value
    minimum = 1
    maximum = 50
    required = true                   # the part must be there

    [[constraint]]
    name = "order"
    key = "orders/*"
    json_schema = "order.schema.json" # a file of JSON or YAML, relative to this one; or the schema itself, as a table
    protovalidate = true              # what buf.validate says in the .proto of the key's message
    enum = ["debug", "info"]          # allowed values
    matches = "^[a-z]+$"              # regular expression that matches somewhere in the text
    min_size = 1                      # bytes of the stored value
    max_size = "64KiB"

A mistake in one constraint leaves the others as they are: it is a problem, and each value of its keys counts as not
checked.
"""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from explorer.codecs.constraints.constraint import Check, Constraint, Constraints
from explorer.codecs.constraints.json_schema import compile_file, compile_pattern, compile_schema
from explorer.codecs.constraints.message_rules import MessageRulesCheck
from explorer.codecs.constraints.value_checks import (
    EnumCheck,
    Number,
    PatternCheck,
    RangeCheck,
    RequiredCheck,
    SizeCheck,
)
from explorer.codecs.constraints.value_path import ValuePath
from explorer.codecs.patterns import Pattern
from explorer.config import TomlTable
from explorer.model.errors import SchemaFailed

ErrorAt = Callable[[int, str, str], SchemaFailed]
"""Makes the error of the n-th constraint, of a message and a hint."""

_KEY_SETTINGS: Final = ("name", "key", "regex", "store", "path")
_CHECK_SETTINGS: Final = (
    "enum",
    "minimum",
    "maximum",
    "matches",
    "min_size",
    "max_size",
    "required",
    "json_schema",
    "protovalidate",
)
_NAME: Final = re.compile(r"[\w.-]{1,64}")
_SIZE: Final = re.compile(r"(\d{1,15})\s*(|B|KiB|MiB)")
_UNITS: Final = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20}
_WHOLE_VALUE_SETTINGS: Final = ("min_size", "max_size", "protovalidate")


def read_constraints(content: object, file: Path, address: str, separator: str, error_at: ErrorAt) -> Constraints:
    """Return the constraints for a store, and the mistakes in their definitions.

    Args:
        content: The list of tables.
        file: The file that it stands in, which paths are relative to.
        address: The redacted address of the store; constraints for other stores are left out.
        separator: The separator of the store's keys.
        error_at: Makes the error of the n-th table, with file and line.

    Raises:
        SchemaFailed: It is no list of tables.
    """
    if not isinstance(content, list):
        raise error_at(1, "constraint must be a list", "write [[constraint]] above each")
    constraints: list[Constraint] = []
    problems: list[str] = []
    for number, settings in enumerate(content, start=1):
        reader = _ConstraintReader(number, file, separator, error_at)
        try:
            table = reader.table(settings)
            if not fnmatchcase(address, table.text("store") or "*"):
                continue
            constraint = reader.read(table)
        except SchemaFailed as error:
            problems.append(_line(error))
            continue
        if any(other.name == constraint.name for other in constraints):
            problems.append(_line(error_at(number, f"two constraints are called {constraint.name}", "rename one")))
        if constraint.problem:
            problems.append(constraint.problem)
        constraints.append(constraint)
    return Constraints(tuple(constraints), tuple(problems))


def key_pattern(table: TomlTable, separator: str) -> Pattern:
    """Return the pattern of keys of a table, which has either `key` or `regex`.

    Raises:
        ExplorerError: It has neither or both, or the pattern is invalid; the table's error.
    """
    key, regex = table.text("key"), table.text("regex")
    if (key is None) == (regex is None):
        raise table.error("a rule needs either key or regex", 'write key = "config/**"')
    try:
        return Pattern.parse(key, separator) if key is not None else Pattern.from_regex(regex or "")
    except SchemaFailed as error:
        raise table.error(error.message, error.hint) from error


def parse_size(size: object) -> int | None:
    """Return the bytes of a size, such as 100 or `8MiB`; None if it is none."""
    match = _SIZE.fullmatch(str(size))
    return None if match is None else int(match[1]) * _UNITS[match[2]]


class _ConstraintReader:
    """Reader of one table; its errors have file and line."""

    def __init__(self, number: int, file: Path, separator: str, error_at: ErrorAt) -> None:
        self._number = number
        self._file = file
        self._separator = separator
        self._error_at = error_at

    def table(self, settings: object) -> TomlTable:
        if not isinstance(settings, dict):
            raise self._error("this must be a table")
        return TomlTable(settings, self._file.parent, self._error)

    def read(self, table: TomlTable) -> Constraint:
        """Return the constraint of a table; a mistake in its checks is its problem.

        Raises:
            SchemaFailed: It has no name, or no pattern of keys.
        """
        name = table.text("name")
        if name is None or not _NAME.fullmatch(name):
            raise self._error("a constraint needs a name of letters, digits, _, - and .", 'write name = "port"')
        pattern = key_pattern(table, self._separator)
        try:
            table.require_known((*_KEY_SETTINGS, *_CHECK_SETTINGS))
            text = table.text("path")
            path = None if text is None else ValuePath.parse(text)
            checks = tuple(self._checks(table, path))
            if not checks:
                hint = f"write one of {', '.join(_CHECK_SETTINGS)}"
                raise self._error(f"the constraint {name} checks nothing", hint)
        except SchemaFailed as error:
            place = str(self._file)
            located = error if error.message.startswith(place) else self._error(error.message, error.hint)
            return Constraint(name, pattern, problem=_line(located))
        return Constraint(name, pattern, checks, path)

    def _checks(self, table: TomlTable, path: ValuePath | None) -> Iterator[Check]:
        settings = table.settings
        for setting in _WHOLE_VALUE_SETTINGS:
            if path is not None and setting in settings:
                raise self._error(
                    f"{setting} is about the whole value, and has no path", "write another [[constraint]]"
                )
        if table.boolean("required"):
            if path is None:
                raise self._error("required needs a path", 'write path = "spec.replicas"')
            yield RequiredCheck()
        if "enum" in settings:
            allowed = settings["enum"]
            if not isinstance(allowed, list) or not allowed:
                raise self._error("enum must be a list of values", 'write enum = ["debug", "info"]')
            yield EnumCheck(tuple(allowed))
        bounds = self._number_in(table, "minimum"), self._number_in(table, "maximum")
        if bounds != (None, None):
            yield RangeCheck(*bounds)
        sizes = self._size(table, "min_size"), self._size(table, "max_size")
        if sizes != (None, None):
            yield SizeCheck(*sizes)
        if (expression := table.text("matches")) is not None:
            yield PatternCheck(expression, compile_pattern(expression))
        if "json_schema" in settings:
            schema = settings["json_schema"]
            if isinstance(schema, dict):
                yield compile_schema(schema, self._file)
            elif (file := table.path("json_schema")) is not None:
                yield compile_file(file)
        if table.boolean("protovalidate"):
            yield MessageRulesCheck()

    def _number_in(self, table: TomlTable, name: str) -> Number | None:
        number = table.settings.get(name)
        if number is None or (isinstance(number, int | float) and not isinstance(number, bool)):
            return number
        raise self._error(f"{name} must be a number", f"write {name} = 10")

    def _size(self, table: TomlTable, name: str) -> int | None:
        size = table.settings.get(name)
        if size is None:
            return None
        parsed = parse_size(size)
        if parsed is None:
            raise self._error(f"{name} {size!r} is not a size", f'write {name} = "64KiB"')
        return parsed

    def _error(self, message: str, hint: str = "") -> SchemaFailed:
        return self._error_at(self._number, message, hint)


def _line(error: SchemaFailed) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message
