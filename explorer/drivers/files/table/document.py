"""Layout of one document as a tree: objects and arrays are directories, all other values are keys.

Names are written as in a JSON pointer (RFC 6901): `~1` is a slash and `~0` a tilde. A name that is empty is `~`, and
the names `.` and `..` are `~.` and `~..`, which would not be names of a path otherwise.
"""

import re
from collections.abc import Sequence
from typing import Final

from explorer.drivers.files.table.layout import KeyPlace, KeyPlaces, Layout
from explorer.model.errors import InvalidKey, InvalidText
from explorer.syntax.base import FileSyntax, ValueKind, ValueNode

_ESCAPED: Final = re.compile("~(.?)", re.DOTALL)
_DOTTED: Final = {"": "~", ".": "~.", "..": "~.."}
_NAMES: Final = {escaped: name for name, escaped in _DOTTED.items()}


def escape_name(name: str) -> str:
    """Return a name as it stands in a key.

    >>> escape_name("a/b"), escape_name("")
    ('a~1b', '~')
    """
    return _DOTTED.get(name, name.replace("~", "~0").replace("/", "~1"))


def unescape_name(text: str) -> str:
    """Return the name that stands in a key.

    Raises:
        InvalidKey: It is no name.
    """
    if text in _NAMES:
        return _NAMES[text]
    if text in _DOTTED:
        raise InvalidKey(
            "an empty name, . or .. is no name of a path", hint="the names themselves are written ~, ~. and ~.."
        )
    return _ESCAPED.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    match found[1]:
        case "0":
            return "~"
        case "1":
            return "/"
        case _:
            raise InvalidKey(f"{found[0]!r} is no escape", hint="write ~0 for ~ and ~1 for /")


class DocumentLayout(Layout):
    """Keys are the paths of values."""

    has_directories = True

    def places(self, text: str, syntax: FileSyntax, root: ValueNode) -> KeyPlaces:
        del text, syntax
        if root.kind is ValueKind.SCALAR:
            raise InvalidText("the document is a single value, which has no keys")
        found, pending = KeyPlaces(), [("", root)]
        while pending:
            above, node = pending.pop()
            for index, member in enumerate(node.members):
                if not _is_text(member.name):
                    found.complaints.append(f"a name below {above or 'the top'} has half a character")
                    continue
                key = above + (escape_name(member.name) if node.kind is ValueKind.OBJECT else member.name)
                found.add(key, KeyPlace(node, index, member.node))
                if member.node.kind is not ValueKind.SCALAR:
                    pending.append((f"{key}/", member.node))
        return found

    def create(self, text: str, syntax: FileSyntax, root: ValueNode, created: Sequence[tuple[str, str]]) -> str:
        for number, (key, value) in enumerate(created):
            tree = syntax.parse(text) if number else root
            parent, name, rest = _deepest(tree, [unescape_name(part) for part in key.split("/")])
            nested = value
            for inner in reversed(rest):
                nested = syntax.nested(inner, nested)
            text = syntax.extended(text, parent, [(name, nested)])
        return text

    def require_removable(self, parent: ValueNode, indexes: Sequence[int]) -> None:
        count = len(parent.members)
        if parent.kind is ValueKind.ARRAY and sorted(indexes) != [*range(count - len(indexes), count)]:
            raise InvalidKey(
                "the elements behind this one would get other keys", hint="delete the last elements of an array only"
            )


def _deepest(root: ValueNode, names: list[str]) -> tuple[ValueNode, str, list[str]]:
    """Return the deepest object or array above a key that exists, the name to add to it, and the names below that.

    Raises:
        InvalidKey: There can be no such key.
    """
    node = root
    for depth, name in enumerate(names):
        if not _is_text(name):
            raise InvalidKey("a name in a document is UTF-8 text", hint="choose another key")
        member = next((member for member in reversed(node.members) if member.name == name), None)
        if member is None:
            if node.kind is ValueKind.ARRAY and name != str(len(node.members)):
                raise InvalidKey(
                    f"{name} is not the next place of this array", hint=f"the next one is {len(node.members)}"
                )
            return node, name, names[depth + 1 :]
        if member.node.kind is ValueKind.SCALAR:
            raise InvalidKey("a parent of this key has a value and cannot be a directory", hint="choose another key")
        node = member.node
    raise InvalidKey("the key is a directory, which has no value", hint="write the value to a key below it")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
