"""The two ways in which a message is written: protobuf's text format, and its JSON."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, cast

from google.protobuf import json_format, text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from explorer.codecs import strictness
from explorer.codecs.contract import Language
from explorer.codecs.escaping import in_literals, invalid
from explorer.codecs.fields import ANY, is_map, unpacked
from explorer.codecs.syntax import check_json
from explorer.model.errors import InvalidText

_PLACE: Final = re.compile(r"^\d+:\d+ : ")
_FIELD: Final = re.compile(
    r'Failed to parse (\w+) field|no field named "(\w+)"|for field (\w+)|\bat [\w.\[\]]*?(\w+)\b'
)
_TOO_DEEP: Final = "nested too deeply"
_WELL_KNOWN: Final = "google.protobuf."


class MessageForm(ABC):
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
class TextForm(MessageForm):
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
        return in_literals(text, octal=True)

    def read(self, text: str, kind: type[Message]) -> Message:
        """Give the message of a text."""
        message = kind()
        try:
            text_format.Parse(text, message, descriptor_pool=self.pool)
        except text_format.ParseError as error:
            what = _PLACE.sub("", _one_line(error))
            raise InvalidText(_lower(what), error.GetLine(), error.GetColumn()) from error
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (DecodeError, ValueError, TypeError, KeyError) as error:
            raise InvalidText(_lower(_one_line(error))) from error
        return message


@dataclass(frozen=True, slots=True)
class JsonForm(MessageForm):
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
            shown = json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=self.pool)
            self._sort(shown, message)
            text = json.dumps(shown, indent=2, ensure_ascii=False)
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (json_format.Error, DecodeError, ValueError, TypeError, KeyError) as error:
            raise InvalidText(_lower(_one_line(error))) from error
        return in_literals(text, octal=False)

    def read(self, text: str, kind: type[Message]) -> Message:
        """Give the message of its JSON."""
        check_json(text)
        message = kind()
        try:
            strictness.check(text, message, self.pool)
            json_format.Parse(text, message, descriptor_pool=self.pool)
        except RecursionError as error:
            raise InvalidText(_TOO_DEEP) from error
        except (json_format.ParseError, DecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise _located(text, _one_line(error)) from error
        return message

    def _sort(self, shown: object, message: Message) -> None:
        """Sort the maps of a message by their keys; the library gives them in an order of chance."""
        if not isinstance(shown, dict):
            return
        name = message.DESCRIPTOR.full_name
        if name == ANY:
            url, value = unpacked(message)
            self._sort(
                shown, GetMessageClass(self.pool.FindMessageTypeByName(url.rpartition("/")[2])).FromString(value)
            )
        elif name.startswith(_WELL_KNOWN):
            _sort_all(shown)
        else:
            for field, value in message.ListFields():
                self._sort_field(shown, f"[{field.full_name}]" if field.is_extension else field.name, field, value)

    def _sort_field(self, shown: dict[str, object], name: str, field: FieldDescriptor, value: object) -> None:
        found = shown.get(name)
        if isinstance(found, dict) and is_map(field):
            shown[name] = dict(sorted(found.items()))
            for key, inner in cast("Mapping[object, object]", value).items():
                if isinstance(inner, Message):
                    self._sort(found[_json_key(key)], inner)
        elif isinstance(found, list) and field.message_type is not None:
            for one, inner in zip(found, cast("Iterable[Message]", value), strict=True):
                self._sort(one, inner)
        elif isinstance(value, Message):
            self._sort(found, value)


def _sort_all(shown: object) -> None:
    """Sort a Struct, whose names are the keys of a map at every depth."""
    if isinstance(shown, dict):
        for name in sorted(shown):
            shown[name] = shown.pop(name)
        shown = list(shown.values())
    if isinstance(shown, list):
        for inner in shown:
            _sort_all(inner)


def _json_key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _located(text: str, what: str) -> InvalidText:
    """Say where in the JSON a field is that the library names without its place, if it stands there once."""
    message = _lower(what.partition("  Available Fields")[0].partition(" Available Fields")[0])
    names = [name for found in _FIELD.findall(what) for name in found if name]
    places = [found.start() for found in re.finditer(rf'"{names[-1]}"\s*:', text)] if names else []
    return invalid(text, places[0], message) if len(places) == 1 else InvalidText(message)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
