"""Check of values by the constraints of their keys."""

from collections.abc import Iterator
from functools import cached_property

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from explorer.codecs.base import KUBERNETES_MAGIC, Choice
from explorer.codecs.codecs import Codecs
from explorer.codecs.constraints.constraint import UncheckableError, Violation
from explorer.codecs.constraints.message_rules import broken_rules
from explorer.codecs.constraints.value_path import Parts
from explorer.codecs.detect import detect
from explorer.codecs.protobuf.protoc import VALIDATE_FILE
from explorer.codecs.text.content import truncate_utf8
from explorer.codecs.values import read_value
from explorer.model.errors import InvalidText


def check_value(codecs: Codecs, key: str, value: bytes) -> tuple[Violation, ...]:
    """Return what breaks the constraints of a key; empty if it has none.

    Args:
        codecs: Schemas, rules and constraints.
        key: The key, relative to the root.
        value: The bytes that are to be stored.
    """
    found = codecs.constraints.find(codecs.scope.root + key)
    if not found:
        return ()
    checked = _DecodedValue(codecs, key, value)
    return tuple(violation for constraint in found for violation in constraint.violations(checked))


class _DecodedValue:
    """A value that is decoded by the rule of its key, or as it is detected."""

    def __init__(self, codecs: Codecs, key: str, value: bytes) -> None:
        self.raw = value
        self._codecs = codecs
        self._key = key

    @cached_property
    def _choice(self) -> Choice:
        rule = self._codecs.rule(self._key)
        if rule is not None:
            return rule.choice
        if self.raw.startswith(KUBERNETES_MAGIC):
            return Choice("k8s")
        return Choice(detect(self._key, truncate_utf8(self.raw, self._codecs.limits.max_shown))[0])

    @cached_property
    def is_detected(self) -> bool:
        return self._codecs.rule(self._key) is None

    @cached_property
    def data(self) -> object:
        if self._choice.codec == "hex" and self.is_detected:
            raise InvalidText("a binary value, and no [[map]] for this key")
        try:
            return read_value(self._codecs, self.raw, self._choice)
        except InvalidText as error:
            if not self.is_detected:
                raise InvalidText(f"not {self._choice}: {error.message}") from error
            raise

    @cached_property
    def text(self) -> str:
        if self._choice.codec not in ("text", "json", "yaml"):
            raise InvalidText(f"{self._choice} has no text: name a path")
        try:
            return self.raw.decode()
        except UnicodeDecodeError as error:
            raise InvalidText("not UTF-8") from error

    @property
    def is_plain(self) -> bool:
        return self._choice.codec == "text"

    def broken_message_rules(self) -> Iterator[tuple[Parts, str]]:
        choice = self._choice
        if choice.codec != "protobuf" or choice.type is None:
            raise InvalidText("no [[map]] names the message type of this key")
        kind = self._codecs.schemas.find(choice.type, choice.schema)
        if kind is None:
            raise InvalidText(f"no schema has a message {choice.type!r}")
        if not _is_declared(kind.pool):
            raise UncheckableError(f"the schema of {choice.type} lacks {VALIDATE_FILE}")
        try:
            message = kind.parse(self.raw)
        except (DecodeError, UnicodeDecodeError) as error:
            raise InvalidText(f"it does not parse as {choice.type}") from error
        return broken_rules(message)


def _is_declared(pool: DescriptorPool) -> bool:
    """Return whether the schemas of a pool can have constraints."""
    try:
        return bool(pool.FindExtensionByName("buf.validate.field"))
    except KeyError:
        return False
