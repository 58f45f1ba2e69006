"""Change of a value as text: whether it can be encoded, what saving it would write, how it conflicts with another."""

from dataclasses import dataclass, replace
from typing import Final

from explorer.codecs.base import Document
from explorer.model.entries import Entry
from explorer.model.errors import InvalidText
from explorer.session.decoder import Decoder
from explorer.session.editing.edit_states import Conflicted, Drafting, Reviewing, Saved

_INDENTED_NOTE: Final = "shown indented; the layout that is stored is kept"


@dataclass(frozen=True, slots=True)
class TextChange:
    """A text and the value that it began with."""

    key: str
    base: Entry | None
    """Entry as it was read; None for a new key."""
    document: Document
    """Decoded value of the entry."""
    text: str

    @property
    def text_before(self) -> str:
        """Text of the entry; empty for a new key."""
        return "" if self.base is None else self.document.text

    async def convert(self, decoder: Decoder) -> tuple[Document, str, bool]:
        """Return the document's other form, the text in it, and whether saving it would write anything.

        Raises:
            InvalidText: There is no other form, the text cannot be encoded, or its value has no such form.
        """
        choice = self.document.alternative()
        if choice is None:
            raise InvalidText("this value has only one form")
        encoded = await decoder.encode(self.document, self.text)
        other = await decoder.open(self.key, self.document.value, choice)
        text = (await decoder.open(self.key, encoded.value, choice)).text if encoded.changed else other.text
        again = await decoder.encode(other, text)
        if again.value != encoded.value:
            raise InvalidText("this text cannot be shown in the other form")
        return other, text, encoded.changed

    async def validate(self, decoder: Decoder) -> Drafting:
        """Return the state that says whether the text can be encoded, and which constraints its value breaks."""
        try:
            encoded = await decoder.encode(self.document, self.text)
        except InvalidText as error:
            return Drafting(error, changed=True, checked=True)
        violations = await decoder.check(self.key, encoded.value)
        changed = encoded.changed or self.base is None
        return Drafting(changed=changed, notes=encoded.notes, violations=violations, checked=True)

    async def review(self, decoder: Decoder, *, replaces_base: bool) -> Drafting | Reviewing | Saved:
        """Return the state that shows what saving would change, that nothing would, or that it is not possible.

        Args:
            decoder: Encodes the text.
            replaces_base: Whether saving replaces the entry that the change began with, not another client's.
        """
        try:
            encoded = await decoder.encode(self.document, self.text)
        except InvalidText as error:
            return Drafting(error, changed=True, checked=True)
        if not encoded.changed and self.base is not None and replaces_base:
            return Saved(self.base, written=False)
        diff, is_indented = await decoder.compare(self.document, self.text_before, self.text)
        notes = (_INDENTED_NOTE,) if is_indented or self.document.indented else ()
        violations = await decoder.check(self.key, encoded.value)
        return Reviewing(encoded, diff, (*encoded.notes, *notes), violations)

    async def conflict_with(self, theirs: Entry | None, value: bytes, decoder: Decoder) -> Conflicted:
        """Return the conflict with another client's change, merged if that is possible.

        Args:
            theirs: Stored entry; None if there is none.
            value: The text, encoded.
            decoder: Merges and compares.
        """
        merge, reason, their_text = None, "the key is gone", ""
        if self.base is None:
            reason = "the key was created by another client" if theirs is not None else "there was no key"
        elif theirs is not None:
            try:
                merge = await decoder.merge(self.document, self.text, theirs.value or b"")
            except InvalidText as error:
                reason = error.message
        if merge is not None:
            their_text = merge.document.text
        elif theirs is not None:
            choice = replace(self.document.choice, indented=self.document.indented)
            their_text = (await decoder.open(self.key, theirs.value or b"", choice)).text
        rows = await decoder.compare_three(self.text_before, their_text, self.text)
        return Conflicted(self.base, self.text, value, theirs, merge, "" if merge else reason, rows)
