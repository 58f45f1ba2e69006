"""JSON Schema, and regular expressions in bounded time, by jsonschema-rs.

Its regular expressions are those of Rust's `regex`, linear in the length of the text; look-around and back references,
which that engine lacks, are refused. No schema is fetched from a network: a `$ref` names a file beside the schema.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote, urlsplit

import yaml

from explorer.codecs.constraints.constraint import (
    MAX_VIOLATIONS,
    CheckedValue,
    UncheckableError,
    parts_of,
    require_no_json,
)
from explorer.codecs.constraints.value_path import Parts, ValuePath
from explorer.codecs.protobuf.protoc import EXTRA_HINT
from explorer.model.errors import SchemaFailed

if TYPE_CHECKING:  # 20 MB that most people do not need
    from jsonschema_rs import JSONType, Validator

MAX_DEPTH: Final = 400
"""Nesting of a value up to which it is checked; the library calls itself for each level."""
_MAX_LISTED_SIZE: Final = 1 << 20
"""Bytes of a value up to which all violations are listed; of a larger one, the first."""
_NO_LOOK_AROUND: Final = "look-around and back references are not supported"


@dataclass(frozen=True, slots=True)
class JsonSchemaCheck:
    """A compiled schema."""

    validator: "Validator"

    def broken(self, value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, str]]:
        """Yield what does not fit the schema.

        Raises:
            InvalidText: The value cannot be decoded.
            UncheckableError: It is nested too deeply.
        """
        is_large = len(value.raw) > _MAX_LISTED_SIZE
        is_guess = path is None and value.is_plain and value.is_detected
        if is_guess:
            require_no_json(value.text)
        for parts, part in parts_of(value, path):
            errors = list(self._errors(to_json(part), first_only=is_large))
            if errors and is_guess:
                other = _scalar(value.text)
                if other is not None:  # plain text may be JSON without quotes: a number, true, null
                    errors = list(self._errors(other[0], first_only=is_large))
            yield from (((*parts, *where), reason) for where, reason in errors)

    def _errors(self, data: "JSONType", *, first_only: bool) -> Iterator[tuple[Parts, str]]:
        if self.validator.is_valid(data):
            return
        from jsonschema_rs import ValidationError  # noqa: PLC0415 - loaded with the first schema

        if not first_only:
            errors = self.validator.iter_errors(data)
            yield from ((tuple(error.instance_path), error.message) for error in islice(errors, MAX_VIOLATIONS))
            return
        try:
            self.validator.validate(data)
        except ValidationError as error:
            yield tuple(error.instance_path), f"{error.message} (the first violation in a large value)"


def compile_file(file: Path) -> JsonSchemaCheck:
    """Return the check of a schema in a file of JSON or YAML.

    Raises:
        SchemaFailed: The file cannot be read, is no schema, or refers to what is not a file.
    """
    return compile_schema(_load_file(file), file)


def compile_schema(schema: object, file: Path) -> JsonSchemaCheck:
    """Return the check of a schema.

    Args:
        schema: The schema.
        file: File that it stands in, which references are relative to.

    Raises:
        SchemaFailed: It is no schema, or refers to what is not a file.
    """
    if not isinstance(schema, dict | bool):
        raise SchemaFailed("a JSON Schema must be an object")
    return JsonSchemaCheck(_validator(cast("dict[str, Any] | bool", schema), file))


def compile_pattern(expression: str) -> Callable[[str], bool]:
    """Return a function that returns whether a text has a match of a regular expression.

    Raises:
        SchemaFailed: It is no regular expression, or one that cannot be matched in linear time.
    """
    try:
        return _validator({"type": "string", "pattern": expression}, Path.cwd()).is_valid
    except SchemaFailed as error:
        if error.hint == EXTRA_HINT:
            raise
        raise SchemaFailed(f"not a regular expression: {expression}", hint=_NO_LOOK_AROUND) from error


def to_json(data: object) -> "JSONType":
    """Return decoded data as JSON has it: bytes in base64, dates in ISO format, names as strings.

    Raises:
        UncheckableError: It is nested too deeply, or is nothing that JSON has.
    """
    return _to_json(data, MAX_DEPTH)


def _to_json(data: object, depth: int) -> "JSONType":
    if depth == 0:
        raise UncheckableError(f"nested more than {MAX_DEPTH} levels deep")
    match data:
        case dict():
            return {_name(name): _to_json(member, depth - 1) for name, member in data.items()}
        case list() | tuple() | set():
            return [_to_json(member, depth - 1) for member in data]
        case bytes():
            return b64encode(data).decode()
        case date():
            return data.isoformat()
        case None | bool() | int() | float() | str():
            return data
        case _:
            raise UncheckableError(f"JSON has no {type(data).__name__}")


def _name(name: object) -> str:
    return str(name).lower() if isinstance(name, bool) else str(name)


def _scalar(text: str) -> tuple["JSONType"] | None:
    """Return the JSON that a plain text is, in a tuple; None if it is none."""
    try:
        return (json.loads(text),)
    except (ValueError, RecursionError):
        return None


def _validator(schema: dict[str, Any] | bool, file: Path) -> "Validator":  # noqa: FBT001 - true is a schema
    try:
        import jsonschema_rs  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SchemaFailed("jsonschema-rs is not installed", hint=EXTRA_HINT) from error
    try:
        return jsonschema_rs.validator_for(
            schema,
            validate_formats=True,
            base_uri=file.resolve().as_uri(),
            retriever=_retrieve,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except jsonschema_rs.ValidationError as error:
        place = "/".join(map(str, error.instance_path))
        hint = _NO_LOOK_AROUND if error.kind.name == "format" else ""
        raise SchemaFailed(f"{f'{place}: ' if place else ''}{_one_line(error.message)}", hint=hint) from error
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise SchemaFailed(_one_line(str(error))) from error


def _retrieve(uri: str) -> "JSONType":
    """Return the schema that a reference names; only files are read."""
    split = urlsplit(uri)
    if split.scheme != "file" or split.netloc:
        raise SchemaFailed(f"{uri} is not a file, and no schema is fetched from a network")
    return cast("Mapping[str, Any]", _load_file(Path(unquote(split.path))))  # type: ignore[return-value] # a schema


def _load_file(file: Path) -> object:
    try:
        text = file.read_text(encoding="utf-8")
        return yaml.load(text, yaml.CSafeLoader) if file.suffix in (".yaml", ".yml") else json.loads(text)
    except OSError as error:
        raise SchemaFailed(f"{file}: {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        raise SchemaFailed(f"{file}, line {error.lineno}: not valid JSON: {error.msg}") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise SchemaFailed(f"{file} is not valid: {_one_line(str(error))}") from error


def _one_line(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())
