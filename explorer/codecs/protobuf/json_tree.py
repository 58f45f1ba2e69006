"""Lossless JSON tree: with repeated names, the digits of numbers, and the offset of each node."""

import json
from collections.abc import Sequence
from typing import TypeAlias, Union

from explorer.codecs.text.json_syntax import JSON_TOKEN, check_json


class JsonNumber(str):
    """Number as written."""

    __slots__ = ()


class JsonObject(tuple[tuple[str, "JsonNode"], ...]):
    """Members of an object in their order; names may repeat."""

    __slots__ = ()


JsonNode: TypeAlias = Union[JsonObject, list["JsonNode"], str, JsonNumber, bool, None]  # noqa: UP007 - a forward name


def parse_json(text: str) -> JsonNode:
    """Return the tree of a JSON text.

    Raises:
        InvalidText: The text is not JSON.
        RecursionError: The text is nested too deeply.
    """
    check_json(text)
    tree: JsonNode = json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber, object_pairs_hook=JsonObject)
    return tree


def kind_name(node: JsonNode) -> str:
    """Return the JSON type of a node with its article."""
    match node:
        case JsonObject():
            return "an object"
        case list():
            return "a list"
        case JsonNumber():
            return "a number"
        case str():
            return "a string"
        case None:
            return "null"
        case _:
            return "a boolean"


def offset(text: str, path: Sequence[int], *, name: bool = False) -> int:
    """Return the offset of a node in its text.

    Args:
        text: JSON.
        path: The index of the member or element at each level, outermost first.
        name: Return the offset of the member's name, not its value.
    """
    target, current = list(path), list[int]()
    is_object: list[bool] = []
    after_name = False
    for token in JSON_TOKEN.finditer(text):
        match token[0]:
            case "]" | "}":
                current.pop()
                is_object.pop()
            case ",":
                current[-1] += 1
                after_name = False
            case ":":
                after_name = True
            case start:
                is_name = bool(is_object) and is_object[-1] and not after_name
                if current == target and is_name is name:
                    return token.start()
                if start in ("{", "["):
                    current.append(0)
                    is_object.append(start == "{")
                    after_name = False
    return 0
