"""Values opened as documents: by hand, by a rule, or as what they look like, and always with the reason."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from explorer.codecs.base import Choice, Codec, Document, Limits
from explorer.codecs.detect import detect
from explorer.codecs.patterns import Pattern, similar_keys
from explorer.codecs.protobuf.kubernetes import MAGIC, KubernetesDocument
from explorer.codecs.protobuf.messages import MessageDocument
from explorer.codecs.protobuf.schemas import Schemas
from explorer.codecs.rule_file import RuleFile
from explorer.codecs.rules import Rule, Rules
from explorer.codecs.text.content import truncate_utf8
from explorer.codecs.text.hex import HexDocument
from explorer.codecs.text.text import TextDocument
from explorer.model.errors import InvalidText, SchemaFailed

_LARGE: Final = 1 << 20
"""Bytes of a value from which its beginning says what it can be read as."""
_SCHEMAS: Final = "t chooses a message type; no rule is for this key"
_PREVIEW: Final = "the beginning; the rest is being read"


@dataclass(frozen=True, slots=True)
class KeyScope:
    """Where keys are: patterns speak of whole keys, views of keys relative to an address."""

    root: str = ""
    """What stands before every key."""
    separator: str = "/"


class Codecs:
    """All that is known about how to read the values of a store."""

    def __init__(
        self,
        schemas: Schemas | None = None,
        rules: Rules | None = None,
        *,
        scope: KeyScope | None = None,
        limits: Limits | None = None,
        rule_file: RuleFile | None = None,
    ) -> None:
        self.schemas = schemas or Schemas()
        self.rules = rules or Rules()
        self.scope = scope or KeyScope()
        self.limits = limits or Limits()
        self.rule_file = rule_file
        """Where rules are added; None keeps them for this run only."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with schemas and rules, one line each.

        Files that cannot be used, types that no schema has, rules that are never used.
        """
        return (
            *(problem for found in self.schemas.sets for problem in found.problems),
            *(
                f"{rule.name}: no schema has a message {rule.choice.type!r}"
                for rule in self.rules.rules
                if rule.choice.type is not None and self.schemas.find(rule.choice.type, rule.choice.schema) is None
            ),
            *self.rules.shadowed(),
        )

    def rule(self, key: str) -> Rule | None:
        """Give the rule for a key, relative to the address."""
        return self.rules.find(self.scope.root + key)

    def patterns(self, key: str) -> tuple[str, ...]:
        """Return patterns for keys like this one, the likeliest first."""
        return similar_keys(self.scope.root + key, self.scope.separator)

    def add_rule(self, key: str, text: str, choice: Choice) -> None:
        """Read all keys that match a pattern in a certain way from now on, and write that to the file of rules.

        Args:
            key: A key, relative to the address, for which no other rule is to be taken.
            text: The pattern, of whole keys.
            choice: How to read their values.

        Raises:
            SchemaFailed: The pattern is wrong or does not match the key, or the file cannot be written.
        """
        pattern = Pattern.make(text, self.scope.separator)
        if not pattern.matches(self.scope.root + key):
            raise SchemaFailed(f"the pattern {text} does not match {self.scope.root + key}")
        present = self.rule(key)
        name = "a rule of this run" if self.rule_file is None else f"rule {text} of {self.rule_file.path.name}"
        rule = Rule(pattern, choice, name)
        if present is not None and present.rank >= rule.rank:
            rule = replace(rule, priority=present.priority + 1)
        if self.rule_file is not None:
            self.rule_file.add(text, choice, priority=rule.priority)
        self.rules = Rules((*self.rules.rules, rule))

    def open(self, key: str, value: bytes, choice: Choice | None = None) -> Document:
        """Open a value; whatever the bytes are, something can be shown.

        Args:
            key: The key, relative to the address.
            value: Its bytes.
            choice: How to read this one value, whatever a rule says.
        """
        rule = self.rule(key) if choice is None else None
        if choice is not None:
            wanted, reason = choice, "chosen by hand"
        elif rule is not None:
            wanted, reason = rule.choice, rule.reason
        else:
            return self._detected(key, value)
        try:
            document = self._read(value, wanted, reason)
        except InvalidText as error:
            document = self._detected(key, value, f"{reason}, but {error.message}; ")
        if rule is not None and not rule.editable and document.read_only_reason is None:
            return replace(document, read_only_reason=f"{rule.name} says that it is not to be edited")
        return document

    def preview(self, key: str, value: bytes, choice: Choice | None = None) -> Document | None:
        """Return the beginning of a large value as a document, at once; None where only the whole can be read.

        Args:
            key: The key, relative to the address.
            value: Its bytes.
            choice: How to read this one value, whatever a rule says.
        """
        rule = self.rule(key) if choice is None else None
        wanted = choice or (rule.choice if rule else None)
        if value.startswith(MAGIC) or (wanted is not None and wanted.codec in ("protobuf", "k8s")):
            return None
        sample = truncate_utf8(value, self.limits.sample)
        document = self._detected(key, sample) if wanted is None else self.open(key, sample, wanted)
        return replace(document, value=value, reason=_PREVIEW, read_only_reason="it is still being read", notes=())

    def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        """Give the ways in which a value can be read, likely ones first."""
        return tuple(dict.fromkeys(self._choices(key, value)))

    def _choices(self, key: str, value: bytes) -> Iterator[Choice]:
        if rule := self.rule(key):
            yield rule.choice
        current = (self.preview(key, value) if len(value) > _LARGE else None) or self.open(key, value)
        yield from _forms(current)
        detected = current if rule is None else self._detected(key, value)
        yield from _forms(detected)
        if detected.language != "hex" and detected.choice.type is None:
            others: tuple[Codec, ...] = ("text", "json", "yaml")
            yield from (Choice(codec) for codec in others if codec != detected.choice.codec)
        for name in self.schemas.candidates(value, self.limits):
            choice = Choice("protobuf", name)
            yield choice
            yield replace(choice, form="json")
        yield Choice("hex")

    def _read(self, value: bytes, choice: Choice, reason: str) -> Document:
        """Read a value as was chosen.

        Raises:
            InvalidText: It cannot be read so.
        """
        match choice.codec:
            case "hex":
                return HexDocument.open(value, reason, self.limits)
            case "json" | "yaml" | "text":
                return TextDocument.open(value, choice, reason, self.limits)
            case "protobuf":
                return MessageDocument.open(value, choice, reason, self.schemas, self.limits)
            case "k8s":
                return KubernetesDocument.open(value, choice, reason, self.schemas, self.limits)

    def _detected(self, key: str, value: bytes, why: str = "") -> Document:
        if value.startswith(MAGIC):
            reason = "is a Kubernetes object"
            try:
                return KubernetesDocument.open(value, Choice("k8s"), why + reason, self.schemas, self.limits)
            except InvalidText as error:
                why += f"{reason}, but {error.message}; "
        codec, reason = detect(key, truncate_utf8(value, self.limits.shown))
        if codec == "hex":
            document = HexDocument.open(value, why + reason, self.limits)
            return replace(document, notes=(_SCHEMAS, *document.notes)) if any(self.schemas.types()) else document
        return TextDocument.open(value, Choice(codec), why + reason, self.limits)


def _forms(document: Document) -> Iterator[Choice]:
    """Return the forms of a value as it is read now; bytes stand at the end of the choices anyway."""
    if document.language != "hex":
        yield document.choice
    if alternative := document.alternative():
        yield alternative
