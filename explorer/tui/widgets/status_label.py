"""A few lines that are said again and again, and cost something only when they differ."""

from textual.content import Content
from textual.widgets import Static


class StatusLabel(Static):
    """Lines of text, drawn again when they are others. The screen is laid out again only if they need other room.

    A layout has the whole screen drawn, and a title or a count may change with every frame.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, classes=classes, markup=False)
        self._said = Content()

    def say(self, text: Content) -> None:
        """Say something else."""
        before, self._said = self._said, text
        if not text.is_same(before):
            self.update(text, layout=self._grows() and not (self._lines(text) == self._lines(before) != 0))

    def _grows(self) -> bool:
        """Tell whether the height is that of the text."""
        height = self.styles.height
        return height is None or height.is_auto

    def _lines(self, text: Content) -> int:
        """Count the lines of a text; 0 if one has to be wrapped."""
        lines = text.split("\n", allow_blank=True)
        return len(lines) if all(line.cell_length <= self.content_size.width for line in lines) else 0
