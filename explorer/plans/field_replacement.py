"""Replacement in one field of messages, and of JSON and YAML values; every other byte stays as it is."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from explorer.codecs.constraints.value_path import ValuePath
from explorer.model.entries import Entry
from explorer.model.errors import InvalidText
from explorer.plans.json_values import from_text
from explorer.syntax import syntax_of
from explorer.syntax.base import FileSyntax, ValueKind, ValueNode

if TYPE_CHECKING:  # imports protobuf and yaml
    from explorer.codecs.base import Document
    from explorer.codecs.codecs import Codecs
    from explorer.plans.replacement import Replacement

_Fields: TypeAlias = Mapping[str, "_Fields"] | list["_Fields"] | ValueNode
"""A value with the node of each scalar in its place."""

_Place: TypeAlias = tuple[str, ...]
"""Names and indexes that lead to a scalar."""

_JSON: Final = syntax_of(b".json")
_EXTENSIONS: Final = {"json": b".json", "yaml": b".yaml"}
"""Codecs whose texts are edited, and how the files of their syntax end."""


@dataclass(frozen=True, slots=True)
class FieldReplacement:
    """Replacement in one field.

    Args:
        replacement: The text of the whole field, or with `regex` any part of it, and what takes its place. The text of
            a string is what it says, or as JSON in quotes; that of anything else is its JSON.
        path: The path of the field.
        codecs: Schemas and rules.
    """

    replacement: "Replacement"
    path: ValuePath
    codecs: "Codecs"

    def apply(self, pattern: re.Pattern[str], key: str, entry: Entry) -> bytes | str:
        """Return the new value, or why it is left as it is.

        Args:
            pattern: Pattern of the text to replace.
            key: The key.
            entry: Its entry.

        Raises:
            InvalidText: The new text names a group that the expression lacks.
        """
        value = entry.value or b""
        document = self.codecs.open(key, value)
        if document.choice.type is not None:
            return self._in_message(pattern, key, document)
        extension = _EXTENSIONS.get(document.choice.codec)
        if extension is None:
            return "its value is not known to be a message, JSON or YAML"
        if document.read_only_reason is not None:
            return document.read_only_reason
        try:
            return from_text(self._edited(pattern, syntax_of(extension), value.decode()), key)
        except InvalidText as error:
            return error.message

    def _in_message(self, pattern: re.Pattern[str], key: str, document: "Document") -> bytes | str:
        """Replace in the JSON of a message, whose changes are patched into its bytes."""
        document = self.codecs.open(key, document.value, replace(document.choice, form="json"))
        if document.choice.form != "json" or document.choice.type is None:
            return "its message cannot be shown as JSON"
        if document.read_only_reason is not None:
            return document.read_only_reason
        try:
            text = self._edited(pattern, _JSON, document.text)
        except InvalidText as error:
            return error.message
        try:
            return document.encode(text).value
        except InvalidText as error:
            return f"the new message is not valid: {error.message}"

    def _edited(self, pattern: re.Pattern[str], syntax: FileSyntax, text: str) -> str:
        """Return a text with its replacements.

        Raises:
            InvalidText: The field cannot be replaced.
        """
        root = syntax.parse(text)
        found = [(tuple(map(str, parts)), node) for parts, node in self.path.find(_fields(root, {}))]
        if not found:
            raise InvalidText(f"there is nothing at {self.path}")
        changed: dict[_Place, str] = {}
        replaced: list[tuple[ValueNode, str]] = []
        for place, node in found:
            if not isinstance(node, ValueNode):
                continue
            old = syntax.value(text, node)
            if (new := self._new_json(pattern, old)) == old:
                continue
            if node.is_shared:
                raise InvalidText(f"an alias stands for what is at {self.path}: edit the value itself")
            changed[place] = new
            replaced.append((node, new))
        if not changed:
            return text
        after = syntax.edited(text, replaced, [])
        try:
            now = dict(_scalars(syntax, after, syntax.parse(after)))
        except InvalidText as error:
            raise InvalidText(f"{self.path} cannot be changed alone: {error.message}") from error
        if not _is_same(syntax, _expected(dict(_scalars(syntax, text, root)), changed), now):
            raise InvalidText(f"{self.path} cannot be changed alone: edit the value itself")
        return after

    def _new_json(self, pattern: re.Pattern[str], old: str) -> str:
        """Return the JSON of a scalar after the replacement; the same text if it does not match."""
        is_string = old.startswith('"')
        text = json.loads(old) if is_string else old
        if self.replacement.regex:
            new = self.replacement.apply(pattern, text)
            if new == text:
                return old
        elif self.replacement.old == text:
            new = self.replacement.new
        elif is_string and _is_json_of(self.replacement.old, text):
            new, is_string = self.replacement.new, False
        else:
            return old
        if is_string:
            return json.dumps(new, ensure_ascii="\\u" in old)
        try:
            _JSON.check(new)
        except InvalidText as error:
            raise InvalidText(f"{new!r} cannot take the place of {old}: it is no JSON; a string has quotes") from error
        return new


def _is_json_of(spelling: str, text: str) -> bool:
    """Return whether a text is the JSON of a string."""
    if not spelling.startswith('"'):
        return False
    try:
        return bool(json.loads(spelling) == text)
    except ValueError:
        return False


def _fields(node: ValueNode, known: dict[int, _Fields]) -> _Fields:
    """Return a value with its nodes, those of an alias once.

    Raises:
        InvalidText: An object has a name twice, so that it is not clear which of them counts.
    """
    if node.kind is ValueKind.SCALAR:
        return node
    if id(node) in known:
        return known[id(node)]
    members = [_fields(member.node, known) for member in node.members]
    if node.kind is ValueKind.ARRAY:
        known[id(node)] = members
        return members
    named = {member.name: fields for member, fields in zip(node.members, members, strict=True)}
    if len(named) < len(members):
        name, _ = Counter(member.name for member in node.members).most_common(1)[0]
        raise InvalidText(f"an object has the name {name!r} twice")
    known[id(node)] = named
    return named


def _scalars(syntax: FileSyntax, text: str, node: ValueNode, place: _Place = ()) -> Iterator[tuple[_Place, str]]:
    """Yield the places of scalars, and of objects and arrays without members, with their JSON."""
    if not node.members:
        yield place, syntax.value(text, node)
    for member in node.members:
        yield from _scalars(syntax, text, member.node, (*place, member.name))


def _expected(scalars: dict[_Place, str], changed: Mapping[_Place, str]) -> Mapping[_Place, str]:
    """Return scalars with those that changed; a scalar may become an object."""
    for place, new in changed.items():
        del scalars[place]
        scalars |= _scalars(_JSON, new, _JSON.parse(new), place)
    return scalars


def _is_same(syntax: FileSyntax, one: Mapping[_Place, str], other: Mapping[_Place, str]) -> bool:
    return one.keys() == other.keys() and all(
        text == other[place] or syntax.is_same(text, other[place]) for place, text in one.items()
    )
