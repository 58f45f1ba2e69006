"""Checks that an answer is one that etcd gives: a proxy, another server or a broken one may answer in its place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from google.protobuf.message import DecodeError, Message

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.methods import Answer
from explorer.model.errors import NotReachable

_UNREADABLE = "its answer is no message of etcd's"


class ForeignAnswerError(Exception):
    """An answer is not etcd's; it never leaves the cluster."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for bytes that are no message: gRPC would write a traceback to the terminal and give None."""


def reader(kind: type[Answer]) -> Callable[[bytes], Answer]:
    """Return what makes a message of an answer's bytes, or an `Unreadable`."""

    def read(data: bytes) -> Answer:
        try:
            return kind.FromString(data)
        except (DecodeError, TypeError):  # there may be none where a status says that all is well
            return cast("Answer", Unreadable())

    return read


def not_etcd(reason: str, redacted: str, key: str | None) -> NotReachable:
    """Return the error of an answer that is not etcd's own."""
    return NotReachable(
        f"this is not etcd's answer: {reason}",
        hint="are host and port right? a proxy before the store may answer in its place",
        address=redacted,
        key=key,
    )


def check_message(answer: object) -> None:
    """Raise ForeignAnswerError if it is no message, or one without the header that etcd gives with each."""
    if not isinstance(answer, Message):
        raise ForeignAnswerError(_UNREADABLE)
    if isinstance(answer, messages.AlarmResponse):
        return  # etcd 3.4 gives none with the alarms
    if "header" in answer.DESCRIPTOR.fields_by_name and not answer.HasField("header"):
        raise ForeignAnswerError("it names no cluster")


def check(question: Message, answer: object) -> None:
    """Raise ForeignAnswerError if it cannot be the answer to a question."""
    check_message(answer)
    match question, answer:
        case messages.TxnRequest(), messages.TxnResponse():
            _check_transaction(question, answer)
        case messages.RangeRequest(), messages.RangeResponse() if answer.more and not answer.kvs:
            raise ForeignAnswerError("there are more keys, and it has none")
        case messages.LeaseGrantRequest(), messages.LeaseGrantResponse(ID=0):
            raise ForeignAnswerError("it grants no lease")
        case messages.AuthenticateRequest(), messages.AuthenticateResponse(token=token) if not (
            token.isascii() and (token.isprintable() or not token)
        ):
            raise ForeignAnswerError("its token cannot be sent")
        case _:
            pass


def _check_transaction(question: messages.TxnRequest, answer: messages.TxnResponse) -> None:
    asked = question.success if answer.succeeded else question.failure
    kinds = [(operation.WhichOneof("request") or "").removeprefix("request_") for operation in asked]
    given = [(result.WhichOneof("response") or "").removeprefix("response_") for result in answer.responses]
    if kinds != given:
        raise ForeignAnswerError("it does not say what became of each operation")
