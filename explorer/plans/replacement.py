"""Plans that replace a text in many values, or in one field of them."""

import re
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from explorer.codecs.constraints.value_path import ValuePath
from explorer.model.errors import InvalidText
from explorer.plans.field_replacement import FieldReplacement
from explorer.plans.meter import Meter
from explorer.plans.plan import Change, OmittedKey, Plan, part_of, require_guarded_writes
from explorer.plans.search import SearchQuery, value_text
from explorer.plans.side import PlanSide, omission

if TYPE_CHECKING:  # imports protobuf and yaml
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
            InvalidText: It is no regular expression, or the new text names a group that it lacks.
        """
        pattern = cast("re.Pattern[str]", SearchQuery(value=self.old, regex=self.regex).value_pattern())
        self.apply(pattern, "")
        return pattern

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
        field: Path of the only field to replace it in, of messages, JSON and YAML; None for any place of all values.
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
