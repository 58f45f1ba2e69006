"""Texts about constraints that a value breaks, and the question whether to override them; all sanitised."""

from collections.abc import Sequence
from typing import Final, Literal

from explorer.codecs.constraints.constraint import Violation
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.states import Option

_MAX_LISTED: Final = 5


def violation_lines(violations: Sequence[Violation], limit: int = _MAX_LISTED) -> list[str]:
    """Return a line for each broken constraint: its name, the part of the value, and the reason.

    Args:
        violations: What is broken.
        limit: Number of lines; the last one counts the rest.
    """
    shown = violations if len(violations) <= limit else violations[: limit - 1]
    lines = [sanitize(f"✗ {violation}") for violation in shown]
    if rest := len(violations) - len(shown):
        lines.append(f"✗ and {pluralize(rest, 'more violation')}")
    return lines


def override_question(names: Sequence[str]) -> str:
    """Return the question whether to save a value that breaks constraints.

    Args:
        names: Names of the constraints.
    """
    return f"This value breaks {', '.join(names)}: nothing was saved"


def override_options(names: Sequence[str]) -> list[Option[Literal["back", "override"]]]:
    """Return the options; overriding names the constraints."""
    return [
        Option("Back to the review", "back"),
        Option(f"Override {', '.join(names)}, and save", "override", "the journal keeps that"),
    ]
