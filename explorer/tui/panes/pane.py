"""The base class of panes: a title, a body, and a notice in place of the body while there is nothing to show.

Their labels are here too: texts that change often.
"""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from explorer.model.errors import ExplorerError
from explorer.session.actions import Place
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.cells import safe_content


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


class Notice(StatusLabel, can_focus=True):
    """The text of a pane that has nothing else to show; it takes the focus so that the pane's keys work."""


class Pane(Vertical):
    """A part of the browse screen."""

    DEFAULT_CSS = """
    Pane { background: $surface; }
    Pane > .pane--title {
        height: 1; background: $panel; color: $text-muted; padding: 0 1; text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    Pane.-focused > .pane--title { background: $primary; color: $text; text-style: bold; }
    Pane > .pane--notice { height: auto; padding: 1 1; display: none; }
    Pane > VirtualList { padding: 0 1; }
    Pane.-notice > .pane--notice { display: block; }
    Pane.-notice > .pane--body { display: none; }
    """

    place: ClassVar[Place]
    parts: ClassVar[Part]
    """Parts of the session that the pane shows; it is redrawn when one of them changed."""
    number: ClassVar[str]
    """Number in the title; with the default keys also the key that focuses the pane."""
    label: ClassVar[str]
    """Name in the title."""
    is_ticking: ClassVar[bool] = False
    """True if the pane shows ages or countdowns, which change although nothing happens."""

    def __init__(self, session: Session, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.session = session

    def compose(self) -> ComposeResult:
        """Compose title, notice and body."""
        yield StatusLabel(classes="pane--title")
        yield Notice(classes="pane--notice")
        for widget in self.compose_body():
            widget.add_class("pane--body", update=False)  # styled when it is mounted
            yield widget

    def compose_body(self) -> Iterable[Widget]:
        """Yield the widgets below the title."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def draw(self) -> None:
        """Show the session's part as it is now."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    class KeyRequested(Message):
        """A request to select a key in the tree."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def request_key(self, key: str | None) -> None:
        """Request that the tree selects a key; None does nothing."""
        if key is not None:
            self.post_message(self.KeyRequested(key))

    def on_mount(self) -> None:
        """Draw the initial state."""
        self.set_title("")
        self.draw()

    def set_title(self, details: str | Content) -> None:
        """Set what the title says behind number and label."""
        name = safe_content(f"{self.number} {self.label}{'  ' if details else ''}")
        details = safe_content(details) if isinstance(details, str) else details
        self.query_one(".pane--title", StatusLabel).set_content(name + details)

    def set_notice(self, text: Content | None) -> None:
        """Show a notice in place of the body; None shows the body again."""
        if text is not None:
            self.query_one(Notice).set_content(text)
        if self.has_class("-notice") == (text is not None):
            return
        had_focus = self.has_focus_within
        self.set_class(text is not None, "-notice")
        if had_focus:
            self.focus_body()

    def show_error(self, error: ExplorerError) -> None:
        """Show in place of the body what failed, what helps, and which key retries."""
        key = self.session.actions["reload"].key_hint(self.place)
        self.set_notice(error_content(error, key or "the command Reload"))

    def focus_body(self) -> None:
        """Focus the body, or the notice in its place."""
        candidates = [self.query_one(Notice)] if self.has_class("-notice") else list(self.query(".pane--body"))
        self.screen.set_focus(next(widget for widget in candidates if widget.can_focus))


def error_content(error: ExplorerError, retry_key: str) -> Content:
    """Return what failed, what helps, and the key that retries."""
    lines = [Content.styled("✗ ", "$error") + safe_content(error.message, "bold")]
    if error.hint:
        lines.append(safe_content(error.hint))
    lines.append(Content.styled(f"{retry_key} retries", "dim"))
    return Content("\n").join(lines)
