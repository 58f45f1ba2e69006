"""Values of fields that are no messages, read from JSON exactly or refused."""

import re
from base64 import b64decode
from collections.abc import Callable
from typing import Final, TypeVar, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from explorer.codecs.protobuf import numbers
from explorer.codecs.protobuf.json_tree import JsonNode, JsonNumber, kind_name

_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?")
_LAST_OF_TWO: Final = frozenset("AQgw")
_LAST_OF_THREE: Final = frozenset("AEIMQUYcgkosw048")
"""What a last group of base64 may end with, so that no bit of it stands for nothing."""
_URL_SAFE: Final = str.maketrans("-_", "+/")
_NOT_FINITE: Final = ("NaN", "Infinity", "-Infinity")

Found = TypeVar("Found")


class RefusedError(Exception):
    """A node is not what the schema wants; the way to it is added while the error goes up."""

    def __init__(self, reason: str, *, name: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.name = name
        """Whether it is about a member's name, not about its value."""
        self.steps: list[tuple[int, str]] = []
        """Index and label of each level, from the innermost."""


def read_scalar(node: JsonNode, one: FieldDescriptor) -> object:
    """Return the value of a field that is no message.

    Raises:
        RefusedError: It would not be stored as it is written.
    """
    try:
        match one.type:
            case FieldDescriptor.TYPE_ENUM:
                return _enum(node, one)
            case FieldDescriptor.TYPE_BOOL:
                if isinstance(node, bool):
                    return node
                raise RefusedError(f"is not true or false but {kind_name(node)}")
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
        raise RefusedError(str(error)) from None


def _enum(node: JsonNode, one: FieldDescriptor) -> int:
    if node is None:
        return 0  # of NullValue, which alone gets here
    text = _text(node) if isinstance(node, str) else ""
    kind = cast("EnumDescriptor", one.enum_type)
    if text in kind.values_by_name and not isinstance(node, JsonNumber):
        return int(kind.values_by_name[text].number)
    if not numbers.is_number(text):
        raise RefusedError(f"is not a value of {kind.full_name}" + ("" if text else f" but {kind_name(node)}"))
    number = numbers.integer(text, "int32")
    if kind.is_closed and number not in kind.values_by_number:
        raise RefusedError(f"is not a value of {kind.full_name}, which is closed")
    return number


def read_key(name: str, one: FieldDescriptor) -> bool | int | str:
    """Return the key of a map that a member's name stands for.

    Raises:
        RefusedError: It is none.
    """
    match one.type:
        case FieldDescriptor.TYPE_STRING:
            return _text(name)
        case FieldDescriptor.TYPE_BOOL:
            if name in ("true", "false"):
                return name == "true"
            raise RefusedError("is a key that is neither true nor false", name=True)
        case _:
            try:
                return numbers.integer(_number(name), numbers.INTEGERS[one.type])
            except ValueError as error:
                raise RefusedError(f"is a key that {error}", name=True) from None


def _number(node: JsonNode) -> str:
    if isinstance(node, str) and numbers.is_number(node):
        return node
    raise ValueError(f"is not a number but {kind_name(node)}")


def _string(node: JsonNode) -> str:
    if isinstance(node, str) and not isinstance(node, JsonNumber):
        return node
    raise RefusedError(f"is not a string but {kind_name(node)}")


def half_of_a_pair(text: str) -> str | None:
    """Return why a string cannot be stored; None if it can."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"holds {text[error.start]!a}, half of a surrogate pair, which is no text"
    return None


def _text(text: str) -> str:
    if (half := half_of_a_pair(text)) is not None:
        raise RefusedError(half)
    return text


def _bytes(text: str) -> bytes:
    digits = text.rstrip("=")
    last = {2: _LAST_OF_TWO, 3: _LAST_OF_THREE}.get(len(digits) % 4)
    if not _BASE64.fullmatch(text) or (last is not None and digits[-1].translate(_URL_SAFE) not in last):
        raise RefusedError("is not base64")
    return b64decode(digits.translate(_URL_SAFE) + "=" * (-len(digits) % 4))


def read_worded(node: JsonNode, parse: Callable[[str], Found]) -> Found:
    """Return what a string stands for in a notation of its own.

    Raises:
        RefusedError: It is no string, or not in this notation.
    """
    try:
        return parse(_text(_string(node)))
    except ValueError as error:
        raise RefusedError(str(error)) from None
