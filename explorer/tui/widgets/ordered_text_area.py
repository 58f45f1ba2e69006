"""A text area that handles keys in the order in which they were pressed, as `inputs` explains.

It is a module of its own because the first picture must not load Textual's text area.
"""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.widgets import TextArea

from explorer.model.sanitize import sanitize
from explorer.tui.widgets.inputs import run_binding, with_line_feeds


class OrderedTextArea(TextArea):
    """A multi-line text to edit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "first_line", "First line", show=False),
        Binding("ctrl+end", "last_line", "Last line", show=False),
    ]

    on_special_paste: Callable[["OrderedTextArea", str], None] | None = None
    """Called to insert pasted text that may have to be escaped."""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Return whether a key is text here, even while the text is read-only."""
        printable = character is not None and character.isprintable()
        return printable or super().check_consume_key(key, character)

    async def _on_key(self, event: Key) -> None:
        await run_binding(self, event)

    async def _on_paste(self, event: Paste) -> None:
        """Insert pasted text completely; terminals send a carriage return for each line feed."""
        event.stop()
        event.prevent_default()
        if self.read_only:
            return
        text = with_line_feeds(event.text)
        is_plain = sanitize(text, multiline=True) == text and "\\" not in text
        if is_plain or self.on_special_paste is None:
            self.insert_at_cursor(text)
        else:
            self.on_special_paste(self, text)

    def action_first_line(self) -> None:
        """Move to the beginning of the text."""
        self.move_cursor(self.document.start)

    def action_last_line(self) -> None:
        """Move to the end of the text."""
        self.move_cursor(self.document.end)

    def insert_at_cursor(self, text: str) -> None:
        """Replace the selection with a text, and move the cursor behind it."""
        self.move_cursor(self.replace(text, *sorted(self.selection), maintain_selection_offset=False).end_location)
