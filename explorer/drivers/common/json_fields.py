"""Strict JSON parsing: a value of another type than the store's API documents raises ValueError."""

import json
from collections.abc import Mapping
from typing import Final, TypeAlias, cast

Fields: TypeAlias = Mapping[str, object]
"""A JSON object."""

_MAX_NUMBER: Final = 2**64 - 1
_MAX_INDEX: Final = 2**63 - 1
"""Larger than any real index: a watch at a larger position would wait without end."""
_MAX_DIGITS: Final = len(str(_MAX_INDEX))


def parse(body: bytes) -> object:
    """Return the JSON value of a body.

    Raises:
        ValueError: It is not JSON.
    """
    try:
        return json.loads(body)
    except ValueError as error:
        message = "its answer is not JSON"
        raise ValueError(message) from error


def object_of(value: object) -> Fields:
    """Return a value if it is an object."""
    if not isinstance(value, dict):
        message = "a JSON object is missing in its answer"
        raise ValueError(message)  # noqa: TRY004 - input has wrong values, not wrong types
    return cast("Fields", value)


def objects_of(value: object) -> list[Fields]:
    """Return a value if it is a list of objects; an empty list for null."""
    return [object_of(one) for one in _list_of(value)]


def texts_of(value: object) -> list[str]:
    """Return a value if it is a list of strings; an empty list for null."""
    return [text_of(one) for one in _list_of(value)]


def text_of(value: object) -> str:
    """Return a value if it is a string that can be encoded."""
    if not isinstance(value, str):
        message = "a text is missing in its answer"
        raise ValueError(message)  # noqa: TRY004 - see above
    if not value.isascii():
        value.encode()
    return value


def text(fields: Fields, name: str, default: str | None = None) -> str:
    """Return a field if it is a string; the default, if there is one, for null or a missing field."""
    value = fields.get(name)
    return default if value is None and default is not None else text_of(value)


def number(fields: Fields, name: str, default: int | None = None) -> int:
    """Return a field if it is a whole number of 64 bits, likewise."""
    value = fields.get(name)
    if type(value) is int and 0 <= value <= _MAX_NUMBER:
        return value
    if value is None and default is not None:
        return default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not -_MAX_NUMBER <= value <= _MAX_NUMBER:
        message = f"{name} is not a whole number in its answer"
        raise ValueError(message)
    return value


def digits(value: str | None, name: str) -> int:
    """Return the index in a header."""
    if value is None:
        message = f"it answers without {name}"
        raise ValueError(message)
    if not (value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS and int(value) <= _MAX_INDEX):
        message = f"its {name} is not an index"
        raise ValueError(message)
    return int(value)


def _list_of(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        message = "a JSON list is missing in its answer"
        raise ValueError(message)  # noqa: TRY004 - see above
    return value
