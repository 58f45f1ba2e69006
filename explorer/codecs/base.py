"""Base class of all documents: the text of a value, and its encoding back to bytes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from explorer.codecs.text.content import Content

Codec: TypeAlias = Literal["protobuf", "k8s", "json", "yaml", "text", "hex"]
"""Name of a codec."""

Form: TypeAlias = Literal["text", "json"]
"""Text form of a message: protobuf's text format or JSON."""

Language: TypeAlias = Literal["json", "yaml", "textproto", "text", "hex"]
"""Language of a document's text, for highlighting."""

KUBERNETES_MAGIC: Final = b"k8s\x00"
"""First bytes of Kubernetes' objects."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Codec of a value and its options."""

    codec: Codec
    type: str | None = None
    """Full name of the message type, if the codec reads messages."""
    form: Form = "text"
    schema: str | None = None
    """Name of the schema set of the type; None for the first set that has it."""
    indented: bool | None = None
    """True if JSON and YAML are shown with one element a line; None indents what is stored in one line."""
    escaped: bool = False
    """True if a text is escaped even if the value does not need it."""

    def __str__(self) -> str:
        form = " as JSON" if self.form == "json" else ""
        layout = {None: "", True: ", indented", False: ", as stored"}[self.indented]
        return f"{self.type or self.codec}{form}{layout}{', escaped' if self.escaped else ''}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the time and memory that one value may cost."""

    max_shown: int = 16 << 20
    """Bytes of a value that are shown; a longer one is truncated."""
    max_value: int = 8 << 20
    """Bytes up to which a text or a message can be edited."""
    max_hex_value: int = 1 << 20
    """Bytes up to which a value can be edited as hex, which is about five times as long."""
    preview_size: int = 1 << 16
    """Bytes of a large value that are previewed."""
    max_elements: int = 10_000
    """Elements of all lists and maps of a message that are shown."""
    max_candidate_value: int = 1 << 16
    """Bytes up to which a value is parsed as every known type, to offer those that match."""

    def read_only_reason(self, value: bytes, max_bytes: int) -> str | None:
        """Return the reason why a value is too large to edit, or None.

        Args:
            value: The whole value.
            max_bytes: The limit of its codec.
        """
        if len(value) > self.max_shown:
            return f"{len(value):,} bytes: the first {self.max_shown:,} are shown, too large to edit here"
        if len(value) > max_bytes:
            return f"{len(value):,} bytes: too large to edit here (at most {max_bytes:,})"
        return None


class Fields(dict[str, object]):
    """Fields of a message, or members of a JSON or YAML object, by name; the value of a map field is a plain dict."""


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """Result of encoding a text."""

    value: bytes
    changed: bool
    """True if the value differs from the one that was opened."""
    notes: tuple[str, ...] = ()
    """Changes beyond the edit, one line each."""


@dataclass(frozen=True, slots=True)
class Document(ABC):
    """Editable text of one value; `encode(text)` returns the value, byte for byte.

    Lines end with a line feed, and the text has no other character that an editor would alter or a terminal interpret.
    Views still sanitize it (`model.sanitize`) like everything that comes from a store.
    """

    value: bytes
    choice: Choice
    reason: str
    """Reason for the choice, as part of a sentence: `valid JSON`."""
    content: Content
    """The text, readable in parts."""
    language: Language
    read_only_reason: str | None
    """Reason why it cannot be edited; None if it can."""
    notes: tuple[str, ...]
    """Warnings before an edit, one line each."""

    @property
    def text(self) -> str:
        """The whole text; made on first use for a large value."""
        return self.content.text

    @property
    def indented(self) -> bool:
        """True if the text has one element a line; `encode` restores the stored layout."""
        return False

    @property
    def title(self) -> str:
        """Codec or message type, form and layout."""
        return str(replace(self.choice, indented=True) if self.indented else self.choice)

    def alternative(self) -> Choice | None:
        """Return the choice of the other form of the same value, or None if it has only one."""
        return None

    def indented_text(self, text: str) -> str | None:  # noqa: ARG002 - subclasses with several layouts use it
        """Return a one-line text of this document with one element a line, or None if it has no such layout."""
        return None

    def adopt(self, text: str) -> tuple["Document", str]:
        """Return the document and a text from another editor, escaped if the text needs it."""
        return self, text

    def paste(self, text: str) -> tuple["Document", str]:
        """Return the document and a pasted text, escaped if the text or the document needs it."""
        return self.adopt(text)

    @abstractmethod
    def encode(self, text: str) -> EncodeResult:
        """Return the bytes of an edited text; what was not edited is kept.

        Raises:
            InvalidText: The text is invalid, or the document cannot be edited.
        """

    @abstractmethod
    def merge(self, mine: str, theirs: bytes) -> "MergeResult":
        """Return the three-way merge of two changes of this document: messages by field, everything else by line.

        Args:
            mine: The edited text of this document.
            theirs: The value that is stored now.

        Raises:
            InvalidText: One of the two cannot be read by this document's codec.
        """


@dataclass(frozen=True, slots=True)
class MergeResult:
    """Result of a three-way merge."""

    document: Document
    """Document of theirs, the base of the next save; `document.encode(text)` returns the merged value."""
    text: str
    """Merged text; mine where the changes conflict."""
    conflicts: tuple[str, ...]
    """Fields or line ranges of `text` with conflicting changes."""
