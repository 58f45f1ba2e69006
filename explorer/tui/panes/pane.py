"""What all panes are: a title, a body, and a notice instead of the body while there is nothing to show."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.session.actions import Place
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.rendering import safe_content
from explorer.tui.widgets.status_label import StatusLabel


class Notice(StatusLabel, can_focus=True):
    """What stands in a pane while there is nothing else to show; it has the focus then, so that the keys work."""


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
    """When one of these changed, it is drawn again."""
    number: ClassVar[str]
    """The key that leads here."""
    name_shown: ClassVar[str]
    ticking: ClassVar[bool] = False
    """Whether ages or countdowns in it go on while nothing happens."""

    def __init__(self, session: Session, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.session = session

    def compose(self) -> ComposeResult:
        """Put title, notice and body together."""
        yield StatusLabel(classes="pane--title")
        yield Notice(classes="pane--notice")
        for widget in self.body():
            widget.add_class("pane--body", update=False)  # styled when it is mounted
            yield widget

    def body(self) -> Iterable[Widget]:
        """Give the widgets below the title."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def draw(self) -> None:
        """Show the session's part as it is now."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    class Sought(Message):
        """A key is to be gone to."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def go_to(self, key: str | None) -> None:
        """Have a key gone to, if there is one."""
        if key is not None:
            self.post_message(self.Sought(key))

    def on_mount(self) -> None:
        """Show what there is at the start."""
        self.title("")
        self.draw()

    def title(self, more: str | Content) -> None:
        """Say what stands in the title behind the name."""
        name = safe_content(f"{self.number} {self.name_shown}{'  ' if more else ''}")
        self.query_one(".pane--title", StatusLabel).say(name + (safe_content(more) if isinstance(more, str) else more))

    def notice(self, text: Content | None) -> None:
        """Show a notice instead of the body, or the body again."""
        if text is not None:
            self.query_one(Notice).say(text)
        if self.has_class("-notice") == (text is not None):
            return
        focused = self.has_focus_within
        self.set_class(text is not None, "-notice")
        if focused:
            self.focus_body()

    def focus_body(self) -> None:
        """Take the focus."""
        inside = [self.query_one(Notice)] if self.has_class("-notice") else list(self.query(".pane--body"))
        self.screen.set_focus(next(widget for widget in inside if widget.can_focus))


def failure(error: ExplorerError, retry: str = "r") -> Content:
    """Say what failed, what helps, and which key tries again."""
    lines = [Content.styled("✗ ", "$error") + safe_content(error.message, "bold")]
    if error.hint:
        lines.append(safe_content(error.hint))
    lines.append(Content.styled(f"{retry} tries again", "dim"))
    return Content("\n").join(lines)
