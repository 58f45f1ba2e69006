"""YAML text of values that are given as JSON."""

import json
import re
from typing import Final

import yaml

from explorer.syntax.base import ValueKind, ValueNode

_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*")
_RESERVED: Final = frozenset({"y", "n"})
"""Words that are true or false for some programs, although not here."""
_ESCAPED: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_LITERAL_LINE: Final = re.compile(r"[\x20-\x7e\xa0-\ud7ff]*")


def scalar(value: str, *, like: str = "", column: int = 0) -> str:
    """Return a scalar.

    Args:
        value: The value as JSON.
        like: The text that it replaces, whose style is kept where possible.
        column: Indentation of the line that it is on.
    """
    text = json.loads(value) if value.startswith('"') else None
    if not isinstance(text, str):
        return value
    if like[:1] in ("|", ">") and (block := _literal(text, column + 2)) is not None:
        return block
    if like.startswith("'") and "\n" not in text and _LITERAL_LINE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    if not like.startswith('"') and _is_plain(text):
        return text
    return _double_quoted(text)


def flow(value: str, node: ValueNode) -> str:
    """Return a value on one line."""
    match node.kind:
        case ValueKind.SCALAR:
            part = value[node.start : node.end]
            return _double_quoted(json.loads(part)) if part.startswith('"') else part
        case ValueKind.ARRAY:
            return f"[{', '.join(flow(value, member.node) for member in node.members)}]"
        case ValueKind.OBJECT:
            members = (f"{_double_quoted(member.name)}: {flow(value, member.node)}" for member in node.members)
            return "{" + ", ".join(members) + "}"


def block(value: str, node: ValueNode, column: int) -> str:
    """Return an object or an array with a member on each line; its first line begins at a column."""
    lines = []
    for entry in node.members:
        if node.kind is ValueKind.ARRAY:
            lines.append(item(value, entry.node, column))
        else:
            lines.append(member(entry.name, value, entry.node, column))
    return f"\n{' ' * column}".join(lines)


def item(value: str, node: ValueNode, column: int) -> str:
    """Return an item of an array, with its dash."""
    if node.kind is ValueKind.SCALAR:
        return f"- {scalar(value[node.start : node.end])}"
    return f"- {block(value, node, column + 2)}" if node.members else f"- {flow(value, node)}"


def member(name: str, value: str, node: ValueNode, column: int) -> str:
    """Return a member of an object, with its name."""
    title = name if _is_plain(name) else _double_quoted(name)
    if node.kind is ValueKind.SCALAR:
        return f"{title}: {scalar(value[node.start : node.end])}"
    if not node.members:
        return f"{title}: {flow(value, node)}"
    return f"{title}:\n{' ' * (column + 2)}{block(value, node, column + 2)}"


def _is_plain(text: str) -> bool:
    """Return whether a text means itself without quotes."""
    if text.lower() in _RESERVED or not _PLAIN.fullmatch(text):
        return False
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str" and node.value == text


def _double_quoted(text: str) -> str:
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _literal(text: str, column: int) -> str | None:
    """Return a text as a literal block; None if it cannot be one."""
    lines = text.split("\n")
    if not lines[0].strip() or lines[0].startswith(" ") or not all(map(_LITERAL_LINE.fullmatch, lines)):
        return None
    kept = text.rstrip("\n")
    if len(text) - len(kept) > 1 or not kept:
        return None
    header = "|" if text.endswith("\n") else "|-"
    return "\n".join([header, *(f"{' ' * column}{line}" if line else "" for line in kept.split("\n"))])
