"""The help screen: the actions of a place with their keys, made from the registry, and the signs of its view."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from explorer.session.actions import HELP_TITLE, Place, key_label
from explorer.session.change_rows import CHANGE_SIGNS
from explorer.session.keytree.row_view import TREE_SIGNS
from explorer.session.lock_rows import LOCK_SIGNS
from explorer.session.session import Session
from explorer.session.value_text import VALUE_SIGNS
from explorer.tui.cells import Piece, safe_content
from explorer.tui.dialogs.base import Dialog
from explorer.tui.widgets.line_breaks import row_starts
from explorer.tui.widgets.ordered_text_area import OrderedTextArea
from explorer.tui.widgets.virtual_list import VirtualList

_PLACE_NAMES: Final = {Place.READER: "editor of a long text", Place.DELETION: "preview of a deletion"}
_SIGNS: Final = {
    Place.TREE: TREE_SIGNS,
    Place.VALUE: VALUE_SIGNS,
    Place.LOCKS: LOCK_SIGNS,
    Place.CHANGES: CHANGE_SIGNS,
}
_KEYS_WIDTH: Final = 12
_MIN_WIDTH: Final = 24


@dataclass(frozen=True, slots=True)
class HelpEntry:
    """Keys and their meaning; a heading has no keys."""

    keys: str
    help: str
    disabled_reason: str = ""
    """Why the action is not available now."""


class _HelpList(VirtualList):
    """The entries with their keys in front, wrapped with a hanging indent."""

    def __init__(self, entries: Sequence[HelpEntry]) -> None:
        super().__init__()
        self.entries = entries
        self._width = 0
        self._rows: list[list[Piece]] = []

    def count(self) -> int:
        if self.row_width != self._width:
            self._width = self.row_width
            self._rows = [row for entry in self.entries for row in _rows(entry, max(_MIN_WIDTH, self.row_width))]
        return len(self._rows)

    def pieces(self, index: int, width: int) -> list[Piece]:
        del width
        self.count()
        return self._rows[index]


def _rows(entry: HelpEntry, width: int) -> Iterator[list[Piece]]:
    if not entry.keys:
        yield []
        yield [("virtual-list--strong", entry.help)]
        return
    keys = f"  {entry.keys:<{_KEYS_WIDTH}} "
    style = "virtual-list--dim" if entry.disabled_reason else ""
    text = f"{entry.help}  ({entry.disabled_reason})" if entry.disabled_reason else entry.help
    if len(keys) > _KEYS_WIDTH + 3:  # too long for the first column
        yield [("virtual-list--key", keys)]
        keys = ""
    indent = " " * (_KEYS_WIDTH + 3)
    starts = row_starts(text, width - len(indent))
    for start, stop in zip(starts, [*starts[1:], len(text)], strict=True):
        part = [
            (style, text[start : min(stop, len(entry.help))]),
            ("virtual-list--warning", text[max(start, len(entry.help)) : stop]),
        ]
        yield [("virtual-list--key", f"{keys:<{len(indent)}}"), *part]
        keys = ""


class HelpScreen(ModalScreen[None], Dialog[None]):
    """The actions of a place, grouped; unavailable ones say why they are."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > .box { width: 90%; max-width: 110; height: 90%; background: $panel; padding: 0 1; }
    HelpScreen > .box { border: round $primary; }
    HelpScreen .box--title { text-style: bold; height: 1; }
    HelpScreen VirtualList { background: $panel; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "leave", "Back", show=False, priority=True)
    ]

    def __init__(self, session: Session, place: Place) -> None:
        super().__init__()
        self._session = session
        self._place = place

    def compose(self) -> ComposeResult:
        """Compose title and list."""
        with Vertical(classes="box"):
            place = _PLACE_NAMES.get(self._place) or (self._place.name or "").lower()
            yield Static(safe_content(HELP_TITLE.format(place=place)), classes="box--title")
            yield _HelpList([*self._entries(), *(_text_area_entries() if self._place is Place.EDITOR else ())])

    def on_mount(self) -> None:
        """Focus the list."""
        self.set_focus(self.query_one(_HelpList))

    def _entries(self) -> Iterator[HelpEntry]:
        actions = [action for action in self._session.actions.at(self._place) if action.keys_at(self._place)]
        for group, members in groupby(actions, key=lambda action: action.group):
            yield HelpEntry("", group)
            for action in members:
                keys = " ".join(key_label(key) for key in action.keys_at(self._place))
                yield HelpEntry(keys, action.help, self._session.disabled_reason(action.id) or "")
        if self._place in _SIGNS:
            yield HelpEntry("", "Signs")
            for sign, meaning in _SIGNS[self._place]:
                yield HelpEntry(sign, meaning)

    def action_leave(self) -> None:
        """Close the help."""
        self.dismiss()


def _text_area_entries() -> Iterator[HelpEntry]:
    """Yield the key bindings of the text area itself."""
    yield HelpEntry("", "Text")
    keys_by_description: dict[str, list[str]] = {}
    for binding in (*TextArea.BINDINGS, *OrderedTextArea.BINDINGS):
        if isinstance(binding, Binding) and binding.description:
            keys_by_description.setdefault(binding.description, []).extend(_labels(binding.key))
    for description, keys in keys_by_description.items():
        yield HelpEntry(" ".join(keys), f"{description}.")


def _labels(keys: str) -> Iterator[str]:
    """Return the labels of the keys of a binding; those with super, which terminals do not send, are left out."""
    return (key_label(key.strip()) for key in keys.split(",") if not key.startswith("super+"))
