"""The preview of a folder's deletion: all keys, the store, and the condition of the deletion."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key, Paste
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.editing.deletion import DeletePlan
from explorer.session.editing.deletion_text import MORE_KEYS, deletion_condition, deletion_title, deletion_word
from explorer.session.session import Session
from explorer.tui.cells import Piece, safe_content, short_key, shorten_middle
from explorer.tui.dialogs.base import Dialog, is_escape
from explorer.tui.keys import bindings
from explorer.tui.screens.base import ScrollScreen
from explorer.tui.widgets.inputs import OrderedInput
from explorer.tui.widgets.virtual_list import VirtualList

_FIXED_ROWS: Final = 6
"""Rows of the box beside keys, title and condition: borders, store, what to type, the input, and buttons."""
_WIDTH_SHARE, _MIN_WIDTH, _MAX_WIDTH, _FRAME_WIDTH = 0.9, 38, 130, 4
"""Width of the box as a share of the screen, its limits, and the part of borders and padding, in cells."""


class KeyList(VirtualList):
    """The keys that would be deleted."""

    def __init__(self, keys: Sequence[str], *, truncated: bool) -> None:
        super().__init__()
        self.keys = keys
        self.truncated = truncated

    def count(self) -> int:
        """Return the number of rows."""
        return len(self.keys) + self.truncated

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row: a key, shortened in its middle."""
        if index == len(self.keys):
            return [("virtual-list--warning", f"  {MORE_KEYS}")]
        return [("", shorten_middle(f"  {sanitize(self.keys[index])}", width))]


class DeletionPreview(ModalScreen[bool], ScrollScreen[bool], Dialog[bool]):
    """A question whether to delete everything below a folder; a word has to be typed to confirm."""

    DEFAULT_CSS = f"""
    DeletionPreview {{ align: center middle; }}
    DeletionPreview > .box {{
        width: {_WIDTH_SHARE:.0%}; max-width: {_MAX_WIDTH}; min-width: {_MIN_WIDTH}; height: auto;
        max-height: 100%; background: $panel; border: round $primary; padding: 0 1;
    }}
    DeletionPreview .box--title {{ text-style: bold; height: auto; max-height: 2; }}
    DeletionPreview KeyList {{ height: 1; background: $panel; }}
    DeletionPreview .box--store {{ height: 1; color: $text; text-wrap: nowrap; text-overflow: ellipsis; }}
    DeletionPreview .box--condition {{ height: auto; max-height: 2; color: $text-muted; }}
    DeletionPreview .box--typed {{ height: 1; }}
    DeletionPreview .box--buttons {{ height: 1; align-horizontal: right; }}
    DeletionPreview Button {{ margin-left: 2; }}
    DeletionPreview Input {{ padding: 0 1; background: $surface; }}
    """
    place = Place.DELETION
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.DELETION)

    def __init__(self, session: Session, plan: DeletePlan, *, typed: str) -> None:
        """Initialise the preview.

        Args:
            session: The session of the store.
            plan: What would be deleted.
            typed: The word to type.
        """
        super().__init__()
        self.session = session
        self._plan, self._typed = plan, typed

    def compose(self) -> ComposeResult:
        """Compose title, keys, condition, input and buttons."""
        plan = self._plan
        with Vertical(classes="box"):
            title = deletion_title(plan, short_key(plan.key or plan.prefix))
            yield Static(safe_content(title), classes="box--title", markup=False)
            yield KeyList(plan.keys, truncated=plan.truncated)
            yield Static(safe_content(f"in {self.session.address}"), classes="box--store", markup=False)
            yield Static(safe_content(deletion_condition(plan)), classes="box--condition", markup=False)
            yield Static(safe_content(f"Type '{self._typed}' to confirm:"), classes="box--typed", markup=False)
            yield OrderedInput(id="typed", compact=True)
            with Horizontal(classes="box--buttons"):
                yield Button("Cancel (esc)", compact=True, id="no", variant="primary")
                yield Button(deletion_word(plan), compact=True, id="yes", variant="error", disabled=True)

    def on_mount(self) -> None:
        """Focus the input."""
        self.set_focus(self.query_one("#typed"))
        self.on_resize()

    def accepts_type_ahead(self, event: Key | Paste) -> bool:
        """Accept escape only: the word confirms what was seen."""
        return is_escape(event)

    def on_resize(self) -> None:
        """Fit the keys to the rows that are left."""
        keys = self.query_one(KeyList)
        width = max(_MIN_WIDTH, min(_MAX_WIDTH, int(self.size.width * _WIDTH_SHARE))) - _FRAME_WIDTH
        texts = (self.query_one(".box--title"), self.query_one(".box--condition"))
        wrapped = sum(min(2, text.get_content_height(self.size, self.size, width)) for text in texts)
        keys.styles.height = max(1, min(keys.count(), self.size.height - _FIXED_ROWS - wrapped))

    @on(Input.Changed, "#typed")
    def enable_button(self, event: Input.Changed) -> None:
        """Enable the button once the word is typed."""
        self.query_one("#yes", Button).disabled = event.value != self._typed

    @on(Input.Submitted, "#typed")
    def submit_word(self, event: Input.Submitted) -> None:
        """Confirm with the typed word."""
        if event.value == self._typed:
            self.dismiss(result=True)

    @on(Button.Pressed)
    def submit(self, event: Button.Pressed) -> None:
        """Return the answer of a button."""
        self.dismiss(event.button.id == "yes")

    def do_back(self) -> None:
        """Delete nothing."""
        self.dismiss(result=False)
