"""Choice of the codec of a value: by hand, by a rule, or by detection; the reason is kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from explorer.codecs.base import KUBERNETES_MAGIC, Choice, Codec, Document, EncodeResult, Limits
from explorer.codecs.constraints.constraint import Constraints, Violation
from explorer.codecs.detect import detect
from explorer.codecs.patterns import Pattern, similar_keys
from explorer.codecs.presets import Preset, find_preset, preset_of, preset_with
from explorer.codecs.protobuf.fields import missing_fields
from explorer.codecs.protobuf.kubernetes import KubernetesDocument
from explorer.codecs.protobuf.messages import MessageDocument
from explorer.codecs.protobuf.schemas import Schemas, SchemaSet
from explorer.codecs.rule_file import RuleFile
from explorer.codecs.rules import Rule, Rules
from explorer.codecs.text.content import truncate_utf8
from explorer.codecs.text.hex import HexDocument
from explorer.codecs.text.text import TextDocument
from explorer.model.errors import InvalidText, SchemaFailed
from explorer.model.sanitize import sanitize

_PREVIEWED_SIZE: Final = 1 << 20
"""Bytes from which only the beginning of a value is inspected for choices."""
_MESSAGE_CODECS: Final = ("protobuf", "k8s")
_UNKNOWN_TYPE_NOTE: Final = "t chooses a message type; no rule matches this key"
_PRESET_NOTE: Final = "is for values like this: see keyscope codecs list"
_PREVIEW_REASON: Final = "preview; the rest is being read"


@dataclass(frozen=True, slots=True)
class KeyScope:
    """Root and separator of keys; patterns match whole keys, views use keys relative to the root."""

    root: str = ""
    """Prefix of every key."""
    separator: str = "/"


class Codecs:
    """Schemas and rules of a store, and the documents of its values."""

    def __init__(
        self,
        schemas: Schemas | None = None,
        rules: Rules | None = None,
        *,
        scope: KeyScope | None = None,
        limits: Limits | None = None,
        rule_file: RuleFile | None = None,
        presets: Sequence[Preset] = (),
        constraints: Constraints | None = None,
        load_preset: Callable[[Preset], Sequence[SchemaSet]] = lambda _preset: (),
    ) -> None:
        self.schemas = schemas or Schemas()
        self.rules = rules or Rules()
        self.scope = scope or KeyScope()
        self.limits = limits or Limits()
        self.rule_file = rule_file
        """File that rules are added to; None keeps them for this run only."""
        self.presets = tuple(presets)
        """Presets whose rules are among the rules."""
        self.constraints = constraints or Constraints()
        self._load_preset = load_preset
        self._loaded_presets = {preset.name for preset in presets}
        self._lock = Lock()

    @property
    def problems(self) -> tuple[str, ...]:
        """Problems of schemas and rules, one line each: invalid files, unknown types, shadowed rules."""
        missing = (
            f"{rule.name}: no schema: {rule.hint}"
            if rule.hint
            else f"{rule.name}: no schema has a message {rule.choice.type!r}"
            for rule in self.rules.rules
            if self._lacks_schema(rule)
        )
        return (
            *(problem for schema_set in self.schemas.sets for problem in schema_set.problems),
            *dict.fromkeys(missing),
            *self.rules.shadowed(),
            *self.constraints.problems,
        )

    @property
    def unreachable_rules(self) -> tuple[str, ...]:
        """A line for each rule, preset and constraint that no key here can match: patterns match whole keys."""
        root = self.scope.root
        patterns = [(rule.name, rule.pattern) for rule in self.rules.rules]
        patterns += [(f"constraint {one.name}", one.pattern) for one in self.constraints.constraints]
        names = {name: f"{name}: {pattern}" for name, pattern in reversed(patterns)}
        reachable = {name for name, pattern in patterns if pattern.can_match_below(root)}
        return tuple(
            f"{line} matches no key here: each begins with {sanitize(root)}"
            for name, line in reversed(names.items())
            if name not in reachable
        )

    def _lacks_schema(self, rule: Rule) -> bool:
        name = rule.choice.type
        if name is None or self.schemas.find(name, rule.choice.schema) is not None:
            return False
        preset = preset_with(name)
        return preset is None or preset.name in self._loaded_presets or bool(preset.hint)

    def kubernetes_schemas(self) -> Schemas:
        """Return all schemas, those of Kubernetes that are installed behind all others."""
        return self._with_preset(find_preset("kubernetes"))

    def schemas_for(self, choice: Choice) -> Schemas:
        """Return all schemas; where none has the message type, with those of the preset that has it."""
        if choice.type is None or self.schemas.find(choice.type, choice.schema) is not None:
            return self.schemas
        preset = preset_with(choice.type)
        return self.schemas if preset is None else self._with_preset(preset)

    def _with_preset(self, preset: Preset) -> Schemas:
        """Return all schemas, after those of a preset that are installed were added, once and behind all others."""
        with self._lock:
            if preset.name not in self._loaded_presets:
                self._loaded_presets.add(preset.name)
                with suppress(SchemaFailed):  # the reason of the document says what is missing
                    self.schemas = Schemas((*self.schemas.sets, *self._load_preset(preset)))
            return self.schemas

    def loads_for_choices(self, key: str) -> bool:
        """Return whether schemas have to be loaded before the choices for a key are known, which takes a while."""
        preset = preset_of(self.scope.root + key)
        return bool(preset and preset.types and preset.name not in self._loaded_presets)

    def rule(self, key: str) -> Rule | None:
        """Return the rule for a key relative to the root, or None."""
        return self.rules.find(self.scope.root + key)

    def has_constraints(self, key: str) -> bool:
        """Return whether the values of a key relative to the root have constraints."""
        return bool(self.constraints.find(self.scope.root + key))

    def violations(self, key: str, value: bytes) -> tuple[Violation, ...]:
        """Return what breaks the constraints of a key; empty if it has none.

        Args:
            key: The key, relative to the root.
            value: The bytes that are to be stored.
        """
        from explorer.codecs.constraints.checker import check_value  # noqa: PLC0415 - it decodes by this class

        return check_value(self, key, value)

    def patterns(self, key: str) -> tuple[str, ...]:
        """Return patterns for keys similar to this one, the most likely first."""
        return similar_keys(self.scope.root + key, self.scope.separator)

    def add_rule(self, key: str, text: str, choice: Choice) -> None:
        """Add a rule, and write it to the rule file. It takes precedence over the present rule of the key.

        Args:
            key: A key that the pattern matches, relative to the root.
            text: The pattern of whole keys.
            choice: Codec for the values of the keys that match.

        Raises:
            SchemaFailed: The pattern is invalid or does not match the key, or the file cannot be written.
        """
        pattern = Pattern.parse(text, self.scope.separator)
        if not pattern.matches(self.scope.root + key):
            raise SchemaFailed(f"the pattern {text} does not match {self.scope.root + key}")
        current = self.rule(key)
        name = "rule of this run" if self.rule_file is None else f"rule {text} of {self.rule_file.path.name}"
        rule = Rule(pattern, choice, name)
        if current is not None and current.rank >= rule.rank:
            rule = replace(rule, priority=current.priority + 1)
        if self.rule_file is not None:
            self.rule_file.add(text, choice, priority=rule.priority)
        self.rules = Rules((*self.rules.rules, rule))

    def open(self, key: str, value: bytes, choice: Choice | None = None) -> Document:
        """Return the document of a value; any bytes have one.

        Args:
            key: The key, relative to the root.
            value: Its bytes.
            choice: Codec for this value only, in place of the rule's.
        """
        rule = self.rule(key) if choice is None else None
        if choice is not None:
            requested, reason = choice, "chosen by hand"
        elif rule is not None:
            requested, reason = rule.choice, rule.reason
        else:
            return self._detected(key, value)
        try:
            document = self._read(value, requested, reason)
        except InvalidText as error:
            hint = f" ({rule.hint})" if rule is not None and rule.hint and self._lacks_schema(rule) else ""
            document = self._detected(key, value, f"{reason}, but {error.message}{hint}; ")
        if rule is not None and not rule.editable and document.read_only_reason is None:
            return replace(document, read_only_reason=f"{rule.name} has editable = false")
        return document

    def encode_new(self, key: str, text: str, choice: Choice | None = None) -> EncodeResult:
        """Return the value of a text for a key that has none yet.

        Args:
            key: The key, relative to the root.
            text: The text.
            choice: Codec of the value; None for that of the rule, without one the text itself.

        Raises:
            InvalidText: The text is invalid, or required fields are missing.
            SchemaFailed: No schema has the message type.
        """
        rule = self.rule(key)
        wanted = choice or (rule.choice if rule else Choice("text"))
        document = self.open(key, b"", wanted)
        if document.choice.type != wanted.type:
            raise SchemaFailed(mismatch(document), hint="name the schema of the message", key=key)
        encoded = document.encode(text)
        if not encoded.value and wanted.type is not None:
            kind = self.schemas.find(wanted.type, wanted.schema)
            if kind is not None and (missing := missing_fields(kind.parse(b""))):
                raise InvalidText(f"required fields are missing: {', '.join(missing)}", key=key)
        return encoded

    def preview(self, key: str, value: bytes, choice: Choice | None = None) -> Document | None:
        """Return a document of the beginning of a large value, or None if its codec needs the whole value.

        Args:
            key: The key, relative to the root.
            value: Its bytes.
            choice: Codec for this value only, in place of the rule's.
        """
        rule = self.rule(key) if choice is None else None
        requested = choice or (rule.choice if rule else None)
        if value.startswith(KUBERNETES_MAGIC) or (requested is not None and requested.codec in _MESSAGE_CODECS):
            return None
        sample = truncate_utf8(value, self.limits.preview_size)
        document = self._detected(key, sample) if requested is None else self.open(key, sample, requested)
        return replace(
            document, value=value, reason=_PREVIEW_REASON, read_only_reason="the value is still being read", notes=()
        )

    def message_text(self, key: str, value: bytes) -> str | None:
        """Return the text of a value that is a message by its rule or its first bytes; None for any other."""
        rule = self.rule(key)
        is_mapped = rule is not None and rule.choice.codec in _MESSAGE_CODECS
        if not (is_mapped or value.startswith(KUBERNETES_MAGIC)):
            return None
        document = self.open(key, value)
        return document.text if document.choice.codec in _MESSAGE_CODECS else None

    def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        """Return the choices for a value, the most likely first."""
        found: dict[Choice, Choice] = {}
        for choice in self._choices(key, value):
            found.setdefault(self._without_schema(choice), choice)
        return tuple(found.values())

    def _without_schema(self, choice: Choice) -> Choice:
        """Return a choice without the name of its schema set, if that is the first one that has the type anyway."""
        if choice.type is None or choice.schema is None:
            return choice
        find = self.schemas.find
        is_first = find(choice.type, choice.schema) is find(choice.type)
        return replace(choice, schema=None) if is_first else choice

    def _choices(self, key: str, value: bytes) -> Iterator[Choice]:
        if rule := self.rule(key):
            yield rule.choice
        elif choice := self._preset_choice(key, value):
            yield from (choice, replace(choice, form="json"))
        current = (self.preview(key, value) if len(value) > _PREVIEWED_SIZE else None) or self.open(key, value)
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

    def _preset_choice(self, key: str, value: bytes) -> Choice | None:
        """Return the message type of a preset that is not in use, if it has one for a key and the value is one."""
        preset = preset_of(self.scope.root + key)
        choice = None if preset is None else preset.choice(self.scope.root + key)
        if choice is None or choice.type is None:
            return None
        try:
            self._read(value, choice, "")
        except InvalidText:
            return None
        return choice

    def _read(self, value: bytes, choice: Choice, reason: str) -> Document:
        """Return the document of a value by a codec.

        Raises:
            InvalidText: The value is invalid for this codec.
        """
        match choice.codec:
            case "hex":
                return HexDocument.open(value, reason, self.limits)
            case "json" | "yaml" | "text":
                return TextDocument.open(value, choice, reason, self.limits)
            case "protobuf":
                return MessageDocument.open(value, choice, reason, self.schemas_for(choice), self.limits)
            case "k8s":
                return KubernetesDocument.open(value, choice, reason, self.kubernetes_schemas(), self.limits)

    def _detected(self, key: str, value: bytes, prefix: str = "") -> Document:
        if value.startswith(KUBERNETES_MAGIC):
            reason = "Kubernetes object"
            try:
                return self._read(value, Choice("k8s"), prefix + reason)
            except InvalidText as error:
                prefix += f"{reason}, but {error.message}; "
        codec, reason = detect(key, truncate_utf8(value, self.limits.max_shown))
        if codec == "hex":
            document = HexDocument.open(value, prefix + reason, self.limits)
            return replace(document, notes=(*self._type_notes(key, value), *document.notes))
        return TextDocument.open(value, Choice(codec), prefix + reason, self.limits)

    def _type_notes(self, key: str, value: bytes) -> Iterator[str]:
        """Yield how to see a binary value as a message."""
        if value.startswith(KUBERNETES_MAGIC):
            yield f"the preset kubernetes {_PRESET_NOTE}"
        elif self.rule(key) is not None:
            return
        elif preset := preset_of(self.scope.root + key):
            yield f"the preset {preset.name} {_PRESET_NOTE}"
        elif any(self.schemas.types()):
            yield _UNKNOWN_TYPE_NOTE


def mismatch(document: Document) -> str:
    """Return why a value cannot be read as the message that was named."""
    start, _, reason = document.reason.partition(", but ")
    return (reason or start).partition(";")[0]


def _forms(document: Document) -> Iterator[Choice]:
    """Yield the choices of a document's forms; hex is always offered last."""
    if document.language != "hex":
        yield document.choice
    if alternative := document.alternative():
        yield alternative
