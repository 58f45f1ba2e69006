"""What every codec gives: a document, which is the text of a value and the way back to bytes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from explorer.codecs.text.content import Content

Codec: TypeAlias = Literal["protobuf", "k8s", "json", "yaml", "text", "hex"]
"""How bytes are read."""

Form: TypeAlias = Literal["text", "json"]
"""How a message is written: in protobuf's text format or as its JSON."""

Language: TypeAlias = Literal["json", "yaml", "textproto", "text", "hex"]
"""What the text of a document is, for highlighting."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to read a value."""

    codec: Codec
    type: str | None = None
    """The full name of the message, where the codec reads messages."""
    form: Form = "text"
    schema: str | None = None
    """The set of schemas that the type is from; None takes the first that has it."""
    indented: bool | None = None
    """Whether JSON and YAML are shown with one element a line; None does so when they are stored in one line."""
    escaped: bool = False
    """Whether a text is shown with escapes even if the value needs none."""

    def __str__(self) -> str:
        form = " as JSON" if self.form == "json" else ""
        layout = {None: "", True: ", indented", False: ", as stored"}[self.indented]
        return f"{self.type or self.codec}{form}{layout}{', escaped' if self.escaped else ''}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What keeps a value from costing more time and memory than it is worth."""

    shown: int = 16 << 20
    """Bytes of a value that is shown as a whole; of a longer one the beginning is shown."""
    value: int = 8 << 20
    """Bytes of a text or a message that is edited."""
    dump: int = 1 << 20
    """Bytes of a value that is edited in hexadecimal, which takes about five times as much room."""
    sample: int = 1 << 16
    """Bytes of a large value by which it is told what is shown first, and what it could be read as."""
    elements: int = 10_000
    """Elements of a message, all its lists together, that are shown."""
    guess: int = 1 << 16
    """Bytes of a value that is tried as messages nobody named."""

    def read_only_reason(self, value: bytes, editable: int) -> str | None:
        """Return why a value is not edited, and whether only its beginning is shown; None if it is edited.

        Args:
            value: The whole value.
            editable: Bytes up to which it would be.
        """
        if len(value) > self.shown:
            return f"{len(value):,} bytes: the first {self.shown:,} are shown, too large to edit here"
        if len(value) > editable:
            return f"{len(value):,} bytes: too large to edit here (at most {editable:,})"
        return None


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """What a text stands for."""

    value: bytes
    changed: bool
    """Whether there is anything to write: False means the very bytes that were opened."""
    notes: tuple[str, ...] = ()
    """What writing these bytes changes beyond the edit, one line each."""


@dataclass(frozen=True, slots=True)
class Document(ABC):
    """The text of one value, exact: what `encode` gives for it is the value, byte for byte.

    The text has lines that end with a line feed and nothing else that an editor would alter or a terminal act on. It is
    still drawn through `model.text.inert` like everything that comes from a store.
    """

    value: bytes
    choice: Choice
    reason: str
    """Why it is read this way, in the words of a sentence's part: `valid JSON`."""
    content: Content
    """What is shown and edited, in parts."""
    language: Language
    read_only_reason: str | None
    """Why it cannot be edited; None when it can."""
    notes: tuple[str, ...]
    """What a person should know before editing, one line each."""

    @property
    def text(self) -> str:
        """Return all that is shown and edited; of a large value it is made when this is first asked for."""
        return self.content.text

    @property
    def indented(self) -> bool:
        """Whether the text is laid out anew for reading; the stored layout is restored by `encode`."""
        return False

    @property
    def title(self) -> str:
        """The codec or type and the form in which the value is shown."""
        return str(replace(self.choice, indented=True) if self.indented else self.choice)

    def alternative(self) -> Choice | None:
        """Return the other form in which the same value can be shown, None if it has only one."""
        return None

    def indented_text(self, text: str) -> str | None:  # noqa: ARG002 - documents that have several forms look at it
        """Return a text of this document with one element a line, None if it is not in one line or has no such form."""
        return None

    def adopt(self, text: str) -> tuple["Document", str]:
        """Return this document and a text typed elsewhere, both in a form that an editor keeps as it is."""
        return self, text

    def paste(self, text: str) -> tuple["Document", str]:
        """Return this document and how pasted text is written in it, both in a form that an editor keeps as it is."""
        return self.adopt(text)

    @abstractmethod
    def encode(self, text: str) -> EncodeResult:
        """Give the bytes that an edited text stands for; all that was not edited is kept.

        Raises:
            InvalidText: It stands for none, or the document refuses to be edited.
        """

    @abstractmethod
    def merge(self, mine: str, theirs: bytes) -> "MergeResult":
        """Bring two changes of this document together: messages by field, everything else by line.

        Args:
            mine: The edited text of this document.
            theirs: The value that somebody else stored meanwhile.

        Raises:
            InvalidText: One of the two cannot be read as this document is, so that there is nothing to merge.
        """


@dataclass(frozen=True, slots=True)
class MergeResult:
    """Two changes brought together."""

    document: Document
    """Their value, opened as the base to save on; `document.encode(text)` gives the merged bytes."""
    text: str
    """Both changes; where both changed the same thing, mine."""
    conflicts: tuple[str, ...]
    """The fields or ranges of lines of `text` where both changed the same thing; empty when there is no question."""
