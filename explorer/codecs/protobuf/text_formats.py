"""The two ways in which a message is written: protobuf's text format, and its JSON."""

import re
from abc import ABC, abstractmethod
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

_PLACE: Final = re.compile(r"^\d+:\d+ : ")
_ADVICE: Final = " Did you import the _pb2 module"
"""How the library's advice to programmers begins."""
_TOO_DEEP: Final = "nested too deeply"


class MessageFormat(ABC):
    """Writes messages and reads them again."""

    language: ClassVar[Language]

    @property
    @abstractmethod
    def title(self) -> str:
        """What messages call it."""

    @property
    @abstractmethod
    def expands(self) -> bool:
        """Whether it shows what is in an Any, rather than its bytes."""

    @abstractmethod
    def write(self, message: Message) -> str:
        """Give the text of a message; what the schema does not know is not in it.

        Raises:
            InvalidText: The form has no word for what is in it.
        """

    @abstractmethod
    def read(self, text: str, kind: type[Message]) -> Message:
        """Give the message of a text.

        Raises:
            InvalidText: It is none.
        """


@dataclass(frozen=True, slots=True)
class TextFormat(MessageFormat):
    """Protobuf's text format (protobuf.dev/reference/protobuf/textformat-spec)."""

    pool: DescriptorPool | None
    """Where the types of what is in an Any are; None to write its bytes."""
    language: ClassVar[Language] = "textproto"

    @property
    def expands(self) -> bool:
        """Whether it shows what is in an Any."""
        return self.pool is not None

    @property
    def title(self) -> str:
        """What messages call it."""
        return "as text" if self.expands else "as text with plain bytes in each Any"

    def write(self, message: Message) -> str:
        """Give the text of a message."""
        try:
            text = text_format.MessageToString(message, as_utf8=True, descriptor_pool=self.pool)
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (DecodeError, ValueError, TypeError) as error:
            raise InvalidText(_one_line(error)) from error
        return escape_in_literals(text, octal=True)

    def read(self, text: str, kind: type[Message]) -> Message:
        """Give the message of a text."""
        message = kind()
        check_escapes(text)
        try:
            with packing_checked(descriptor_of(message).file.pool):
                text_format.Parse(text, message, descriptor_pool=self.pool)
            check_text(text, descriptor_of(message))
        except text_format.ParseError as error:
            what, _, _ = _PLACE.sub("", _one_line(error)).partition(_ADVICE)
            raise InvalidText(_lower(what), error.GetLine(), error.GetColumn()) from error
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (DecodeError, EncodeError, ValueError, TypeError, KeyError) as error:
            raise InvalidText(_lower(_one_line(error))) from error
        return message


@dataclass(frozen=True, slots=True)
class JsonFormat(MessageFormat):
    """The JSON of a message (protobuf.dev/programming-guides/json), with the names of the schema."""

    pool: DescriptorPool
    language: ClassVar[Language] = "json"

    @property
    def title(self) -> str:
        """What messages call it."""
        return "as JSON"

    @property
    def expands(self) -> bool:
        """Whether it shows what is in an Any: JSON has no other way."""
        return True

    def write(self, message: Message) -> str:
        """Give the JSON of a message, maps in the order of their keys."""
        try:
            return escape_in_literals(write_json(message, self.pool), octal=False)
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (DecodeError, ValueError) as error:
            raise InvalidText(_lower(_one_line(error))) from error

    def read(self, text: str, kind: type[Message]) -> Message:
        """Give the message of its JSON."""
        try:
            return read_json(text, kind, self.pool)
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
