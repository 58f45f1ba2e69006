"""Dialogs: questions that a flow asks in one view; the page draws them, the answer comes back as a message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from widgets.panes.base import Json

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Option(Generic[Value]):
    """An option of a question, with sanitised texts."""

    title: str
    value: Value
    details: str = ""


@dataclass(frozen=True, slots=True)
class Dialog(Generic[Value]):
    """A question with options, and perhaps a field to type in. All texts are sanitised."""

    title: str
    options: Sequence[Option[Value]]
    lines: Sequence[str] = ()
    """Lines above the options."""
    is_dangerous: bool = False
    """True if the last option destroys something; it never has the focus at first."""
    typed: str = ""
    """Text that must be typed before the last option can be chosen; "" for none."""
    label: str | None = None
    """Label of a field to type in; None without one."""
    text: str = ""
    """Text of the field at first."""
    problem: str = ""
    """Why the text was refused before."""
    completes: bool = False
    """True if the field completes keys."""

    def message(self, number: int) -> dict[str, Json]:
        """Return the dialog for the page."""
        return {
            "type": "dialog",
            "dialog": number,
            "title": self.title,
            "options": [{"title": option.title, "details": option.details} for option in self.options],
            "lines": list(self.lines),
            "dangerous": self.is_dangerous,
            "typed": self.typed,
            "label": self.label,
            "text": self.text,
            "problem": self.problem,
            "completes": self.completes,
        }


@dataclass(frozen=True, slots=True)
class Reply(Generic[Value]):
    """The chosen option's value, and the text of the field."""

    value: Value
    text: str
