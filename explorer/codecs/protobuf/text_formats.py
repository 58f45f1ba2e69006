"""Text forms of a message: protobuf's text format and JSON."""

import gc
import re
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final

from google.protobuf import text_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, EncodeError, Message

from explorer.codecs.base import Language
from explorer.codecs.protobuf.fields import descriptor_of, packing_checked
from explorer.codecs.protobuf.json_reader import read_json
from explorer.codecs.protobuf.json_writer import write_json
from explorer.codecs.protobuf.text_checks import check_escapes, check_text
from explorer.codecs.text.escapes import escape_in_literals
from explorer.model.errors import InvalidText

_POSITION_PREFIX: Final = re.compile(r"^\d+:\d+ : ")
_LIBRARY_HINT: Final = " Did you import the _pb2 module"
"""Start of the library's hint for programmers, which is dropped."""
_TOO_DEEP: Final = "nested too deeply"


class MessageFormat(ABC):
    """Text form of messages, written and parsed."""

    language: ClassVar[Language]

    @property
    @abstractmethod
    def title(self) -> str:
        """Name in messages."""

    @property
    @abstractmethod
    def expands_any(self) -> bool:
        """True if the content of an Any is shown, not its bytes."""

    @abstractmethod
    def write(self, message: Message) -> str:
        """Return the text of a message without its unknown fields.

        Raises:
            InvalidText: The message has contents that the form cannot represent.
        """

    @abstractmethod
    def read(self, text: str, message_class: type[Message]) -> Message:
        """Return the message of a text.

        Raises:
            InvalidText: The text is invalid; the error has line and column.
        """


@dataclass(frozen=True, slots=True)
class TextFormat(MessageFormat):
    """Protobuf's text format (protobuf.dev/reference/protobuf/textformat-spec)."""

    pool: DescriptorPool | None
    """Pool of the types in an Any; None writes its bytes."""
    language: ClassVar[Language] = "textproto"

    @property
    def expands_any(self) -> bool:
        """True if the content of an Any is shown."""
        return self.pool is not None

    @property
    def title(self) -> str:
        """Name in messages."""
        return "as text" if self.expands_any else "as text with the bytes of each Any"

    def write(self, message: Message) -> str:
        """Return the text of a message without its unknown fields."""
        try:
            with _gc_paused():
                text = text_format.MessageToString(message, as_utf8=True, descriptor_pool=self.pool)
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (DecodeError, ValueError, TypeError) as error:
            raise InvalidText(_one_line(error)) from error
        return escape_in_literals(text, octal=True)

    def read(self, text: str, message_class: type[Message]) -> Message:
        """Return the message of a text."""
        message = message_class()
        check_escapes(text)
        try:
            with _gc_paused():
                with packing_checked(descriptor_of(message).file.pool):
                    text_format.Parse(text, message, descriptor_pool=self.pool)
                check_text(text, descriptor_of(message))
        except text_format.ParseError as error:
            reason, _, _ = _POSITION_PREFIX.sub("", _one_line(error)).partition(_LIBRARY_HINT)
            raise InvalidText(_lower(reason), error.GetLine(), error.GetColumn()) from error
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (DecodeError, EncodeError, ValueError, TypeError, KeyError) as error:
            raise InvalidText(_lower(_one_line(error))) from error
        return message


@dataclass(frozen=True, slots=True)
class JsonFormat(MessageFormat):
    """JSON of a message (protobuf.dev/programming-guides/json) with the schema's field names."""

    pool: DescriptorPool
    language: ClassVar[Language] = "json"

    @property
    def title(self) -> str:
        """Name in messages."""
        return "as JSON"

    @property
    def expands_any(self) -> bool:
        """Always True: JSON has no other form of an Any."""
        return True

    def write(self, message: Message) -> str:
        """Return the JSON of a message, with maps sorted by key."""
        try:
            with _gc_paused():
                return escape_in_literals(write_json(message, self.pool), octal=False)
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (DecodeError, ValueError) as error:
            raise InvalidText(_lower(_one_line(error))) from error

    def read(self, text: str, message_class: type[Message]) -> Message:
        """Return the message of its JSON."""
        try:
            with _gc_paused():
                return read_json(text, message_class, self.pool)
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error


@contextmanager
def _gc_paused() -> Generator[None, None, None]:
    """Pause the garbage collector, which would search the many objects of a large message again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
