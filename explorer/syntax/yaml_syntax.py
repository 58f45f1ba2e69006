"""YAML with the place of each value, edited by replacing the text of one value; comments and layout stay.

Values are shown and taken as JSON. It is read as YAML 1.1, as most programs do, in which `yes` is true; a number that
JSON knows is one here, too.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

import yaml

from explorer.model.errors import InvalidText
from explorer.syntax import yaml_emitter
from explorer.syntax.base import MAX_DEPTH, Patch, PatchedSyntax, ValueKind, ValueMember, ValueNode, runs
from explorer.syntax.json_syntax import JsonSyntax, append_flow, is_same_json, remove_flow

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_EXPANDED: Final = 1_000_000
"""Values that the aliases of a file may stand for."""
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_TAG: Final = "tag:yaml.org,2002:"
_TEXT_TAGS: Final = frozenset({"str", "timestamp", "binary", "value", "merge"})
_CONTAINER_TAGS: Final = frozenset({"map", "seq", "set", "omap", "pairs"})
_JSON: Final = JsonSyntax()


class YamlSyntax(PatchedSyntax):
    """YAML of one document."""

    def parse(self, text: str) -> ValueNode:
        offset = 1 if text.startswith("\ufeff") else 0
        try:
            root = yaml.compose(text[offset:], Loader=_LOADER)
            if root is None:
                raise InvalidText("the file is empty")
            return _Tree(text, offset).build(root)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            reason = " ".join(filter(None, (error.problem, error.context)))
            place = (mark.line + 1, mark.column + 1) if mark else (None, None)
            raise InvalidText(f"not valid YAML: {reason}", *place) from error
        except yaml.YAMLError as error:
            raise InvalidText(f"not valid YAML: {' '.join(str(error).split())}") from error
        except RecursionError as error:
            raise InvalidText("not valid YAML: nested too deeply") from error

    def value(self, text: str, node: ValueNode) -> str:
        del text
        return _json_text(node)

    def check(self, value: str) -> None:
        _JSON.check(value)

    def check_scalar(self, value: str) -> None:
        _JSON.check_scalar(value)

    def is_same(self, one: str, other: str) -> bool:
        return is_same_json(one, other)

    def nested(self, name: str, value: str) -> str:
        return _JSON.nested(name, value)

    def replace(self, text: str, node: ValueNode, value: str) -> list[Patch]:
        return list(_changes(text, node, value, _JSON.parse(value)))

    def append(self, text: str, node: ValueNode, members: Sequence[tuple[str, str]]) -> list[Patch]:
        if _is_flow(node):
            return append_flow(text, node, members)
        lines = []
        first = node.members[0]
        column = _column(text, _line_start(text, node, first))
        for name, value in members:
            new = _JSON.parse(value)
            if node.kind is ValueKind.ARRAY:
                lines.append(yaml_emitter.item(value, new, column))
            else:
                lines.append(yaml_emitter.member(name, value, new, column))
        end = text.find("\n", node.end)
        end = len(text) if end < 0 else end
        newline = "\r\n" if text[end - 1 : end + 1] == "\r\n" else "\n"
        end -= len(newline) - 1
        indent = " " * column
        return [Patch(end, end, "".join(f"{newline}{indent}{line.replace(chr(10), newline)}" for line in lines))]

    def remove(self, text: str, node: ValueNode, indexes: Iterable[int]) -> list[Patch]:
        if _is_flow(node):
            return remove_flow(node, indexes)
        places, members = sorted(set(indexes)), node.members
        if len(places) == len(members):
            start = _line_start(text, node, members[0])
            return [Patch(start, node.end, "[]" if node.kind is ValueKind.ARRAY else "{}")]
        patches = []
        for first, last in runs(places):
            start = _line_start(text, node, members[first])
            line = text.rfind("\n", 0, start) + 1
            if text[line:start].strip(" "):  # something else begins on the line, such as the dash of an item
                patches.append(Patch(start, _line_start(text, node, members[last + 1]), ""))
                continue
            end = text.find("\n", _own_end(members[last]))
            if end < 0:  # the last line of a file has no line break: take the one before
                patches.append(Patch(max(0, line - 1), len(text), ""))
            else:
                patches.append(Patch(line, end + 1, ""))
        return patches


def _changes(text: str, node: ValueNode, value: str, new: ValueNode) -> Iterable[Patch]:
    """Yield the patches that lead from a value to another: of what is alike only what differs inside is replaced."""
    if node.kind is new.kind is not ValueKind.SCALAR and not node.is_shared:
        old_names, names = ([member.name for member in each.members] for each in (node, new))
        if node.members and names[: len(old_names)] == old_names:
            for old, member in zip(node.members, new.members, strict=False):
                part = value[member.node.start : member.node.end]
                yield from _changes(text, old.node, value, member.node) if part != _json_text(old.node) else ()
            added = new.members[len(old_names) :]
            if added:
                parts = [(member.name, value[member.node.start : member.node.end]) for member in added]
                yield from YamlSyntax().append(text, node, parts)
            return
    part = value[new.start : new.end]
    if node.kind is ValueKind.SCALAR and new.kind is ValueKind.SCALAR and is_same_json(_json_text(node), part):
        return
    yield Patch(node.start, node.end, _replacement(text, node, value, new))


def _replacement(text: str, node: ValueNode, value: str, new: ValueNode) -> str:
    """Return the text of a new value at the place of another one, in its style as far as possible."""
    part, before = value[new.start : new.end], text[node.start : node.end]
    gap = " " if node.start == node.end and text[node.start - 1 : node.start] in (":", "-") else ""
    if new.kind is ValueKind.SCALAR:
        return gap + yaml_emitter.scalar(part, like=before, column=_indent(text, node.start))
    if node.kind is ValueKind.SCALAR or _is_flow(node) or not new.members:
        return gap + yaml_emitter.flow(value, new)
    return yaml_emitter.block(value, new, _column(text, node.start))


def _is_flow(node: ValueNode) -> bool:
    return not node.members or bool(getattr(node.source, "flow_style", False))


def _line_start(text: str, node: ValueNode, member: ValueMember) -> int:
    """Return where a member begins: its name, or the dash of an item."""
    return member.start if node.kind is ValueKind.OBJECT else text.rfind("-", 0, member.start)


def _column(text: str, at: int) -> int:
    return at - text.rfind("\n", 0, at) - 1


def _indent(text: str, at: int) -> int:
    """Return the number of spaces that the line of a place begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return len(line) - len(line.lstrip(" -"))


def _json_text(node: ValueNode) -> str:
    """Return a value as JSON, with what its aliases and merge keys stand for."""
    match node.kind:
        case ValueKind.SCALAR:
            return _scalar_text(node.source)
        case ValueKind.ARRAY:
            return f"[{', '.join(_json_text(member.node) for member in node.members)}]"
        case ValueKind.OBJECT:
            members = _merged(node)
            return "{" + ", ".join(f"{_quoted(name)}: {_json_text(value)}" for name, value in members.items()) + "}"


def _merged(node: ValueNode) -> dict[str, ValueNode]:
    """Return the members of an object, those of its merge keys first."""
    own: dict[str, ValueNode] = {}
    merged: dict[str, ValueNode] = {}
    for member in node.members:
        if member.name != "<<" or member.node.kind is ValueKind.SCALAR:
            own[member.name] = member.node
            continue
        sources = [member.node] if member.node.kind is ValueKind.OBJECT else [each.node for each in member.node.members]
        for source in reversed(sources):
            merged |= _merged(source)
    return {**merged, **own}


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _scalar_text(source: object) -> str:
    """Return a scalar as JSON."""
    if not isinstance(source, yaml.ScalarNode):
        raise InvalidText("not a scalar")
    text, tag = str(source.value), source.tag.removeprefix(_TAG)
    if not source.style and tag in ("int", "float", "str") and _JSON_NUMBER.fullmatch(text):
        return text
    if tag in _TEXT_TAGS:
        return _quoted(text)
    constructor = yaml.constructor.SafeConstructor()
    try:
        match tag:
            case "null":
                return "null"
            case "bool":
                return "true" if constructor.construct_yaml_bool(source) else "false"
            case "int":
                return str(constructor.construct_yaml_int(source))
            case "float":
                number = float(constructor.construct_yaml_float(source))
                return json.dumps(number) if abs(number) < float("inf") else _quoted(text)
    except (ValueError, KeyError):
        return _quoted(text)
    raise _unsupported(source)


def _unsupported(source: yaml.Node) -> InvalidText:
    return InvalidText(f"the tag {source.tag} is not supported", source.start_mark.line + 1)


class _Tree:
    """Builder of the tree of a text.

    Args:
        text: The text.
        offset: Characters before what was parsed.
    """

    def __init__(self, text: str, offset: int) -> None:
        self._text = text
        self._offset = offset
        self._built: dict[int, ValueNode] = {}
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def build(self, source: yaml.Node, depth: int = 0) -> ValueNode:
        """Return the tree of a node.

        Raises:
            InvalidText: It contains itself, too many values, or what no JSON has.
        """
        known = self._built.get(id(source))
        if known is not None:
            _mark_shared(known)
            return known
        line = source.start_mark.line + 1
        if id(source) in self._open:
            raise InvalidText("not valid here: a value contains itself by an alias", line)
        if depth > MAX_DEPTH:
            raise InvalidText(f"nested more than {MAX_DEPTH} levels deep", line)
        self._open.add(id(source))
        node = self._node(source, depth)
        self._open.discard(id(source))
        self._built[id(source)] = node
        size = 1 + sum(self._sizes[id(member.node)] for member in node.members)
        if size > _MAX_EXPANDED:
            raise InvalidText(f"the aliases stand for more than {_MAX_EXPANDED:,} values", line)
        self._sizes[id(node)] = size
        return node

    def _node(self, source: yaml.Node, depth: int) -> ValueNode:
        start, end = source.start_mark.index + self._offset, source.end_mark.index + self._offset
        if isinstance(source, yaml.ScalarNode):
            if source.style in ("|", ">"):
                end = start + len(self._text[start:end].rstrip("\r\n "))
            node = ValueNode(ValueKind.SCALAR, start, end, source=source)
            _scalar_text(source)
            return node
        if source.tag.removeprefix(_TAG) not in _CONTAINER_TAGS:
            raise _unsupported(source)
        node = ValueNode(ValueKind.ARRAY, start, end, source=source)
        if isinstance(source, yaml.SequenceNode):
            node.members = [
                ValueMember(str(index), each.start_mark.index + self._offset, self.build(each, depth + 1))
                for index, each in enumerate(source.value)
            ]
        elif isinstance(source, yaml.MappingNode):
            node.kind = ValueKind.OBJECT
            node.members = [
                ValueMember(_name(key), key.start_mark.index + self._offset, self.build(each, depth + 1))
                for key, each in source.value
            ]
        if node.members and not getattr(source, "flow_style", False):
            node.end = _own_end(node.members[-1])
        return node


def _own_end(member: ValueMember) -> int:
    """Return where a member ends; an alias stands elsewhere, so that only its beginning is known."""
    return max(member.start, member.node.end)


def _mark_shared(node: ValueNode) -> None:
    if not node.is_shared:
        node.is_shared = True
        for member in node.members:
            _mark_shared(member.node)


def _name(key: yaml.Node) -> str:
    if isinstance(key, yaml.ScalarNode):
        return str(key.value)
    raise InvalidText("an object or array cannot be a name", key.start_mark.line + 1)
