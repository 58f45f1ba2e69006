"""Dialogs: questions that a flow asks in one view; the page draws them, the answer comes back as a message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from explorer.session.states import Option, Tone
from widgets.panes.base import Json

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Dialog(Generic[Value]):
    """A question with options, and perhaps a field to type in. All texts are sanitised.

    Without a field and without buttons, the options are a list. With a field, enter chooses the last option.
    """

    title: str
    options: Sequence[Option[Value]]
    has_buttons: bool = False
    """True if the options are buttons: the first one does nothing, and has the focus at first."""
    lines: Sequence[str] = ()
    """Lines above the options, as many as there are."""
    facts: Sequence[tuple[str, Tone]] = ()
    """Lines below those, in their tones."""
    note: str = ""
    """Text below the options."""
    is_dangerous: bool = False
    """True if the last option destroys something."""
    typed: str = ""
    """Text that must be typed before the last option can be chosen; "" for none."""
    label: str = ""
    """Label of a field to type in; "" without one."""
    text: str = ""
    """Text of the field at first."""
    problem: str = ""
    """Why the text was refused before."""
    hint: Callable[[str], str] | None = None
    """Returns how a typed text is read; "" if there is nothing to say."""

    def message(self, number: int, *, is_searching: bool) -> dict[str, Json]:
        """Return the dialog for the page.

        Args:
            number: Number of the dialog.
            is_searching: Whether more options are searched for.
        """
        return {
            "type": "dialog",
            "dialog": number,
            "title": self.title,
            "options": option_messages(self.options),
            "searching": is_searching,
            "buttons": self.has_buttons,
            "lines": list(self.lines),
            "facts": [[text, tone.value] for text, tone in self.facts],
            "note": self.note,
            "dangerous": self.is_dangerous,
            "typed": self.typed,
            "label": self.label,
            "text": self.text,
            "problem": self.problem,
            "hints": self.hint is not None,
        }


def option_messages(options: Sequence[Option[Value]]) -> list[Json]:
    """Return options for the page."""
    return [{"title": option.title, "details": option.details} for option in options]


@dataclass(frozen=True, slots=True)
class Reply(Generic[Value]):
    """The chosen option's value, and the text of the field."""

    value: Value
    text: str
