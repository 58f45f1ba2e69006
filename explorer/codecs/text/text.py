"""Documents of JSON, YAML and plain text. The stored formatting is kept.

The shown text differs from the stored one in three ways that `encode` reverses: an indented layout, CRLF line ends
shown as line feeds, and escapes for characters that cannot be shown or edited.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from explorer.codecs.base import Choice, Codec, Document, EncodeResult, Language, Limits, MergeResult
from explorer.codecs.line_merge import merge_lines
from explorer.codecs.text.content import EscapedText, PlainText
from explorer.codecs.text.escapes import escape, invalid, needs_escape, unescape
from explorer.codecs.text.json_merge import merge_json_values
from explorer.codecs.text.json_syntax import check_json, json_tokens
from explorer.codecs.text.token_layout import TokenLayout
from explorer.codecs.text.yaml_syntax import check_yaml, flow_layout
from explorer.model.errors import InvalidText
from explorer.model.sanitize import pluralize, sanitize

MAX_INDENTED_SIZE: Final[Mapping[Codec, int]] = {"json": 1 << 20, "yaml": 1 << 17}
"""Characters up to which a text is indented; YAML takes about ten times as long."""
_ESCAPED_NOTE: Final = "shown escaped: it has characters that cannot be shown or edited; \\\\ is a backslash"
_CRLF_NOTE: Final = "CRLF line ends: kept on save"
_NO_CHANGE_NOTE: Final = "only white space differs, and the stored layout is kept: nothing to write"
_MAX_CHECKED_SIZE: Final = 1 << 18
"""Characters up to which a text is checked when it is opened; an edited text is always checked."""


def _accept(_: str) -> None:
    """Accept any text."""


_CHECKS: Final[Mapping[str, Callable[[str], None]]] = {"json": check_json, "yaml": check_yaml}
_LANGUAGES: Final[Mapping[str, Language]] = {"json": "json", "yaml": "yaml"}


@dataclass(frozen=True, slots=True)
class TextDocument(Document):
    """UTF-8 value."""

    escaped: bool
    """True if the text is in its escaped form."""
    crlf: bool
    """True if each line feed of the text is stored as CRLF."""
    layout: TokenLayout | None
    """Stored layout of an indented text."""

    @classmethod
    def open(cls, value: bytes, choice: Choice, reason: str, limits: Limits) -> Self:
        """Return the document of a value; a value that is too large is truncated.

        Raises:
            InvalidText: The value is not UTF-8.
        """
        shown = value[: limits.max_shown]
        is_whole = len(shown) == len(value)
        try:
            text = shown.decode("utf-8", "strict" if is_whole else "ignore")
        except UnicodeDecodeError as error:
            raise InvalidText(f"not UTF-8: byte 0x{value[error.start]:02x} at {error.start}") from error
        return cls._make(value, text, choice, reason, read_only_reason=limits.read_only_reason(value, limits.max_value))

    @classmethod
    def _make(
        cls, value: bytes, text: str, choice: Choice, reason: str, *, read_only_reason: str | None = None
    ) -> Self:
        layout = _layout(text, choice) if read_only_reason is None else None
        crlf = layout is None and _has_only_crlf(text)
        shown = layout.text if layout else text.replace("\r\n", "\n") if crlf else text
        notes = [_CRLF_NOTE] if crlf else []
        if layout is None and not crlf and "\r\n" in text:
            crlf_count, line_ends = text.count("\r\n"), pluralize(text.count("\n"), "line end")
            notes.append(f"mixed line ends: {crlf_count:,} of {line_ends} are CRLF, shown as \\r")
        if layout is None and read_only_reason is None and 0 < len(text) <= _MAX_CHECKED_SIZE:
            try:
                _CHECKS.get(choice.codec, _accept)(text)
            except InvalidText as error:
                notes.append(f"the stored value is invalid: {error.message}")
        if layout is None and _is_too_long_to_indent(text, choice):
            notes.append(f"too large to indent: more than {MAX_INDENTED_SIZE[choice.codec]:,} characters")
        document = cls(
            value=value,
            choice=choice,
            reason=reason,
            content=PlainText(shown),
            language=_LANGUAGES.get(choice.codec, "text"),
            read_only_reason=read_only_reason,
            notes=tuple(notes),
            escaped=False,
            crlf=crlf,
            layout=layout,
        )
        return document._with_escapes() if choice.escaped or needs_escape(shown) else document

    def _with_escapes(self) -> Self:
        """Return the document in its escaped form."""
        notes = (_ESCAPED_NOTE, *self.notes)
        return replace(self, content=EscapedText(self.text), language="text", notes=notes, escaped=True)

    @property
    def indented(self) -> bool:
        """True if the text has one element a line."""
        return self.layout is not None

    def alternative(self) -> Choice | None:
        """Return the stored layout for an indented text, or the indented layout for another."""
        if self.indented:
            return replace(self.choice, indented=False)
        indented = replace(self.choice, indented=True)
        layout = None if self.read_only_reason else _layout(self._stored(self.text), indented)
        return indented if layout else None

    def indented_text(self, text: str) -> str | None:
        """Return a one-line text of this document with one element a line, or None if it has no such layout."""
        if self.layout is not None:
            return None
        layout = _layout(text, replace(self.choice, indented=None))
        return None if layout is None else layout.text

    def adopt(self, text: str) -> tuple[Document, str]:
        """Return the document and a text from another editor, escaped if the text needs it."""
        if not needs_escape(text):
            return self, text
        if self.escaped:
            return self, sanitize(text, multiline=True)
        return replace(self._with_escapes(), choice=replace(self.choice, escaped=True)), escape(text)

    def paste(self, text: str) -> tuple[Document, str]:
        """Return the document and a pasted text; in the escaped form a backslash is doubled."""
        return (self, escape(text)) if self.escaped else self.adopt(text)

    def encode(self, text: str) -> EncodeResult:
        """Return the bytes of a text; JSON and YAML are checked, and their layout and values are kept.

        Raises:
            InvalidText: The text is not valid JSON or YAML, has an invalid escape, or the document cannot be edited.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        if text == self.text:
            return EncodeResult(self.value, changed=False)
        unescaped = self._unescape(text)
        _check_surrogates(unescaped)
        _CHECKS.get(self.choice.codec, _accept)(unescaped)
        value = self._stored(text).encode()
        changed = value != self.value
        return EncodeResult(value, changed, () if changed else (_NO_CHANGE_NOTE,))

    def merge(self, mine: str, theirs: bytes) -> MergeResult:
        """Return the line-by-line merge, or where lines of JSON conflict that by value, in the layout of this document.

        Raises:
            InvalidText: Theirs is not UTF-8 or has no such layout, or mine has an invalid escape.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        hint = "take theirs or mine"
        choice = replace(self.choice, indented=self.indented)
        try:
            document = self._make(theirs, theirs.decode(), choice, self.reason)
        except UnicodeDecodeError as error:
            raise InvalidText("the stored value is no longer text", hint=hint) from error
        if self.layout is not None and _layout(document._stored(document.text), choice) is None:  # noqa: SLF001 - its own class
            raise InvalidText(f"the stored value is no longer a {self.choice.codec} list or mapping", hint=hint)
        their_text = document._unescape(document.text)  # noqa: SLF001 - its own class
        texts = self._unescape(self.text), self._unescape(mine), their_text
        text, conflicts = merge_lines(*texts)
        if conflicts and self.choice.codec == "json":
            text, conflicts = merge_json_values(*texts) or (text, conflicts)
        if needs_escape(text) and not document.escaped:
            document = replace(document._with_escapes(), choice=replace(choice, escaped=True))  # noqa: SLF001 - its own class
        return MergeResult(document, escape(text) if document.escaped else text, conflicts)

    def _unescape(self, text: str) -> str:
        """Return a text of this document without escapes."""
        return unescape(text) if self.escaped else text

    def _stored(self, text: str) -> str:
        """Return a text in the stored layout, with the stored line ends.

        Raises:
            InvalidText: The text has no such layout.
        """
        unescaped = self._unescape(text)
        if self.layout is not None:
            return self.layout.restore(unescaped)
        return unescaped.replace("\n", "\r\n") if self.crlf else unescaped


def _layout(text: str, choice: Choice) -> TokenLayout | None:
    """Return the indented layout of a text, or None if it is shown as stored."""
    one_line = "\n" not in text.strip()
    should_indent = one_line if choice.indented is None else choice.indented
    if not should_indent or len(text) > MAX_INDENTED_SIZE.get(choice.codec, 0):
        return None
    layout: TokenLayout | None = None
    match choice.codec:
        case "json":
            try:
                layout = TokenLayout(json_tokens(text), json_tokens)
            except InvalidText:
                return None
        case "yaml":
            layout = flow_layout(text)
        case _:
            pass
    return layout if layout is not None and layout.stored.has_elements else None


def _is_too_long_to_indent(text: str, choice: Choice) -> bool:
    max_size = MAX_INDENTED_SIZE.get(choice.codec)
    return max_size is not None and choice.indented is not False and len(text) > max_size and "\n" not in text.strip()


def _has_only_crlf(text: str) -> bool:
    return text.count("\r\n") == text.count("\n") == text.count("\r") > 0


def _check_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid(text, error.start, "a lone surrogate is not a character") from error
