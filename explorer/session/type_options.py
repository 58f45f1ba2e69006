"""Options for the type of the selected value, and for the keys that a chosen type applies to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from explorer.codecs.base import Choice
from explorer.model.sanitize import sanitize
from explorer.session.detail import Detail
from explorer.session.states import Option

TYPE_QUESTION: Final = "Read this value as"
PATTERN_HELP: Final = "* matches within a level, ** any levels, {id:digits} digits only"
_STORED: Final = "stored in codecs.toml"


@dataclass(frozen=True, slots=True)
class MatchingKeys:
    """All keys that match a pattern."""

    pattern: str


TypeAnswer: TypeAlias = Choice | Literal["automatic"]
TypeScope: TypeAlias = Literal["key", "other"] | MatchingKeys
"""The selected key, a pattern yet to be typed, or all keys that match one."""


def automatic_option(detail: Detail) -> Option[TypeAnswer]:
    """Return the option that leaves the type to rules and content."""
    details = "by rules and content"
    return Option("Automatic", "automatic", f"chosen now; {details}" if detail.chosen is None else details)


def type_options(detail: Detail, choices: Iterable[Choice]) -> list[Option[TypeAnswer]]:
    """Return the types to choose from, the current one first.

    Args:
        detail: The selected value.
        choices: The types that it can be read as: `Detail.choices`, or what `Detail.find_choices` found.
    """
    current = None if detail.loaded is None else detail.loaded.document.choice
    options: list[Option[TypeAnswer]] = [
        Option(sanitize(str(one)), one, _details(one, detail.chosen, current)) for one in choices
    ]
    return sorted(options, key=lambda option: not option.details)


def _details(choice: Choice, chosen: Choice | None, current: Choice | None) -> str:
    if choice == chosen:
        return "chosen now"
    return "shown now" if choice == current else ""


def scope_options(detail: Detail) -> list[Option[TypeScope]]:
    """Return the sets of keys that a type can be chosen for."""
    options: list[Option[TypeScope]] = [Option("This key only", "key", "until the app ends")]
    options += [Option(f"All keys like {sanitize(one)}", MatchingKeys(one), _STORED) for one in detail.patterns]
    options.append(Option("Another pattern", "other", _STORED))
    return options


def type_scope_question(choice: Choice) -> str:
    """Return the question for one of the scopes."""
    return f"{sanitize(str(choice))}: for which keys?"


def pattern_title(choice: Choice) -> str:
    """Return the title of an input for a pattern."""
    return f"Keys read as {sanitize(str(choice))}"


def rule_outcome(pattern: str, choice: Choice) -> str:
    """Return what a stored rule does."""
    return sanitize(f"{pattern} is read as {choice} from now on")
