"""The preview of a deletion below a folder: every key that would go, the store, and what is promised."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import Place
from explorer.session.editing.deletion import DeletePlan
from explorer.session.session import Session
from explorer.tui.dialogs.base import Dialog
from explorer.tui.keys import bindings
from explorer.tui.rendering import Piece, middle, named, safe_content
from explorer.tui.screens.scroll_keys import ScrollKeys
from explorer.tui.widgets.inputs import OrderedInput
from explorer.tui.widgets.virtual_list import VirtualList

_GUARDED = "Nothing is deleted if anything below changes before."
_ONE_BY_ONE = "One by one, in this store: what changes before its turn stays, and so does what is new."
_FIXED_ROWS = 6
"""Rows of the box beside names, title and promise: borders, store, what to type, the field, and buttons."""
_WIDTH_SHARE, _MIN_WIDTH, _MAX_WIDTH, _FRAME_WIDTH = 0.9, 38, 130, 4
"""The width of the box as a share of the screen, in columns, and what of it borders and padding take."""


class KeyNames(VirtualList):
    """Keys, of which those in sight are drawn."""

    def __init__(self, names: Sequence[str], *, more: bool) -> None:
        super().__init__()
        self.names = names
        self.more = more

    def count(self) -> int:
        """Return the number of rows."""
        return len(self.names) + self.more

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a key; a long one is shortened in its middle."""
        if index == len(self.names):
            return [("lines--warning", "  … and more, which were not counted")]
        return [("", middle(f"  {sanitize(self.names[index])}", width))]


class DeletionPreview(ModalScreen[bool], ScrollKeys[bool], Dialog[bool]):
    """Asks whether to delete everything below a folder; a word has to be typed before."""

    DEFAULT_CSS = f"""
    DeletionPreview {{ align: center middle; }}
    DeletionPreview > .box {{
        width: {_WIDTH_SHARE:.0%}; max-width: {_MAX_WIDTH}; min-width: {_MIN_WIDTH}; height: auto;
        max-height: 100%; background: $panel; border: round $primary; padding: 0 1;
    }}
    DeletionPreview .box--title {{ text-style: bold; height: auto; max-height: 2; }}
    DeletionPreview KeyNames {{ height: 1; background: $panel; }}
    DeletionPreview .box--store {{ height: 1; color: $text; text-wrap: nowrap; text-overflow: ellipsis; }}
    DeletionPreview .box--promise {{ height: auto; max-height: 2; color: $text-muted; }}
    DeletionPreview .box--typed {{ height: 1; }}
    DeletionPreview .box--buttons {{ height: 1; align-horizontal: right; }}
    DeletionPreview Button {{ margin-left: 2; }}
    DeletionPreview Input {{ padding: 0 1; background: $surface; }}
    """
    place = Place.DELETION
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.DELETION)

    def __init__(self, session: Session, removal: DeletePlan, *, typed: str) -> None:
        """Prepare the preview.

        Args:
            session: What deletes.
            removal: What would be deleted.
            typed: The word to type.
        """
        super().__init__()
        self.session = session
        self._removal, self._typed = removal, typed

    def compose(self) -> ComposeResult:
        """Put the preview together."""
        removal = self._removal
        count = f"{'more than ' if removal.truncated else ''}{pluralize(removal.count, 'entry', 'entries')}"
        promise = _GUARDED if removal.one_by_one is None else _ONE_BY_ONE
        with Vertical(classes="box"):
            name = named(removal.key or removal.prefix)
            title = f"Everything below {name}" if removal.entry is None else f"{name} and everything below it"
            yield Static(safe_content(f"{title}: {count}"), classes="box--title", markup=False)
            yield KeyNames(removal.keys, more=removal.truncated)
            yield Static(safe_content(f"in {self.session.address}"), classes="box--store", markup=False)
            yield Static(safe_content(promise), classes="box--promise", markup=False)
            yield Static(safe_content(f"Type '{self._typed}' to confirm:"), classes="box--typed", markup=False)
            yield OrderedInput(id="typed", compact=True)
            with Horizontal(classes="box--buttons"):
                yield Button("Cancel (esc)", compact=True, id="no", variant="primary")
                yield Button("Delete all", compact=True, id="yes", variant="error", disabled=True)

    def on_mount(self) -> None:
        """Wait for the word."""
        self.set_focus(self.query_one("#typed"))
        self.on_resize()

    def on_resize(self) -> None:
        """Give the names all rows that are left."""
        names = self.query_one(KeyNames)
        width = max(_MIN_WIDTH, min(_MAX_WIDTH, int(self.size.width * _WIDTH_SHARE))) - _FRAME_WIDTH
        texts = (self.query_one(".box--title"), self.query_one(".box--promise"))
        wrapped = sum(min(2, text.get_content_height(self.size, self.size, width)) for text in texts)
        names.styles.height = max(1, min(names.count(), self.size.height - _FIXED_ROWS - wrapped))

    @on(Input.Changed, "#typed")
    def typing(self, event: Input.Changed) -> None:
        """Unlock the answer once the word is there."""
        self.query_one("#yes", Button).disabled = event.value != self._typed

    @on(Input.Submitted, "#typed")
    def submitted(self, event: Input.Submitted) -> None:
        """Take the typed word as the answer."""
        if event.value == self._typed:
            self.dismiss(result=True)

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        self.dismiss(event.button.id == "yes")

    def do_back(self) -> None:
        """Delete nothing."""
        self.dismiss(result=False)
