"""A label for texts that change often."""

from textual.content import Content
from textual.widgets import Static


class StatusLabel(Static):
    """Lines of text that are redrawn only when they differ. The screen is laid out again only if the height changes.

    A layout redraws the whole screen, and a title or a count may change with every frame.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, classes=classes, markup=False)
        self._text = Content()

    def set_content(self, text: Content) -> None:
        """Show another text."""
        before, self._text = self._text, text
        if not text.is_same(before):
            same_height = self._count_lines(text) == self._count_lines(before) != 0
            self.update(text, layout=self._has_auto_height() and not same_height)

    def _has_auto_height(self) -> bool:
        """Return whether the height follows the text."""
        height = self.styles.height
        return height is None or height.is_auto

    def _count_lines(self, text: Content) -> int:
        """Return the number of lines of a text; 0 if one has to be wrapped."""
        lines = text.split("\n", allow_blank=True)
        return len(lines) if all(line.cell_length <= self.content_size.width for line in lines) else 0
