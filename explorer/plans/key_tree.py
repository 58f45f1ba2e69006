"""Entries as a readable tree by the names of their keys, in JSON and YAML.

A name that ends with the separator is a directory; another has a value: a text, or `{"base64": ...}`, in YAML
`!!binary`. So a key and a directory of the same name stand side by side, and nothing is lost.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias, cast

import yaml

from explorer.model.entries import Entry
from explorer.model.errors import InvalidText
from explorer.plans.json_values import Json, from_base64, from_text, load_json, to_base64

Tree: TypeAlias = dict[str, "str | bytes | Tree"]

MAX_DEPTH: Final = 200
"""Maximum number of names in a key of a tree."""
_STR: Final = "tag:yaml.org,2002:str"
_BINARY: Final = "tag:yaml.org,2002:binary"


def tree_to_json(entries: Iterable[Entry], separator: str) -> str:
    """Return the JSON text of a tree."""
    return json.dumps(_tree(entries, separator), indent=2, default=_base64_object) + "\n"


def tree_to_yaml(entries: Iterable[Entry], separator: str) -> str:
    """Return the YAML text of a tree."""
    text: str = yaml.dump(_tree(entries, separator), Dumper=_Dumper, allow_unicode=True, sort_keys=False)
    return text


def tree_from_json(text: str, separator: str) -> Iterator[Entry]:
    """Yield the entries of a JSON tree.

    Raises:
        InvalidText: It is none.
    """
    return _from_tree(load_json(text), separator, "")


def _tree(entries: Iterable[Entry], separator: str) -> Tree:
    root: Tree = {}
    for entry in entries:
        *names, last = entry.key.split(separator)
        node = root
        for name in names:
            node = cast("Tree", node.setdefault(name + separator, {}))
        value = entry.value or b""
        try:
            node[last] = value.decode()
        except UnicodeDecodeError:
            node[last] = value
    return root


def _base64_object(value: object) -> Json:
    if not isinstance(value, bytes):
        raise TypeError(value)
    return {"base64": to_base64(value)}


def _from_tree(node: Json, separator: str, prefix: str, depth: int = 0) -> Iterator[Entry]:
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        raise InvalidText(f"{prefix!r} is no JSON object" if depth <= MAX_DEPTH else "nested too deeply")
    for name, value in node.items():
        key = prefix + name
        if name.endswith(separator):
            yield from _from_tree(value, separator, key, depth + 1)
            continue
        _require_name(name, separator, key)
        match value:
            case str(text):
                yield Entry(key, from_text(text, key), "")
            case {"base64": str(text), **others} if not others:
                yield Entry(key, from_base64(text, key), "")
            case _:
                raise InvalidText(
                    f"the value of {key!r} is no text",
                    hint=_hint(separator),
                )


class _Dumper(yaml.SafeDumper):
    """A dumper that writes texts of several lines as blocks."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_STR, text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def tree_from_yaml(text: str, separator: str) -> Iterator[Entry]:
    """Yield the entries of a YAML tree; every plain scalar is the text as written.

    Raises:
        InvalidText: It is none.
    """
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise InvalidText("aliases are not read", _line(event))
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise InvalidText(f"no YAML: {error.problem}", None if mark is None else mark.line + 1) from error
    except yaml.YAMLError as error:
        raise InvalidText(f"no YAML: {error}") from error
    if root is not None:
        yield from _from_node(root, separator, "")


def _from_node(node: yaml.Node, separator: str, prefix: str, depth: int = 0) -> Iterator[Entry]:
    if not isinstance(node, yaml.MappingNode) or depth > MAX_DEPTH:
        raise InvalidText(f"{prefix!r} is no mapping" if depth <= MAX_DEPTH else "nested too deeply", _line(node))
    for name_node, value in node.value:
        if not isinstance(name_node, yaml.ScalarNode):
            raise InvalidText("a name is no text", _line(name_node))
        key = prefix + name_node.value
        if name_node.value.endswith(separator):
            yield from _from_node(value, separator, key, depth + 1)
            continue
        _require_name(name_node.value, separator, key)
        if not isinstance(value, yaml.ScalarNode):
            raise InvalidText(
                f"the value of {key!r} is no text",
                _line(value),
                hint=_hint(separator),
            )
        is_binary = value.tag == _BINARY
        yield Entry(
            key, from_base64("".join(value.value.split()), key) if is_binary else from_text(value.value, key), ""
        )


def _line(node: yaml.Node | yaml.Event) -> int:
    return 1 if node.start_mark is None else int(node.start_mark.line) + 1


def _require_name(name: str, separator: str, key: str) -> None:
    if separator in name:
        raise InvalidText(f"the name {key!r} has {separator!r} in it", hint="nest it, one name a level")


def _hint(separator: str) -> str:
    return f'quote it, or end the name of a directory with "{separator}"'
