"""Values and documents as JSON, as plans and exports write them."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

from explorer.model.errors import InvalidText

Json: TypeAlias = object
"""Any value of a JSON document."""


def to_base64(value: bytes | None) -> str:
    """Return the base64 text of a value; of none it is empty."""
    return base64.b64encode(value or b"").decode("ascii")


def from_base64(text: Json, key: str) -> bytes:
    """Return the value of a base64 text.

    Raises:
        InvalidText: It is none.
    """
    if not isinstance(text, str):
        raise InvalidText("a value is no text", key=key)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidText("a value is no base64", key=key) from error


def to_text_or_base64(value: bytes | None) -> Mapping[str, str]:
    """Return `{"text": ...}` for UTF-8, and `{"base64": ...}` for other bytes."""
    try:
        return {"text": (value or b"").decode()}
    except UnicodeDecodeError:
        return {"base64": to_base64(value)}


def from_text(text: str, key: str) -> bytes:
    """Return the value of a text.

    Raises:
        InvalidText: It has a lone surrogate, which no UTF-8 has.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidText("a text has a lone surrogate", key=key) from error


def load_json(text: str) -> Json:
    """Return the value of a JSON document.

    Raises:
        InvalidText: It is none, or has a name twice in an object.
    """
    try:
        document: Json = json.loads(text, object_pairs_hook=_unique_members, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise InvalidText(f"no JSON: {error.msg}", error.lineno, error.colno) from error
    except RecursionError as error:
        raise InvalidText("nested too deeply") from error
    return document


def _unique_members(pairs: list[tuple[str, Json]]) -> Mapping[str, Json]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise InvalidText("an object has a field twice")
    return members


def _refuse_constant(text: str) -> NoReturn:
    raise InvalidText(f"{text} is no JSON")
