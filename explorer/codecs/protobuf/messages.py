"""Documents of protobuf messages, edited as text without losing what text cannot show."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Self

from google.protobuf.message import DecodeError, Message

from explorer.codecs.base import Choice, Document, EncodeResult, Limits, MergeResult
from explorer.codecs.protobuf.fields import copy_message, is_complete, missing_fields, serialized, unknown_size
from explorer.codecs.protobuf.inspection import truncate
from explorer.codecs.protobuf.message_merge import MergeInputs, MessageMerge
from explorer.codecs.protobuf.schemas import MessageType, Schemas
from explorer.codecs.protobuf.text_formats import JsonFormat, MessageFormat, TextFormat
from explorer.codecs.protobuf.wire_patch import patch_bytes
from explorer.codecs.text.content import PlainText
from explorer.codecs.text.escapes import escape_typed_literals
from explorer.model.errors import InvalidText
from explorer.model.sanitize import pluralize

_BYTES_NOTE: Final = "some strings are not UTF-8: strings are shown as bytes"


class _WrongTypeError(InvalidText):
    """The value is not a message of the type, or has strings that are not UTF-8."""


@dataclass(frozen=True, slots=True)
class MessageDocument(Document):
    """Protobuf message in one of its forms."""

    message_type: MessageType
    form: MessageFormat = field(repr=False)
    limits: Limits = field(repr=False)

    @classmethod
    def open(cls, value: bytes, choice: Choice, reason: str, schemas: Schemas, limits: Limits) -> Self:
        """Return the document of a value by the chosen message type.

        Raises:
            InvalidText: The value is not such a message or is too large, or no schema has the type.
        """
        name = choice.type or ""
        message_type = schemas.find(name, choice.schema)
        relaxed = schemas.find(name, choice.schema, relaxed=True)
        if message_type is None or relaxed is None:
            raise _unknown(name, schemas)
        if len(value) > limits.max_value:
            raise InvalidText(f"{len(value):,} bytes: too large for a message")
        try:
            return cls._open_checked(value, message_type, choice, reason, limits)
        except _WrongTypeError:
            document = cls._open_checked(value, relaxed, replace(choice, form="text"), reason, limits)
            return replace(document, notes=(_BYTES_NOTE, *document.notes))

    @classmethod
    def _open_checked(
        cls, value: bytes, message_type: MessageType, choice: Choice, reason: str, limits: Limits
    ) -> Self:
        try:
            return cls._make(value, message_type, choice, reason, limits)
        except UnicodeDecodeError as error:  # a map key: the library checks it on access, and it cannot be bytes
            raise _WrongTypeError(f"not of type {message_type.name}: a map key is not UTF-8") from error

    @classmethod
    def _make(cls, value: bytes, message_type: MessageType, choice: Choice, reason: str, limits: Limits) -> Self:
        try:
            message = message_type.parse(value)
        except DecodeError as error:
            raise _WrongTypeError(f"it does not parse as {message_type.name}") from error
        stats = message_type.inspector.inspect(message, limits.max_elements)
        if stats.has_invalid_strings:
            raise _WrongTypeError(f"not of type {message_type.name}: a string is not UTF-8")
        shown, read_only_reason = message, None
        if stats.exceeds_limit:
            shown = copy_message(message)
            truncate(shown, limits.max_elements)
            read_only_reason = (
                f"more than {limits.max_elements:,} elements: only the first are shown, too many to edit here"
            )
        form, text, form_notes = _write_in_form(shown, message_type, choice, has_any=stats.has_any)
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
            notes=(*form_notes, *_notes(value, message)),
            message_type=message_type,
            form=form,
            limits=limits,
        )

    def adopt(self, text: str) -> tuple[Document, str]:
        """Return the document and a text from another editor, escaped."""
        return self, escape_typed_literals(text, octal=self.language != "json")

    def alternative(self) -> Choice:
        """Return the choice of the other form: text format or JSON."""
        return replace(self.choice, form="text" if self.choice.form == "json" else "json")

    def encode(self, text: str) -> EncodeResult:
        """Return the bytes of the message with the edit applied.

        Raises:
            InvalidText: The text is not such a message, the edit removes a required field, the document cannot be
                edited, or the result would differ from the text.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        if text == self.text:
            return EncodeResult(self.value, changed=False)
        edited = self._read(text)
        before = self.message_type.parse(self.value)
        base = self._read(self.text)
        if serialized(edited) == serialized(base):
            return EncodeResult(self.value, changed=False, notes=("only the formatting differs: nothing to write",))
        after = copy_message(before)
        self._apply(MergeInputs(after, base, base, edited))
        if (missing := missing_fields(after)) and (is_complete(before) or not self.value):
            raise InvalidText(f"required fields are missing: {', '.join(missing)}")
        value = patch_bytes(self.value, before, after)
        self._verify(value, edited)
        return EncodeResult(value, value != self.value, tuple(self._changes(value, before, after)))

    def merge(self, mine: str, theirs: bytes) -> MergeResult:
        """Return the merge by field.

        Raises:
            InvalidText: Mine or theirs is not such a message, or the document cannot be edited.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        base, edited = self._read(self.text), self._read(mine)
        hint = "take theirs or mine"
        try:
            document = self._open_checked(theirs, self.message_type, self.choice, self.reason, self.limits)
        except InvalidText as error:
            raise InvalidText(f"the stored value cannot be merged: {error.message}", hint=hint) from error
        if document.read_only_reason is not None or document.form != self.form:
            raise InvalidText("the stored value cannot be shown in the same form", hint=hint)
        stored = document._read(document.text)  # noqa: SLF001 - its own class
        merged = copy_message(stored)
        conflicts = self._apply(MergeInputs(merged, stored, base, edited))
        return MergeResult(document, self.form.write(merged), conflicts)

    def _read(self, text: str) -> Message:
        return self.form.read(text, self.message_type.message_class)

    def _apply(self, inputs: MergeInputs) -> tuple[str, ...]:
        """Apply an edit to the target, and return the paths of conflicts."""
        merge = MessageMerge(self.message_type.class_of if self.form.expands_any else None)
        merge.message(inputs)
        return tuple(merge.conflicts)

    def _verify(self, value: bytes, edited: Message) -> None:
        """Raise if the bytes to write differ in meaning from the edited text."""
        try:
            parsed = self._read(self.form.write(self.message_type.parse(value)))
        except (DecodeError, InvalidText) as error:
            raise InvalidText(f"the edit cannot be encoded: {error}", hint="edit it in another form") from error
        if serialized(parsed) != serialized(edited):
            raise InvalidText(
                "the edit cannot be encoded without changing its meaning; nothing was written",
                hint="edit it in another form",
            )

    def _changes(self, value: bytes, before: Message, after: Message) -> Iterator[str]:
        lost = unknown_size(before) - unknown_size(after)
        if lost > 0:
            yield f"{pluralize(lost, 'byte')} of unknown fields are removed with what was deleted"
        if value == serialized(after) and self.value != serialized(before):
            yield "the whole message is serialized anew: the same fields, in the order and encoding of this library"
        if missing := missing_fields(after):
            yield f"required fields are still missing: {', '.join(missing)}"


def _unknown(name: str, schemas: Schemas) -> InvalidText:
    if not name:
        return InvalidText("no message type")
    similar = schemas.suggest(name)
    return InvalidText(f"no schema has a message {name!r}" + (f" (did you mean {similar}?)" if similar else ""))


def _write_in_form(
    message: Message, message_type: MessageType, choice: Choice, *, has_any: bool
) -> tuple[MessageFormat, str, tuple[str, ...]]:
    """Return the chosen form, or the next one that can represent the message, with the text and notes."""
    forms: list[MessageFormat] = [TextFormat(message_type.pool), TextFormat(None)]
    if choice.form == "json":
        forms.insert(0, JsonFormat(message_type.pool))
    failures: list[str] = []
    if (hiding := message_type.hiding_field) is not None:
        forms = [JsonFormat(message_type.pool)]
        if choice.form != "json":
            failures.append(f"shown as JSON: text format cannot have a field called {hiding}")
    for form in forms:
        try:
            text = form.write(message)
            if has_any and form.expands_any:
                form.read(text, message_type.message_class)
        except InvalidText as error:
            failures.append(f"not shown {form.title}: {error.message}")
        else:
            return form, text, tuple(failures)
    raise InvalidText(failures[-1])


def _notes(value: bytes, message: Message) -> tuple[str, ...]:
    notes: list[str] = []
    if unknown := unknown_size(message):
        notes.append(f"{pluralize(unknown, 'byte')} of unknown fields: kept")
    if serialized(message) != value:
        notes.append("written by another library in another order or encoding: what is not edited is kept")
    if missing := missing_fields(message):
        notes.append(f"required fields are missing: {', '.join(missing)}")
    return tuple(notes)
