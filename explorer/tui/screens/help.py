"""What can be done here, with the keys; made from the registry alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from explorer.session.actions import Place, key_label
from explorer.session.session import Session
from explorer.tui.dialogs.base import Dialog
from explorer.tui.rendering import Piece, safe_content
from explorer.tui.widgets.key_row import SIGNS
from explorer.tui.widgets.line_breaks import row_starts
from explorer.tui.widgets.ordered_text_area import OrderedTextArea
from explorer.tui.widgets.virtual_list import VirtualList

_PLACES: Final = {Place.READER: "editor of a long text", Place.DELETION: "preview of a deletion"}
_KEYS_WIDTH: Final = 12
_LEAST_WIDTH: Final = 24


@dataclass(frozen=True, slots=True)
class HelpEntry:
    """Keys and what they do; a heading has no keys."""

    keys: str
    help: str
    off: str = ""
    """Why it cannot be done now."""


class _Sheet(VirtualList):
    """The entries, each with its keys in front; what is too long goes on below its beginning."""

    def __init__(self, entries: Sequence[HelpEntry]) -> None:
        super().__init__()
        self.entries = entries
        self._width = 0
        self._rows: list[list[Piece]] = []

    def count(self) -> int:
        if self.room != self._width:
            self._width = self.room
            self._rows = [row for entry in self.entries for row in _rows(entry, max(_LEAST_WIDTH, self.room))]
        return len(self._rows)

    def pieces(self, index: int, width: int) -> list[Piece]:
        del width
        self.count()
        return self._rows[index]


def _rows(entry: HelpEntry, width: int) -> Iterator[list[Piece]]:
    if not entry.keys:
        yield []
        yield [("lines--strong", entry.help)]
        return
    keys = f"  {entry.keys:<{_KEYS_WIDTH}} "
    style = "lines--dim" if entry.off else ""
    text = f"{entry.help}  ({entry.off})" if entry.off else entry.help
    if len(keys) > _KEYS_WIDTH + 3:  # too long to stand in front
        yield [("lines--key", keys)]
        keys = ""
    indent = " " * (_KEYS_WIDTH + 3)
    starts = row_starts(text, width - len(indent))
    for start, stop in zip(starts, [*starts[1:], len(text)], strict=True):
        part = [
            (style, text[start : min(stop, len(entry.help))]),
            ("lines--warning", text[max(start, len(entry.help)) : stop]),
        ]
        yield [("lines--key", f"{keys:<{len(indent)}}"), *part]
        keys = ""


class HelpScreen(ModalScreen[None], Dialog[None]):
    """The actions of a place, grouped; those that are off say why."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > .box { width: 90%; max-width: 110; height: 90%; background: $panel; padding: 0 1; }
    HelpScreen > .box { border: round $primary; }
    HelpScreen .box--title { text-style: bold; height: 1; }
    HelpScreen VirtualList { background: $panel; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "leave", "Back", show=False)]

    def __init__(self, session: Session, place: Place) -> None:
        super().__init__()
        self._session = session
        self._place = place

    def compose(self) -> ComposeResult:
        """Put the sheet together."""
        with Vertical(classes="box"):
            yield Static(
                safe_content(
                    f"Keys in the {_PLACES.get(self._place) or (self._place.name or '').lower()}; esc goes back"
                ),
                classes="box--title",
            )
            yield _Sheet([*self._entries(), *(_typing_entries() if self._place is Place.EDITOR else ())])

    def on_mount(self) -> None:
        """Let the keys move the sheet."""
        self.set_focus(self.query_one(_Sheet))

    def _entries(self) -> Iterator[HelpEntry]:
        actions = [action for action in self._session.actions.at(self._place) if action.keys_at(self._place)]
        for group, members in groupby(actions, key=lambda action: action.group):
            yield HelpEntry("", group)
            for action in members:
                keys = " ".join(key_label(key) for key in action.keys_at(self._place))
                yield HelpEntry(keys, action.help, self._session.disabled_reason(action.id) or "")
        if self._place is Place.TREE:
            yield HelpEntry("", "Signs")
            for sign, meaning in SIGNS:
                yield HelpEntry(sign, meaning)

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss()


def _typing_entries() -> Iterator[HelpEntry]:
    """Return what the text area itself does, by its own list."""
    yield HelpEntry("", "Text")
    found: dict[str, list[str]] = {}
    for binding in (*TextArea.BINDINGS, *OrderedTextArea.BINDINGS):
        if isinstance(binding, Binding) and binding.description:
            found.setdefault(binding.description, []).extend(_typed(binding.key))
    for description, keys in found.items():
        yield HelpEntry(" ".join(keys), f"{description}.")


def _typed(keys: str) -> Iterator[str]:
    """Return the keys that a terminal sends."""
    return (key_label(key.strip()) for key in keys.split(",") if not key.startswith("super+"))
