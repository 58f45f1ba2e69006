"""JSON with the place of each value, edited by replacing the text of one value."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

from explorer.model.errors import InvalidText
from explorer.syntax.base import MAX_DEPTH, Patch, PatchedSyntax, ValueKind, ValueMember, ValueNode, runs

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCALAR: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_DECODER: Final = json.JSONDecoder()


class JsonSyntax(PatchedSyntax):
    """Strict JSON (RFC 8259)."""

    def parse(self, text: str) -> ValueNode:
        return _Scanner(text).scan()

    def value(self, text: str, node: ValueNode) -> str:
        return text[node.start : node.end]

    def check(self, value: str) -> None:
        self.parse(value)

    def check_scalar(self, value: str) -> None:
        if self.parse(value).kind is not ValueKind.SCALAR:
            raise InvalidText("an object or array is a directory here", hint="write its values to keys of their own")

    def is_same(self, one: str, other: str) -> bool:
        return is_same_json(one, other)

    def nested(self, name: str, value: str) -> str:
        return f"{{{json.dumps(name, ensure_ascii=False)}: {value}}}"

    def replace(self, text: str, node: ValueNode, value: str) -> list[Patch]:
        del text
        return [Patch(node.start, node.end, value.strip(" \t\n\r"))]

    def append(self, text: str, node: ValueNode, members: Sequence[tuple[str, str]]) -> list[Patch]:
        return append_flow(text, node, members)

    def remove(self, text: str, node: ValueNode, indexes: Iterable[int]) -> list[Patch]:
        del text
        return remove_flow(node, indexes)


def is_same_json(one: str, other: str) -> bool:
    """Return whether two JSON texts are the same value, with all digits of their numbers."""
    return bool(_load(one) == _load(other))


def _load(text: str) -> object:
    return json.loads(text, parse_int=_Number, parse_float=_Number, object_pairs_hook=tuple)


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def append_flow(text: str, node: ValueNode, members: Sequence[tuple[str, str]]) -> list[Patch]:
    """Return the patch that adds members to an object or array in brackets, in the layout of its last member."""
    items = [_item(text, node, name, value) for name, value in members]
    if not node.members:
        return [Patch(node.start + 1, node.end - 1, ", ".join(items))]
    last = node.members[-1]
    if len(node.members) > 1:
        gap = text[node.members[-2].node.end : last.start]
        gap = gap if gap.replace(",", "", 1).isspace() else ","
    else:
        before = text[node.start + 1 : last.start]
        gap = f",{before}" if "\n" in before else ", "
    return [Patch(last.node.end, last.node.end, "".join(f"{gap}{item}" for item in items))]


def remove_flow(node: ValueNode, indexes: Iterable[int]) -> list[Patch]:
    """Return the patches that remove members of an object or array in brackets, each with its comma."""
    members, patches = node.members, []
    for first, last in runs(indexes):
        if first > 0:
            patches.append(Patch(members[first - 1].node.end, members[last].node.end, ""))
        elif last + 1 < len(members):
            patches.append(Patch(members[first].start, members[last + 1].start, ""))
        else:
            patches.append(Patch(node.start + 1, node.end - 1, ""))
    return patches


def _item(text: str, node: ValueNode, name: str, value: str) -> str:
    """Return the text of a new member; an object in an array is laid out as the one before it."""
    value = value.strip(" \t\n\r")
    if node.kind is ValueKind.OBJECT:
        return f"{json.dumps(name, ensure_ascii=False)}{_colon(text, node)}{value}"
    model = node.members[-1].node if node.members else None
    if model is None or model.kind is not ValueKind.OBJECT or text[model.start] != "{":
        return value
    new = JsonSyntax().parse(value)
    if [member.name for member in new.members] != [member.name for member in model.members]:
        return value
    parts, end = [], model.start
    for old, member in zip(model.members, new.members, strict=True):
        parts += [text[end : old.node.start], value[member.node.start : member.node.end]]
        end = old.node.end
    return "".join([*parts, text[end : model.end]])


def _colon(text: str, node: ValueNode) -> str:
    """Return what stands between the name and the value of the last member."""
    if not node.members:
        return ": "
    member = node.members[-1]
    between = text[member.start : member.node.start]
    return ":" + between[len(between.rstrip(" \t")) :] if between.rstrip(" \t").endswith(":") else ": "


class _Scanner:
    """Scans one text.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def scan(self) -> ValueNode:
        text = self._text
        start = 1 if text.startswith("\ufeff") else 0
        root, at = self._value(self._skip(start))
        stack = [root] if root.kind is not ValueKind.SCALAR else []
        while stack:
            node = stack[-1]
            at = self._skip(at)
            closing = "}" if node.kind is ValueKind.OBJECT else "]"
            if text.startswith(closing, at):
                at += 1
                node.end = at
                stack.pop()
                continue
            if node.members:
                if not text.startswith(",", at):
                    self._fail(f"expecting ',' or '{closing}'", at)
                at = self._skip(at + 1)
            name, begin = str(len(node.members)), at
            if node.kind is ValueKind.OBJECT:
                if not text.startswith('"', at):
                    self._fail("expecting a name in double quotes", at)
                name, at = self._string(at)
                at = self._skip(at)
                if not text.startswith(":", at):
                    self._fail("expecting ':'", at)
                at = self._skip(at + 1)
            child, at = self._value(at)
            node.members.append(ValueMember(name, begin, child))
            if child.kind is not ValueKind.SCALAR:
                stack.append(child)
                if len(stack) > MAX_DEPTH:
                    self._fail(f"nested more than {MAX_DEPTH} levels deep", at)
        at = self._skip(at)
        if at != len(text):
            self._fail("extra data", at)
        return root

    def _value(self, at: int) -> tuple[ValueNode, int]:
        """Return a scalar and its end, or an object or array that has just begun."""
        match self._text[at : at + 1]:
            case "{":
                return ValueNode(ValueKind.OBJECT, at, at), at + 1
            case "[":
                return ValueNode(ValueKind.ARRAY, at, at), at + 1
            case '"':
                _, end = self._string(at)
            case _:
                found = _SCALAR.match(self._text, at)
                if found is None:
                    self._fail("expecting a value", at)
                end = found.end()
        return ValueNode(ValueKind.SCALAR, at, end), end

    def _string(self, at: int) -> tuple[str, int]:
        try:
            name, end = _DECODER.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            self._fail(error.msg[:1].lower() + error.msg[1:], error.pos)
        return str(name), end

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _fail(self, reason: str, at: int) -> NoReturn:
        line = self._text.count("\n", 0, at) + 1
        raise InvalidText(f"not valid JSON: {reason}", line, at - self._text.rfind("\n", 0, at))
