"""An input that handles keys in the order in which they were pressed; see `ordered_text_area`, too.

Textual inserts a character as soon as it reaches an input, but runs a binding only when its key has bubbled up to the
app, through several queues. If keys arrive at once (type-ahead, a slow line), characters overtake earlier keys: `ab`,
backspace, `c` becomes `ab`. Here a binding is run where its key arrives.
"""

from textual.events import Key, Paste
from textual.widget import Widget
from textual.widgets import Input

from explorer.model.sanitize import pluralize


async def run_binding(widget: Widget, event: Key) -> None:
    """Run the binding of a key in the widget's own queue; printable characters are left to the widget."""
    if event.is_printable:
        return
    if await widget.app._check_bindings(event.key):  # noqa: SLF001 - Textual has no public way; a test holds us to it
        event.stop()
        event.prevent_default()


class OrderedInput(Input):
    """A single-line input."""

    async def _on_key(self, event: Key) -> None:
        await run_binding(self, event)

    def _on_paste(self, event: Paste) -> None:
        """Insert a pasted line completely; several lines are refused rather than cut after the first."""
        event.stop()
        event.prevent_default()
        text = with_line_feeds(event.text).removesuffix("\n")
        if "\n" in text:
            lines = pluralize(text.count("\n") + 1, "line")
            self.app.notify(f"not pasted: {lines}, only one is allowed here", severity="warning")
        else:
            self.replace(text, *self.selection)


def with_line_feeds(text: str) -> str:
    """Return pasted text with line feeds as line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
