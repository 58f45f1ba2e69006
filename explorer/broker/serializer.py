"""Serialisation of messages: as JSON, or binary as protobuf's wire format.

A message is one of protobuf. As JSON it may also be any data that JSON has (dict, list, str, ...). A message of type
bytes is stored as it is. protobuf is imported for the first message of it.
"""

import json
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, TypeGuard, TypeVar, cast

from explorer.model.errors import InvalidText
from explorer.model.sanitize import sanitize

if TYPE_CHECKING:
    from google.protobuf.message import Message

MessageT = TypeVar("MessageT")

_WELL_KNOWN_PACKAGE: Final = "google.protobuf"
"""Package of the messages whose JSON need not be an object, such as Timestamp."""
_MAX_REASON_LENGTH: Final = 200
"""Characters of the reason why a value is no message that an error quotes."""


class Serializer(Protocol):
    """Converts messages to values of a store and back."""

    may_be_empty: ClassVar[bool]
    """True if the value of a message may be empty."""

    def encode(self, message: object) -> bytes:
        """Return the value of a message."""

    def decode(self, value: bytes, message_type: type[MessageT]) -> MessageT:
        """Return the message in a value.

        Raises:
            InvalidText: The value is no message of this type.
        """


class JsonSerializer:
    """JSON with the names of the `.proto` file, as cn-infra's SerializerJSON (protojson with UseProtoNames).

    A field that the message type does not have is an error: dropping it would lose it when the message is written.
    """

    may_be_empty: ClassVar[bool] = False

    def encode(self, message: object) -> bytes:
        """Return the value of a message, in one line; bytes are returned as they are."""
        if isinstance(message, bytes):
            return message
        if _is_message(message):
            from google.protobuf.json_format import MessageToJson  # noqa: PLC0415 - only for messages

            return MessageToJson(message, preserving_proto_field_name=True, indent=None).encode()
        return json.dumps(message, ensure_ascii=False).encode()

    def decode(self, value: bytes, message_type: type[MessageT]) -> MessageT:
        """Return the message in a value, see `Serializer.decode`."""
        if message_type is bytes:
            return cast("MessageT", value)
        if _is_message_type(message_type):
            from google.protobuf.json_format import Parse, ParseError  # noqa: PLC0415 - only for messages

            if not value.lstrip().startswith(b"{") and message_type.DESCRIPTOR.file.package != _WELL_KNOWN_PACKAGE:
                raise _invalid(message_type, "it is no JSON object")  # protobuf takes [] and "" for an empty message
            try:
                return cast("MessageT", Parse(value, message_type()))
            except (ParseError, UnicodeDecodeError) as error:
                raise _invalid(message_type, str(error)) from error
        try:
            data = json.loads(value)
        except ValueError as error:
            raise _invalid(message_type, str(error)) from error
        if not isinstance(data, message_type):
            raise _invalid(message_type, f"it is JSON of type {type(data).__name__}")
        return data


class BinarySerializer:
    """protobuf's wire format, as cn-infra's SerializerProto; unknown fields are kept."""

    may_be_empty: ClassVar[bool] = True

    def encode(self, message: object) -> bytes:
        """Return the value of a message, the same bytes for equal messages; bytes are returned as they are."""
        if isinstance(message, bytes):
            return message
        if _is_message(message):
            return message.SerializeToString(deterministic=True)
        text = f"{type(message).__name__} is no protobuf message"
        raise TypeError(text)

    def decode(self, value: bytes, message_type: type[MessageT]) -> MessageT:
        """Return the message in a value, see `Serializer.decode`."""
        if message_type is bytes:
            return cast("MessageT", value)
        if not _is_message_type(message_type):
            text = f"{message_type.__name__} is no type of protobuf messages"
            raise TypeError(text)
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - only for messages

        try:
            return cast("MessageT", message_type.FromString(value))
        except DecodeError as error:
            raise _invalid(message_type, str(error)) from error


def _is_message(message: object) -> "TypeGuard[Message]":
    return hasattr(message, "DESCRIPTOR") and hasattr(message, "SerializeToString")


def _is_message_type(message_type: type[object]) -> "TypeGuard[type[Message]]":
    return hasattr(message_type, "DESCRIPTOR") and hasattr(message_type, "FromString")


def _invalid(message_type: type[object], reason: str) -> InvalidText:
    return InvalidText(
        f"the value is no {message_type.__name__}: {sanitize(reason)[:_MAX_REASON_LENGTH]}", hint="read it as bytes"
    )
