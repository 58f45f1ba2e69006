"""Values that are protobuf messages, edited as text without losing what no text shows."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Self

from google.protobuf.message import DecodeError, Message

from explorer.codecs.base import Choice, Document, EncodeResult, Limits, MergeResult
from explorer.codecs.protobuf.fields import copied, is_complete, missing_fields, serialized, unknown_size
from explorer.codecs.protobuf.inspection import truncate
from explorer.codecs.protobuf.message_merge import MergeInputs, MessageMerge
from explorer.codecs.protobuf.schemas import MessageType, Schemas
from explorer.codecs.protobuf.text_formats import JsonFormat, MessageFormat, TextFormat
from explorer.codecs.protobuf.wire_patch import patch_bytes
from explorer.codecs.text.content import PlainText
from explorer.codecs.text.escapes import escape_typed_literals
from explorer.model.errors import InvalidText
from explorer.model.sanitize import pluralize

_RELAXED: Final = "some of its strings are not UTF-8: strings are shown as bytes"


class _NotOfThisKindError(InvalidText):
    """A value is no message of a type, or holds strings that are none."""


@dataclass(frozen=True, slots=True)
class MessageDocument(Document):
    """A message in one of its forms."""

    kind: MessageType
    form: MessageFormat = field(repr=False)
    limits: Limits = field(repr=False)

    @classmethod
    def open(cls, value: bytes, choice: Choice, reason: str, schemas: Schemas, limits: Limits) -> Self:
        """Open a value as the message that was chosen.

        Raises:
            InvalidText: It is none, no schema has the type, or it cannot be shown in full nor in part.
        """
        name = choice.type or ""
        kind = schemas.find(name, choice.schema)
        relaxed = schemas.find(name, choice.schema, relaxed=True)
        if kind is None or relaxed is None:
            raise _unknown(name, schemas)
        if len(value) > limits.max_value:
            raise InvalidText(f"{len(value):,} bytes are too many to be read as a message")
        try:
            return cls._of(value, kind, choice, reason, limits)
        except _NotOfThisKindError:
            document = cls._of(value, relaxed, replace(choice, form="text"), reason, limits)
            return replace(document, notes=(_RELAXED, *document.notes))

    @classmethod
    def _of(cls, value: bytes, kind: MessageType, choice: Choice, reason: str, limits: Limits) -> Self:
        try:
            return cls._made(value, kind, choice, reason, limits)
        except (
            UnicodeDecodeError
        ) as error:  # of a key, which the library checks when it is read, and never lets be bytes
            raise _NotOfThisKindError(f"it is no {kind.name}: not all the keys of its maps are text") from error

    @classmethod
    def _made(cls, value: bytes, kind: MessageType, choice: Choice, reason: str, limits: Limits) -> Self:
        try:
            message = kind.parse(value)
        except DecodeError as error:
            raise _NotOfThisKindError(f"it does not parse as {kind.name}") from error
        found = kind.inspector.inspect(message, limits.max_elements)
        if found.has_invalid_strings:
            raise _NotOfThisKindError(f"it is no {kind.name}: not all its strings are text")
        shown, read_only_reason = message, None
        if found.exceeds_limit:
            shown = copied(message)
            truncate(shown, limits.max_elements)
            read_only_reason = f"more than {limits.max_elements:,} elements: the first are shown, too many to edit here"
        form, text, why = _written(shown, kind, choice, anys=found.has_any)
        if len(text) > limits.max_value:
            text = text[: limits.max_value]
            read_only_reason = f"too long to edit here: the first {limits.max_value:,} characters are shown"
        return cls(
            value=value,
            choice=replace(choice, form="json" if form.language == "json" else "text"),
            reason=reason,
            content=PlainText(text),
            language=form.language,
            read_only_reason=read_only_reason,
            notes=(*why, *_notes(value, message)),
            kind=kind,
            form=form,
            limits=limits,
        )

    def adopt(self, text: str) -> tuple[Document, str]:
        """Return this document and a text with escapes in the place of what an editor would alter."""
        return self, escape_typed_literals(text, octal=self.language != "json")

    def alternative(self) -> Choice:
        """Return the other form of the message: text format or JSON."""
        return replace(self.choice, form="text" if self.choice.form == "json" else "json")

    def encode(self, text: str) -> EncodeResult:
        """Give the bytes of the message with the edit carried over to it.

        Raises:
            InvalidText: It is no such message, the edit takes a required field away, the document refuses to be edited,
                or the outcome would not say what the text says.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        if text == self.text:
            return EncodeResult(self.value, changed=False)
        edited = self._read(text)
        before = self.kind.parse(self.value)
        base = self._read(self.text)
        if serialized(edited) == serialized(base):
            return EncodeResult(self.value, changed=False, notes=("only spelling differs: nothing to write",))
        after = copied(before)
        self._graft(MergeInputs(after, base, base, edited))
        if (missing := missing_fields(after)) and (is_complete(before) or not self.value):
            raise InvalidText(f"required fields are missing: {', '.join(missing)}")
        value = patch_bytes(self.value, before, after)
        self._verify(value, edited)
        return EncodeResult(value, value != self.value, tuple(self._changes(value, before, after)))

    def merge(self, mine: str, theirs: bytes) -> MergeResult:
        """Merge field by field.

        Raises:
            InvalidText: Mine is no such message, theirs is none any more, or the document refuses to be edited.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        base, edited = self._read(self.text), self._read(mine)
        hint = "take theirs or mine as a whole"
        try:
            document = self._of(theirs, self.kind, self.choice, self.reason, self.limits)
        except InvalidText as error:
            raise InvalidText(f"what is stored now cannot be merged: {error.message}", hint=hint) from error
        if document.read_only_reason is not None or document.form != self.form:
            raise InvalidText("what is stored now cannot be shown in the same form", hint=hint)
        stored = document._read(document.text)  # noqa: SLF001 - another one of these
        merged = copied(stored)
        conflicts = self._graft(MergeInputs(merged, stored, base, edited))
        return MergeResult(document, self.form.write(merged), conflicts)

    def _read(self, text: str) -> Message:
        return self.form.read(text, self.kind.message_class)

    def _graft(self, four: MergeInputs) -> tuple[str, ...]:
        """Carry an edit over to the target, and give the fields that somebody else changed differently."""
        graft = MessageMerge(self.kind.class_of if self.form.expands else None)
        graft.message(four)
        return tuple(graft.conflicts)

    def _verify(self, value: bytes, edited: Message) -> None:
        """Read what would be written: it must say what the text says."""
        try:
            again = self._read(self.form.write(self.kind.parse(value)))
        except (DecodeError, InvalidText) as error:
            raise InvalidText(f"this cannot be written: {error}", hint="edit it in another form") from error
        if serialized(again) != serialized(edited):
            raise InvalidText(
                "this cannot be written without changing its meaning; nothing was written",
                hint="edit it in another form",
            )

    def _changes(self, value: bytes, before: Message, after: Message) -> Iterator[str]:
        lost = unknown_size(before) - unknown_size(after)
        if lost > 0:
            yield f"{pluralize(lost, 'byte')} of fields that the schema does not know: gone with what was removed"
        if value == serialized(after) and self.value != serialized(before):
            yield "the whole message is written anew: the same fields, in this library's own order and spelling"
        if missing := missing_fields(after):
            yield f"required fields are still missing: {', '.join(missing)}"


def _unknown(name: str, schemas: Schemas) -> InvalidText:
    if not name:
        return InvalidText("no message is named")
    alike = schemas.suggest(name)
    return InvalidText(f"no schema has a message {name!r}" + (f" (there is {alike})" if alike else ""))


def _written(
    message: Message, kind: MessageType, choice: Choice, *, anys: bool
) -> tuple[MessageFormat, str, tuple[str, ...]]:
    """Write a message in the form that was chosen, or in the next one that can say all of it."""
    forms: list[MessageFormat] = [TextFormat(kind.pool), TextFormat(None)]
    if choice.form == "json":
        forms.insert(0, JsonFormat(kind.pool))
    failures: list[str] = []
    if (hiding := kind.hiding_field) is not None:
        forms = [JsonFormat(kind.pool)]
        if choice.form != "json":
            failures.append(f"shown as JSON: text format cannot be read where a field is called {hiding}")
    for form in forms:
        try:
            text = form.write(message)
            if anys and form.expands:
                form.read(text, kind.message_class)
        except InvalidText as error:
            failures.append(f"not shown {form.title}: {error.message}")
        else:
            return form, text, tuple(failures)
    raise InvalidText(failures[-1])


def _notes(value: bytes, message: Message) -> tuple[str, ...]:
    notes: list[str] = []
    if unknown := unknown_size(message):
        notes.append(f"{pluralize(unknown, 'byte')} of fields that the schema does not know: kept")
    if serialized(message) != value:
        notes.append("written by another library in another order or spelling: what is not edited stays as it is")
    if missing := missing_fields(message):
        notes.append(f"required fields are missing: {', '.join(missing)}")
    return tuple(notes)
