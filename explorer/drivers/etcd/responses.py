"""Checks that a response is etcd's: a proxy or another server may answer in its place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from google.protobuf.message import DecodeError, Message

from explorer.drivers.etcd import messages
from explorer.model.errors import NotReachable

MessageT = TypeVar("MessageT", bound=Message)

_NOT_A_MESSAGE = "it is not a message of etcd's API"


class ForeignResponseError(Exception):
    """A response that is not etcd's; the connection translates it."""


@dataclass(frozen=True, slots=True)
class UnreadableResponse:
    """Placeholder for bytes that are no message: gRPC would print a traceback and return None."""


def deserializer(message_type: type[MessageT]) -> Callable[[bytes], MessageT]:
    """Return a function that parses a response, or returns an `UnreadableResponse`."""

    def deserialize(data: bytes) -> MessageT:
        try:
            return message_type.FromString(data)
        except (DecodeError, TypeError):  # the data may be None although the status is OK
            return cast("MessageT", UnreadableResponse())

    return deserialize


def not_etcd(reason: str) -> NotReachable:
    """Return the error for a response that is not etcd's."""
    return NotReachable(
        f"this is not etcd's answer: {reason}",
        hint="are host and port right? a proxy in front of the store may answer in its place",
    )


def check_header(response: object) -> None:
    """Raise ForeignResponseError for what is no message, or lacks the header that etcd sends with each."""
    if not isinstance(response, Message):
        raise ForeignResponseError(_NOT_A_MESSAGE)
    if isinstance(response, messages.AlarmResponse):
        return  # etcd 3.4 sends no header with the alarms
    if "header" in response.DESCRIPTOR.fields_by_name and not response.HasField("header"):
        raise ForeignResponseError("it has no header with a cluster ID")


def check_response(request: Message, response: object) -> None:
    """Raise ForeignResponseError if this cannot be etcd's response to the request."""
    check_header(response)
    match request, response:
        case messages.TxnRequest(), messages.TxnResponse():
            _check_txn(request, response)
        case messages.RangeRequest(), messages.RangeResponse() if response.more and not response.kvs:
            raise ForeignResponseError("it announces more keys and has none")
        case messages.LeaseGrantRequest(), messages.LeaseGrantResponse(ID=0):
            raise ForeignResponseError("it has no lease ID")
        case messages.AuthenticateRequest(), messages.AuthenticateResponse(token=token) if not (
            token.isascii() and (token.isprintable() or not token)
        ):
            raise ForeignResponseError("its token is not printable ASCII")
        case _:
            pass


def _check_txn(request: messages.TxnRequest, response: messages.TxnResponse) -> None:
    operations = request.success if response.succeeded else request.failure
    expected = [(operation.WhichOneof("request") or "").removeprefix("request_") for operation in operations]
    actual = [(result.WhichOneof("response") or "").removeprefix("response_") for result in response.responses]
    if expected != actual:
        raise ForeignResponseError("it lacks the result of an operation")
