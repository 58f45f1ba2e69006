"""Constraints in a message's own schema (`buf.validate`), by protovalidate: standard ones, predefined ones and CEL."""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from explorer.codecs.constraints.constraint import CheckedValue, UncheckableError
from explorer.codecs.constraints.value_path import Parts, ValuePath
from explorer.codecs.protobuf.protoc import EXTRA_HINT
from explorer.model.errors import SchemaFailed

if TYPE_CHECKING:
    from protovalidate import Validator, Violation


class MessageRulesCheck:
    """Check of a message by the constraints of its schema."""

    def __init__(self) -> None:
        """Prepare the check.

        Raises:
            SchemaFailed: protovalidate is not installed.
        """
        if find_spec("protovalidate") is None:
            raise SchemaFailed("protovalidate is not installed", hint=EXTRA_HINT)

    def broken(self, value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, str]]:
        """Yield what breaks the constraints."""
        del path
        return value.broken_message_rules()


def broken_rules(message: Message) -> Iterator[tuple[Parts, str]]:
    """Yield what breaks the constraints of a message's schema.

    Raises:
        UncheckableError: A constraint does not compile, or fails on this message.
    """
    from protovalidate import CompilationError, EvaluationError  # noqa: PLC0415 - an extra

    try:
        violations = _validator().collect_violations(message)
    except (CompilationError, EvaluationError) as error:
        raise UncheckableError(" ".join(str(error).split())) from error
    for violation in violations:
        found = violation.proto
        key = "the key " if found.for_key else ""
        yield _parts(violation), f"{key}{found.message or 'is not valid'} ({found.rule_id})"


@cache
def _validator() -> "Validator":
    """Return the validator, which keeps the compiled constraints of the types that it has seen."""
    from protovalidate import Validator  # noqa: PLC0415 - an extra

    return Validator()


def _parts(violation: "Violation") -> Parts:
    parts: list[str | int] = []
    path = violation.proto.field
    for element in () if path is None else path.elements:
        parts.append(element.field_name)
        if element.subscript is not None:
            subscript = element.subscript.value
            is_index = element.subscript.field == "index"
            parts.append(int(subscript) if is_index else str(subscript))
    return tuple(parts)
