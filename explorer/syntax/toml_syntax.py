"""TOML, edited by tomlkit, which keeps comments and layout. Values are shown and taken as TOML."""

from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Final, TypeAlias, cast

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError
from tomlkit.items import Item

from explorer.model.errors import InvalidText
from explorer.syntax.base import MAX_DEPTH, FileSyntax, ValueKind, ValueMember, ValueNode

_Container: TypeAlias = "MutableMapping[str, object] | MutableSequence[object]"
_Path: TypeAlias = tuple[str | int, ...]
_UNFAITHFUL: Final = "this file cannot be written without changing its layout elsewhere"


class TomlSyntax(FileSyntax):
    """TOML 1.0."""

    def parse(self, text: str) -> ValueNode:
        return _node(_load(text), ())

    def value(self, text: str, node: ValueNode) -> str:
        del text
        source = node.source
        if not isinstance(source, _Scalar):
            raise InvalidText("not a scalar")
        return source.text

    def check(self, value: str) -> None:
        _parse_value(value)

    def check_scalar(self, value: str) -> None:
        if isinstance(_parse_value(value), Mapping | list):
            raise InvalidText("a table or array is a directory here", hint="write its values to keys of their own")

    def is_same(self, one: str, other: str) -> bool:
        return _text(_parse_value(one)) == _text(_parse_value(other))

    def nested(self, name: str, value: str) -> str:
        table = tomlkit.inline_table()
        table.append(name, _parse_value(value))
        return table.as_string()

    def edited(
        self,
        text: str,
        replaced: Sequence[tuple[ValueNode, str]],
        removed: Sequence[tuple[ValueNode, Sequence[int]]],
    ) -> str:
        document = _faithful(text)
        for node, value in replaced:
            path = cast("_Scalar", node.source).path
            _set(_at(document, path[:-1]), path[-1], _parse_value(value))
        for node, indexes in removed:
            container = _at(document, cast("_Path", node.source))
            for index in sorted(indexes, reverse=True):
                if isinstance(container, MutableMapping):
                    del container[node.members[index].name]
                else:
                    del container[index]
        return _dump(document)

    def extended(self, text: str, node: ValueNode, members: Sequence[tuple[str, str]]) -> str:
        document = _faithful(text)
        container = _at(document, cast("_Path", node.source))
        for name, value in members:
            if isinstance(container, MutableMapping):
                container[name] = _parse_value(value)
            else:
                container.append(_parse_value(value))
        return _dump(document)


class _Scalar:
    """A value that is neither a table nor an array."""

    __slots__ = ("path", "text")

    def __init__(self, path: _Path, text: str) -> None:
        self.path, self.text = path, text


def _load(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except ParseError as error:
        reason = str(error).partition(" at line ")[0]
        raise InvalidText(f"not valid TOML: {reason}", error.line, error.col + 1) from error
    except (TOMLKitError, ValueError) as error:
        raise InvalidText(f"not valid TOML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise InvalidText("not valid TOML: nested too deeply") from error


def _faithful(text: str) -> tomlkit.TOMLDocument:
    """Return the document of a text that is written as it was read.

    Raises:
        InvalidText: It would not be.
    """
    document = _load(text)
    if _dump(document) != text:
        raise InvalidText(_UNFAITHFUL, hint="edit the file itself")
    return document


def _dump(document: tomlkit.TOMLDocument) -> str:
    try:
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError) as error:
        raise InvalidText(f"{_UNFAITHFUL}: {error}") from error


def _parse_value(text: str) -> Item:
    """Return the item of one value.

    Raises:
        InvalidText: The text is none, or more than one.
    """
    document = _load(f"x = {text.strip()}\n")
    item = document.item("x") if list(document) == ["x"] else None
    if not isinstance(item, Item):
        raise InvalidText("not one TOML value")
    if item.trivia.comment:
        raise InvalidText("not valid TOML: a comment is no part of a value")
    return item


def _text(item: object) -> str:
    return item.as_string() if isinstance(item, Item) else str(item)


def _node(value: object, path: _Path) -> ValueNode:
    if len(path) > MAX_DEPTH:
        raise InvalidText(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        members = [ValueMember(str(name), 0, _node(each, (*path, str(name)))) for name, each in value.items()]
        return ValueNode(ValueKind.OBJECT, 0, 0, members, source=path)
    if isinstance(value, list):
        members = [ValueMember(str(index), 0, _node(each, (*path, index))) for index, each in enumerate(value)]
        return ValueNode(ValueKind.ARRAY, 0, 0, members, source=path)
    text = value.as_string() if isinstance(value, Item) else str(value).lower()
    return ValueNode(ValueKind.SCALAR, 0, 0, source=_Scalar(path, text))


def _at(document: tomlkit.TOMLDocument, path: _Path) -> _Container:
    found: object = document
    for name in path:
        found = cast("Mapping[str | int, object]", found)[name]
    return cast("_Container", found)


def _set(container: _Container, name: str | int, item: Item) -> None:
    cast("MutableMapping[str | int, object]", container)[name] = item
