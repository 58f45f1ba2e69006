"""Plans that replace a text in many values, or in one field of many messages."""

import json
import re
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from explorer.codecs.constraints.value_path import Parts, ValuePath
from explorer.model.entries import Entry
from explorer.model.errors import InvalidText
from explorer.plans.meter import Meter
from explorer.plans.plan import Change, OmittedKey, Plan, part_of, require_guarded_writes
from explorer.plans.search import SearchQuery, value_text
from explorer.plans.side import PlanSide, omission

if TYPE_CHECKING:  # imports protobuf and yaml
    from explorer.codecs.base import Document
    from explorer.codecs.codecs import Codecs


@dataclass(frozen=True, slots=True)
class Replacement:
    r"""A text and what takes its place.

    Args:
        old: The text, or with `regex` a regular expression.
        new: The new text; with `regex` it may have groups (`\1`).
        regex: Whether `old` is a regular expression.
    """

    old: str
    new: str
    regex: bool = False

    def pattern(self) -> re.Pattern[str]:
        """Return the pattern of what is replaced.

        Raises:
            InvalidText: It is no regular expression.
        """
        return cast("re.Pattern[str]", SearchQuery(value=self.old, regex=self.regex).value_pattern())

    def apply(self, pattern: re.Pattern[str], text: str) -> str:
        """Return a text with its replacements.

        Raises:
            InvalidText: The new text names a group that the expression lacks.
        """
        try:
            return pattern.sub(self.new if self.regex else lambda _: self.new, text)
        except (re.error, IndexError) as error:
            raise InvalidText(f"the new text {self.new!r} does not fit the expression: {error}") from error


async def replace_plan(
    side: PlanSide, replacement: Replacement, *, field: str | None = None, codecs: "Codecs | None" = None
) -> Plan:
    """Return the plan that replaces a text in all values below a prefix.

    Args:
        side: The store and the prefix.
        replacement: The text and what takes its place.
        field: Path of the only field of messages to replace it in; None for any place of all values.
        codecs: Schemas and rules, for a field.

    Raises:
        InvalidText: A pattern is no regular expression, or the new text names a group that it lacks.
        SchemaFailed: The field is no path.
        CallNotSupported: The store cannot guard its writes.
    """
    store = side.store
    require_guarded_writes(store)
    pattern = replacement.pattern()
    in_field = (
        None if field is None or codecs is None else FieldReplacement(replacement, ValuePath.parse(field), codecs)
    )
    changes: list[Change] = []
    omitted: list[OmittedKey] = []
    meter = Meter("looked at")
    async with aclosing(side.entries()) as entries:
        async for entry in entries:
            meter.add()
            key = side.key(entry.key)
            if in_field is None:
                new = replacement.apply(pattern, value_text(entry)).encode("utf-8", "surrogateescape")
            elif isinstance(replaced := in_field.apply(pattern, key, entry), str):
                omitted.append(OmittedKey(key, replaced))
                continue
            else:
                new = replaced
            if new == entry.value:
                continue
            if reason := omission(entry, is_named=side.has_key and not entry.key):
                omitted.append(OmittedKey(key, reason))
            else:
                changes.append(Change.of(key, entry, new))
    where = f" in {field}" if field else ""
    title = f"replace {replacement.old!r} by {replacement.new!r}{where} below {side.name}"
    part = await part_of(store, changes, profile=side.profile)
    return Plan(title, (part,) if changes else (), omitted=tuple(omitted))


@dataclass(frozen=True, slots=True)
class FieldReplacement:
    """Replacement in one field of messages; the change is patched into the old bytes, and all else stays."""

    replacement: Replacement
    path: ValuePath
    codecs: "Codecs"

    def apply(self, pattern: re.Pattern[str], key: str, entry: Entry) -> bytes | str:
        """Return the new value of a message, or why it is left as it is."""
        value = entry.value or b""
        document = self.codecs.open(key, value)
        if document.choice.type is None:
            return "its value is not known to be a message"
        document = self.codecs.open(key, value, replace(document.choice, form="json"))
        if document.choice.form != "json" or document.choice.type is None:
            return "its message cannot be shown as JSON"
        if document.read_only_reason is not None:
            return document.read_only_reason
        return self._edited(pattern, document)

    def _edited(self, pattern: re.Pattern[str], document: "Document") -> bytes | str:
        data = json.loads(document.text)
        is_changed = False
        for parts, part in list(self.path.find(data)):
            if not isinstance(part, str | int | float | bool):
                continue
            text = part if isinstance(part, str) else json.dumps(part)
            new = self.replacement.apply(pattern, text)
            if new != text:
                _set(data, parts, new if isinstance(part, str) else _number(new))
                is_changed = True
        if not is_changed:
            return document.value
        try:
            return document.encode(json.dumps(data, ensure_ascii=False, indent=2)).value
        except InvalidText as error:
            return f"the new message is not valid: {error.message}"


def _set(data: object, parts: Parts, value: object) -> None:
    *outer, last = parts
    for name in outer:
        data = data[name]  # type: ignore[index] # the path was found in it
    data[last] = value  # type: ignore[index] # as above


def _number(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
