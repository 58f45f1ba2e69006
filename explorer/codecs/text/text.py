"""Values that are text: JSON, YAML and everything else. What is stored is never formatted anew.

The shown text may differ from the stored one in three ways, each of which `encode` takes back: an indented layout,
line ends that are CRLF throughout, and escapes for what cannot be seen or edited.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from explorer.codecs.base import Choice, Codec, Document, EncodeResult, Language, Limits, MergeResult
from explorer.codecs.line_merge import merge_lines
from explorer.codecs.text.content import EscapedText, PlainText
from explorer.codecs.text.escapes import escape, invalid, needs_escape, unescape
from explorer.codecs.text.json_syntax import check_json, json_tokens
from explorer.codecs.text.token_layout import TokenLayout
from explorer.codecs.text.yaml_syntax import check_yaml, flow_layout
from explorer.model.errors import InvalidText
from explorer.model.sanitize import pluralize, sanitize

MAX_INDENTED: Final[Mapping[Codec, int]] = {"json": 1 << 20, "yaml": 1 << 17}
"""Characters up to which a text is laid out anew; YAML takes about ten times as long."""
_ESCAPED: Final = "shown escaped: it holds characters that cannot be seen or edited as they are; \\\\ is a backslash"
_CRLF: Final = "CRLF line ends: kept on save"
_ONLY_LAYOUT: Final = "only white space differs, which this form does not show: nothing to write"
_LOOKED_OVER: Final = 1 << 18
"""Characters of a text whose syntax is looked over when it is opened; an edited one always is."""


def _accept(_: str) -> None:
    """Any text is text."""


_CHECKS: Final[Mapping[str, Callable[[str], None]]] = {"json": check_json, "yaml": check_yaml}
_LANGUAGES: Final[Mapping[str, Language]] = {"json": "json", "yaml": "yaml"}


@dataclass(frozen=True, slots=True)
class TextDocument(Document):
    """A value that is UTF-8."""

    escaped: bool
    """Whether the text is in its escaped form."""
    crlf: bool
    """Whether each line feed of the text stands for CRLF."""
    layout: TokenLayout | None
    """The stored layout, where the text is indented."""

    @classmethod
    def open(cls, value: bytes, choice: Choice, reason: str, limits: Limits) -> Self:
        """Open a value as text; one that is too large to edit is shown in part.

        Raises:
            InvalidText: It is not UTF-8.
        """
        shown = value[: limits.max_shown]
        whole = len(shown) == len(value)
        try:
            text = shown.decode("utf-8", "strict" if whole else "ignore")
        except UnicodeDecodeError as error:
            raise InvalidText(f"not UTF-8: byte 0x{value[error.start]:02x} at {error.start}") from error
        return cls._made(value, text, choice, reason, read_only_reason=limits.read_only_reason(value, limits.max_value))

    @classmethod
    def _made(
        cls, value: bytes, text: str, choice: Choice, reason: str, *, read_only_reason: str | None = None
    ) -> Self:
        layout = _layout(text, choice) if read_only_reason is None else None
        crlf = layout is None and _has_only_crlf(text)
        shown = layout.text if layout else text.replace("\r\n", "\n") if crlf else text
        notes = [_CRLF] if crlf else []
        if layout is None and not crlf and "\r\n" in text:
            ends, feeds = text.count("\r\n"), pluralize(text.count("\n"), "line end")
            notes.append(f"mixed line ends: {ends:,} of {feeds} are CRLF, shown as \\r")
        if layout is None and read_only_reason is None and 0 < len(text) <= _LOOKED_OVER:
            try:
                _CHECKS.get(choice.codec, _accept)(text)
            except InvalidText as error:
                notes.append(f"as stored it is {error.message}")
        if layout is None and _is_too_long_to_indent(text, choice):
            notes.append(f"too large to be shown indented: more than {MAX_INDENTED[choice.codec]:,} characters")
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
        """Return the same value in its escaped form."""
        notes = (_ESCAPED, *self.notes)
        return replace(self, content=EscapedText(self.text), language="text", notes=notes, escaped=True)

    @property
    def indented(self) -> bool:
        """Whether the text is laid out anew for reading."""
        return self.layout is not None

    def alternative(self) -> Choice | None:
        """Return the stored form of an indented text, or the indented form of another one."""
        if self.indented:
            return replace(self.choice, indented=False)
        indented = replace(self.choice, indented=True)
        found = self.read_only_reason is None and _layout(self._stored(self.text), indented)
        return indented if found else None

    def indented_text(self, text: str) -> str | None:
        """Return a text of this document that is in one line with one element a line."""
        if self.layout is not None:
            return None
        layout = _layout(text, replace(self.choice, indented=None))
        return None if layout is None else layout.text

    def adopt(self, text: str) -> tuple[Document, str]:
        """Return this document and a text typed elsewhere, both in their escaped form if that is needed."""
        if not needs_escape(text):
            return self, text
        if self.escaped:
            return self, sanitize(text, multiline=True)
        return replace(self._with_escapes(), choice=replace(self.choice, escaped=True)), escape(text)

    def paste(self, text: str) -> tuple[Document, str]:
        """Return this document and how pasted text is written in it; in the escaped form a backslash is two."""
        return (self, escape(text)) if self.escaped else self.adopt(text)

    def encode(self, text: str) -> EncodeResult:
        """Give the bytes of a text; JSON and YAML are checked, and their layout and values are never changed.

        Raises:
            InvalidText: It is not valid JSON or YAML, has an escape that names nothing, or the document refuses to be
                edited.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        if text == self.text:
            return EncodeResult(self.value, changed=False)
        meant = self._meant(text)
        _refuse_surrogates(meant)
        _CHECKS.get(self.choice.codec, _accept)(meant)
        value = self._stored(text).encode()
        changed = value != self.value
        return EncodeResult(value, changed, () if changed else (_ONLY_LAYOUT,))

    def merge(self, mine: str, theirs: bytes) -> MergeResult:
        """Merge line by line, in the form in which this document is shown.

        Raises:
            InvalidText: Theirs is not UTF-8 or cannot be shown in this form, or mine has an escape that names nothing.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        hint = "take theirs or mine as a whole"
        choice = replace(self.choice, indented=self.indented)
        try:
            document = self._made(theirs, theirs.decode(), choice, self.reason)
        except UnicodeDecodeError as error:
            raise InvalidText("what is stored now is not text", hint=hint) from error
        if self.layout is not None and _layout(document._stored(document.text), choice) is None:  # noqa: SLF001 - its own class
            raise InvalidText(f"what is stored now is not a {self.choice.codec} list or mapping", hint=hint)
        their_text = document._meant(document.text)  # noqa: SLF001 - another one of these
        text, conflicts = merge_lines(self._meant(self.text), self._meant(mine), their_text)
        if needs_escape(text) and not document.escaped:
            document = replace(document._with_escapes(), choice=replace(choice, escaped=True))  # noqa: SLF001 - its own class
        return MergeResult(document, escape(text) if document.escaped else text, conflicts)

    def _meant(self, text: str) -> str:
        """Return a text without escapes."""
        return unescape(text) if self.escaped else text

    def _stored(self, text: str) -> str:
        """Return how a text is stored.

        Raises:
            InvalidText: It has no such form.
        """
        meant = self._meant(text)
        if self.layout is not None:
            return self.layout.restore(meant)
        return meant.replace("\n", "\r\n") if self.crlf else meant


def _layout(text: str, choice: Choice) -> TokenLayout | None:
    """Return the indented layout of a text that is to be shown so, None if it stays as stored."""
    one_line = "\n" not in text.strip()
    wanted = one_line if choice.indented is None else choice.indented
    if not wanted or len(text) > MAX_INDENTED.get(choice.codec, 0):
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
    most = MAX_INDENTED.get(choice.codec)
    return most is not None and choice.indented is not False and len(text) > most and "\n" not in text.strip()


def _has_only_crlf(text: str) -> bool:
    return text.count("\r\n") == text.count("\n") == text.count("\r") > 0


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid(text, error.start, "a lone surrogate is not a character") from error
