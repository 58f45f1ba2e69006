"""Fields to type into that take keys in the order in which they were pressed.

Textual inserts a character as soon as it reaches a field, but runs a binding only when its key has bubbled up to the
app, through several queues. Of keys that come in one go (type-ahead, a slow line) characters would overtake what was
pressed before them: `ab`, backspace, `c` would become `ab`. Here a binding is run where its key arrives.
"""

from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, TextArea


async def _take(field: Widget, event: Key) -> None:
    """Run the binding of a key in the field's own queue; Textual inserts a character itself after this."""
    if event.is_printable:
        return
    if await field.app._check_bindings(event.key):  # noqa: SLF001 - Textual has no public way; a test holds us to it
        event.stop()
        event.prevent_default()


class Field(Input):
    """One line to type into."""

    async def _on_key(self, event: Key) -> None:
        await _take(self, event)


class Editor(TextArea):
    """A text to edit."""

    async def _on_key(self, event: Key) -> None:
        await _take(self, event)
