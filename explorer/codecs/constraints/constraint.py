"""Constraints by key pattern, and what breaks them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Protocol

from explorer.codecs.constraints.value_path import Parts, ValuePath, format_path
from explorer.codecs.patterns import Pattern
from explorer.codecs.text.json_syntax import check_json
from explorer.config import MASKED
from explorer.model.errors import InvalidText, SchemaFailed

MAX_VIOLATIONS: Final = 20
"""Violations of one constraint in one value that are listed."""
MAX_REASON: Final = 300
"""Characters of a reason; the middle of a longer one, which quotes a long value, is left out."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A constraint that a value breaks, or that cannot be checked for it."""

    constraint: str
    """Name of the constraint."""
    path: str
    """Part of the value, such as `spec.ports[0]`; empty for all of it."""
    reason: str
    is_unchecked: bool = False
    """True if the value was not checked, so that it may be valid."""

    def without_value(self) -> "Violation":
        """Return the violation of a masked value, whose reason quotes nothing of it."""
        return replace(self, reason=MASKED)

    def __str__(self) -> str:
        path = f"{self.path}: " if self.path else ""
        return f"{self.constraint}: {path}{self.reason}"


class CheckedValue(Protocol):
    """A value of a key, decoded when a check first needs it; each raises InvalidText if it cannot be."""

    @property
    def raw(self) -> bytes:
        """The bytes."""

    @property
    def data(self) -> object:
        """The value as Python data."""

    @property
    def text(self) -> str:
        """The text of a value that is text, JSON or YAML."""

    @property
    def is_plain(self) -> bool:
        """True if the value is plain text, which may stand for a number."""

    @property
    def is_detected(self) -> bool:
        """True if no rule of the key says what the value is."""

    def broken_message_rules(self) -> Iterator[tuple[Parts, str]]:
        """Yield what breaks the constraints of the message's own schema."""


class Check(Protocol):
    """One condition of a constraint."""

    def broken(self, value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, str]]:
        """Yield the parts of a value that break the condition, and why.

        Raises:
            InvalidText: The value cannot be decoded.
            UncheckableError: The condition cannot be evaluated.
        """


class UncheckableError(Exception):
    """A condition cannot be evaluated for a value."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """Conditions on the values of the keys that match a pattern."""

    name: str
    pattern: Pattern
    checks: tuple[Check, ...] = ()
    path: ValuePath | None = None
    """Part of the value that the checks are about; None for all of it."""
    problem: str = ""
    """Why it cannot be checked: a mistake in its definition, or a missing library."""

    def violations(self, value: CheckedValue) -> Iterator[Violation]:
        """Yield what breaks the constraint, at most so many; one that cannot be checked is a violation, too."""
        if self.problem:
            yield Violation(self.name, "", f"cannot be checked: {self.problem}", is_unchecked=True)
            return
        broken = (one for check in self.checks for one in check.broken(value, self.path))
        count = 0
        try:
            for parts, reason in islice(broken, MAX_VIOLATIONS):
                count += 1
                yield Violation(self.name, format_path(parts), _shortened(reason))
        except InvalidText as error:
            yield Violation(self.name, "", _shortened(f"cannot be decoded: {error.message}"), is_unchecked=True)
        except (UncheckableError, SchemaFailed, RecursionError, ValueError) as error:
            yield Violation(self.name, "", _shortened(f"cannot be checked: {_cause(error)}"), is_unchecked=True)
        if count == MAX_VIOLATIONS:
            yield Violation(self.name, "", f"the first {MAX_VIOLATIONS} violations are listed; there may be more")


@dataclass(frozen=True, slots=True)
class Constraints:
    """Constraints in file order. All that match a key apply to it."""

    constraints: tuple[Constraint, ...] = ()
    problems: tuple[str, ...] = ()
    """Mistakes in their definitions, one line each."""

    def find(self, key: str) -> tuple[Constraint, ...]:
        """Return the constraints for a whole key."""
        return tuple(one for one in self.constraints if one.pattern.matches(key))


def parts_of(value: CheckedValue, path: ValuePath | None) -> Iterator[tuple[Parts, object]]:
    """Yield the parts of a value that a path leads to; all of it without one.

    Raises:
        InvalidText: The value cannot be decoded, or is plain text, which has no parts.
    """
    if path is None:
        return iter([((), value.data)])
    if value.is_plain:
        require_no_json(value.text)
        raise InvalidText("plain text has no parts: neither JSON nor YAML")
    return path.find(value.data)


def require_no_json(text: str) -> None:
    """Raise if a text that is not JSON looks like it.

    Raises:
        InvalidText: It does; the error has the place of the mistake.
    """
    if text.lstrip()[:1] in ("{", "["):
        check_json(text)


def _cause(error: Exception) -> str:
    match error:
        case RecursionError():
            return "nested too deeply"
        case UnicodeEncodeError():
            return "a text has half of a surrogate pair"
        case _:
            return str(error)


def _shortened(reason: str) -> str:
    half = MAX_REASON // 2
    return reason if len(reason) <= MAX_REASON else f"{reason[:half]} ... {reason[-half:]}"
