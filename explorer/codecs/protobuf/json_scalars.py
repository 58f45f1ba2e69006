"""Scalar values from JSON: stored exactly as written, or refused."""

import re
from base64 import b64decode
from collections.abc import Callable
from typing import Final, TypeVar, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from explorer.codecs.protobuf import numbers
from explorer.codecs.protobuf.json_tree import JsonNode, JsonNumber, kind_name

_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?")
_LAST_OF_2_DIGITS: Final = frozenset("AQgw")
_LAST_OF_3_DIGITS: Final = frozenset("AEIMQUYcgkosw048")
"""Final digits of the last base64 group of 2 or 3 digits; others would have bits that are dropped."""
_URL_SAFE: Final = str.maketrans("-_", "+/")
_NOT_FINITE: Final = ("NaN", "Infinity", "-Infinity")

Value = TypeVar("Value")


class InvalidNodeError(Exception):
    """A node does not match the schema; each level adds its step of the path."""

    def __init__(self, reason: str, *, name: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.name = name
        """True if the member's name is invalid, not its value."""
        self.steps: list[tuple[int, str]] = []
        """Index and label of each level, innermost first."""


def read_scalar(node: JsonNode, one: FieldDescriptor) -> object:
    """Return the value of a scalar field.

    Raises:
        InvalidNodeError: The value would not be stored as it is written.
    """
    try:
        match one.type:
            case FieldDescriptor.TYPE_ENUM:
                return _enum(node, one)
            case FieldDescriptor.TYPE_BOOL:
                if isinstance(node, bool):
                    return node
                raise InvalidNodeError(f"must be true or false, not {kind_name(node)}")
            case FieldDescriptor.TYPE_STRING:
                return _text(_string(node))
            case FieldDescriptor.TYPE_BYTES:
                return _bytes(_string(node))
            case FieldDescriptor.TYPE_FLOAT | FieldDescriptor.TYPE_DOUBLE:
                if node in _NOT_FINITE:
                    return float(node)
                return numbers.real(_number(node), single=one.type == FieldDescriptor.TYPE_FLOAT)
            case _:
                return numbers.integer(_number(node), numbers.INTEGERS[one.type])
    except ValueError as error:
        raise InvalidNodeError(str(error)) from None


def _enum(node: JsonNode, one: FieldDescriptor) -> int:
    if node is None:
        return 0  # only NullValue accepts null
    text = _text(node) if isinstance(node, str) else ""
    kind = cast("EnumDescriptor", one.enum_type)
    if text in kind.values_by_name and not isinstance(node, JsonNumber):
        return int(kind.values_by_name[text].number)
    if not numbers.is_number(text):
        raise InvalidNodeError(f"is not a value of {kind.full_name}" + ("" if text else f", but {kind_name(node)}"))
    number = numbers.integer(text, "int32")
    if kind.is_closed and number not in kind.values_by_number:
        raise InvalidNodeError(f"is not a value of {kind.full_name}, which is closed")
    return number


def read_key(name: str, one: FieldDescriptor) -> bool | int | str:
    """Return the map key of a member's name.

    Raises:
        InvalidNodeError: The name is not a valid key.
    """
    match one.type:
        case FieldDescriptor.TYPE_STRING:
            return _text(name)
        case FieldDescriptor.TYPE_BOOL:
            if name in ("true", "false"):
                return name == "true"
            raise InvalidNodeError("is a key that must be true or false", name=True)
        case _:
            try:
                return numbers.integer(_number(name), numbers.INTEGERS[one.type])
            except ValueError as error:
                raise InvalidNodeError(f"is a key that {error}", name=True) from None


def _number(node: JsonNode) -> str:
    if isinstance(node, str) and numbers.is_number(node):
        return node
    raise ValueError(f"must be a number, not {kind_name(node)}")


def _string(node: JsonNode) -> str:
    if isinstance(node, str) and not isinstance(node, JsonNumber):
        return node
    raise InvalidNodeError(f"must be a string, not {kind_name(node)}")


def surrogate_problem(text: str) -> str | None:
    """Return the reason why a string with a lone surrogate cannot be stored, or None."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"has a lone surrogate: {text[error.start]!a}"
    return None


def _text(text: str) -> str:
    if (problem := surrogate_problem(text)) is not None:
        raise InvalidNodeError(problem)
    return text


def _bytes(text: str) -> bytes:
    digits = text.rstrip("=")
    last = {2: _LAST_OF_2_DIGITS, 3: _LAST_OF_3_DIGITS}.get(len(digits) % 4)
    if not _BASE64.fullmatch(text) or (last is not None and digits[-1].translate(_URL_SAFE) not in last):
        raise InvalidNodeError("is not base64")
    return b64decode(digits.translate(_URL_SAFE) + "=" * (-len(digits) % 4))


def read_notation(node: JsonNode, parse: Callable[[str], Value]) -> Value:
    """Return the value of a string in a notation such as RFC 3339.

    Raises:
        InvalidNodeError: The node is not a string, or not in this notation.
    """
    try:
        return parse(_text(_string(node)))
    except ValueError as error:
        raise InvalidNodeError(str(error)) from None
