"""Values that are text: JSON, YAML and everything else. The text is the value; nothing is ever formatted anew."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from explorer.codecs.contract import Choice, Document, Encoded, Language, Merge
from explorer.codecs.escaping import escape, invalid, needs_escape, unescape
from explorer.codecs.limits import Limits
from explorer.codecs.merging import merged_lines
from explorer.codecs.syntax import check_json, check_yaml
from explorer.model.errors import InvalidText

_ESCAPED: Final = "shown escaped: it holds characters that cannot be seen or edited as they are; \\\\ is a backslash"
_LOOKED_OVER: Final = 1 << 18
"""Characters of a text whose syntax is looked over when it is opened; an edited one always is."""


def _accept(_: str) -> None:
    """Any text is text."""


_CHECKS: Final[Mapping[str, Callable[[str], None]]] = {"json": check_json, "yaml": check_yaml}
_LANGUAGES: Final[Mapping[str, Language]] = {"json": "json", "yaml": "yaml"}


@dataclass(frozen=True, slots=True)
class PlainDocument(Document):
    """A value that is UTF-8."""

    escaped: bool
    """Whether the text is in its escaped form."""

    @classmethod
    def open(cls, value: bytes, choice: Choice, reason: str, limits: Limits) -> Self:
        """Open a value as text; one that is too large to edit is shown in part.

        Raises:
            InvalidText: It is not UTF-8.
        """
        shown = value[: limits.value]
        whole = len(shown) == len(value)
        try:
            text = shown.decode("utf-8", "strict" if whole else "ignore")
        except UnicodeDecodeError as error:
            raise InvalidText(f"not UTF-8: byte 0x{value[error.start]:02x} at {error.start}") from error
        return cls._made(value, text, choice, reason, refusal=None if whole else limits.refusal(value))

    @classmethod
    def _made(
        cls, value: bytes, text: str, choice: Choice, reason: str, *, refusal: str | None = None, escaped: bool = False
    ) -> Self:
        escaped = escaped or needs_escape(text)
        notes = [_ESCAPED] if escaped else []
        if refusal is None and len(text) <= _LOOKED_OVER:
            try:
                _CHECKS.get(choice.codec, _accept)(text)
            except InvalidText as error:
                notes.append(f"as it is stored it is {error.message}")
        language = "text" if escaped else _LANGUAGES.get(choice.codec, "text")
        return cls(
            value=value,
            choice=choice,
            reason=reason,
            text=escape(text) if escaped else text,
            language=language,
            refusal=refusal,
            notes=tuple(notes),
            escaped=escaped,
        )

    def encode(self, text: str) -> Encoded:
        """Give the bytes of a text; JSON and YAML are checked, and never changed.

        Raises:
            InvalidText: It is no JSON or YAML, has an escape that names nothing, or the document refuses to be edited.
        """
        if self.refusal is not None:
            raise InvalidText(self.refusal)
        if text == self.text:
            return Encoded(self.value, changed=False)
        meant = self._meant(text)
        try:
            value = meant.encode()
        except UnicodeEncodeError as error:
            raise invalid(meant, error.start, "a lone surrogate is no character") from error
        _CHECKS.get(self.choice.codec, _accept)(meant)
        return Encoded(value, changed=value != self.value)

    def merge(self, mine: str, theirs: bytes) -> Merge:
        """Merge line by line.

        Raises:
            InvalidText: Theirs is not UTF-8 or too large, or mine has an escape that names nothing.
        """
        if self.refusal is not None:
            raise InvalidText(self.refusal)
        try:
            their_text = theirs.decode()
        except UnicodeDecodeError as error:
            raise InvalidText(
                "what is stored now is no text any more", hint="take theirs or mine as a whole"
            ) from error
        text, conflicts = merged_lines(self._meant(self.text), self._meant(mine), their_text)
        document = self._made(theirs, their_text, self.choice, self.reason, escaped=needs_escape(text))
        return Merge(document, escape(text) if document.escaped else text, conflicts)

    def _meant(self, text: str) -> str:
        return unescape(text) if self.escaped else text
