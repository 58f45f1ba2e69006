"""Layout of cn-infra's FileDB: a list `data` of items, each with a key and a value that is any JSON."""

import json
from collections.abc import Sequence

from explorer.drivers.files.table.layout import KeyPlace, KeyPlaces, Layout
from explorer.model.errors import InvalidKey, InvalidText
from explorer.model.sanitize import pluralize
from explorer.syntax.base import FileSyntax, ValueKind, ValueMember, ValueNode


class FileDbLayout(Layout):
    """Keys are the texts under `key`, values the JSON under `value`."""

    has_directories = False

    def places(self, text: str, syntax: FileSyntax, root: ValueNode) -> KeyPlaces:
        found, data = KeyPlaces(), _data(root)
        without = 0
        for index, item in enumerate(data.members):
            key, value = _member(item.node, "key"), _member(item.node, "value")
            name = None if key is None else _text(syntax, text, key.node)
            if name is None or value is None:
                without += 1
            else:
                found.add(name, KeyPlace(data, index, value.node))
        if without:
            found.complaints.append(f"{pluralize(without, 'item')} of data without a key and a value")
        return found

    def create(self, text: str, syntax: FileSyntax, root: ValueNode, created: Sequence[tuple[str, str]]) -> str:
        items = []
        for key, value in created:
            try:
                key.encode()
            except UnicodeEncodeError as error:
                raise InvalidKey("a key in this layout is UTF-8 text", hint="choose another key") from error
            items.append(("", f'{{"key": {json.dumps(key, ensure_ascii=False)}, "value": {value}}}'))
        return syntax.extended(text, _data(root), items)


def _data(root: ValueNode) -> ValueNode:
    """Return the list of items.

    Raises:
        InvalidText: There is none.
    """
    data = _member(root, "data")
    if data is None or data.node.kind is not ValueKind.ARRAY:
        raise InvalidText('no file of FileDB: it has no list "data"', hint="?layout=document shows any file")
    return data.node


def _member(node: ValueNode, name: str) -> ValueMember | None:
    """Return a member of an object; the last of several."""
    if node.kind is not ValueKind.OBJECT:
        return None
    return next((member for member in reversed(node.members) if member.name == name), None)


def _text(syntax: FileSyntax, text: str, node: ValueNode) -> str | None:
    """Return the text of a string; None if the node is none that can be a key."""
    if node.kind is not ValueKind.SCALAR:
        return None
    value = json.loads(syntax.value(text, node))
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value
