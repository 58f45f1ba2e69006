"""Fields to type into that take keys in the order in which they were pressed.

Textual inserts a character as soon as it reaches a field, but runs a binding only when its key has bubbled up to the
app, through several queues. Of keys that come in one go (type-ahead, a slow line) characters would overtake what was
pressed before them: `ab`, backspace, `c` would become `ab`. Here a binding is run where its key arrives.
"""

from textual.events import Key, Paste
from textual.widget import Widget
from textual.widgets import Input

from explorer.model.sanitize import pluralize


async def run_binding(field: Widget, event: Key) -> None:
    """Run the binding of a key in the field's own queue; Textual inserts a character itself after this."""
    if event.is_printable:
        return
    if await field.app._check_bindings(event.key):  # noqa: SLF001 - Textual has no public way; a test holds us to it
        event.stop()
        event.prevent_default()


class OrderedInput(Input):
    """One line to type into."""

    async def _on_key(self, event: Key) -> None:
        await run_binding(self, event)

    def _on_paste(self, event: Paste) -> None:
        """Insert one line with every character in it; several are refused rather than cut after the first."""
        event.stop()
        event.prevent_default()
        text = with_line_feeds(event.text).removesuffix("\n")
        if "\n" in text:
            lines = pluralize(text.count("\n") + 1, "line")
            self.app.notify(f"not pasted: {lines}, and only one can stand here", severity="warning", markup=False)
        else:
            self.replace(text, *self.selection)


def with_line_feeds(text: str) -> str:
    """Return pasted text with line feeds as line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
