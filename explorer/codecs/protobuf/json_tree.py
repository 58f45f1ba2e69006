"""JSON as a tree that keeps what `json.loads` drops: repeated names, the digits of numbers, and where everything is."""

import json
from collections.abc import Sequence
from typing import TypeAlias, Union

from explorer.codecs.text.json_syntax import JSON_TOKEN, check_json


class JsonNumber(str):
    """A number, as it is written."""

    __slots__ = ()


class JsonObject(tuple[tuple[str, "JsonNode"], ...]):
    """The members of an object in their order; a name may be there twice."""

    __slots__ = ()


JsonNode: TypeAlias = Union[JsonObject, list["JsonNode"], str, JsonNumber, bool, None]  # noqa: UP007 - a forward name


def parse_json(text: str) -> JsonNode:
    """Return the tree of a JSON text.

    Raises:
        InvalidText: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    check_json(text)
    tree: JsonNode = json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber, object_pairs_hook=JsonObject)
    return tree


def kind_name(node: JsonNode) -> str:
    """Return what a node is, with its article."""
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
    """Return where a node begins in its text.

    Args:
        text: JSON.
        path: The index of the member or element at each level, from the outermost.
        name: Return where the member's name begins instead of its value.
    """
    wanted, here = list(path), list[int]()
    objects: list[bool] = []
    after_name = False
    for token in JSON_TOKEN.finditer(text):
        match token[0]:
            case "]" | "}":
                here.pop()
                objects.pop()
            case ",":
                here[-1] += 1
                after_name = False
            case ":":
                after_name = True
            case found:
                is_name = bool(objects) and objects[-1] and not after_name
                if here == wanted and is_name is name:
                    return token.start()
                if found in ("{", "["):
                    here.append(0)
                    objects.append(found == "{")
                    after_name = False
    return 0
