"""Base classes of the screens that have actions of the registry."""

from collections.abc import Iterable

from textual.dom import DOMNode
from textual.geometry import Size
from textual.screen import Screen, ScreenResultType

from explorer.session.actions import Place
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.status import StatusLine
from explorer.tui.widgets.virtual_list import VirtualList


class ActionScreen(Screen[ScreenResultType]):
    """A screen with the actions of a place.

    The app runs an action by the method `do_` with its name, of the first node in `action_targets` that has one.
    """

    place: Place
    """The place whose actions the screen has."""
    session: Session

    @property
    def focused_place(self) -> Place:
        """The place of what has the focus."""
        return self.place

    def action_targets(self) -> Iterable[DOMNode]:
        """Return the nodes that may perform an action, the focused widget first."""
        return self.focused.ancestors_with_self if self.focused else (self, self.app)

    def apply_pending_input(self) -> None:
        """Apply input whose message is still in the queue; called before an action is performed."""

    @property
    def is_navigating(self) -> bool:
        """True while the screen is on its way to a key that is not selected yet."""
        return False

    async def wait_until_arrived(self) -> None:
        """Wait until the screen is no longer on its way to a key."""

    def do_help(self) -> None:
        """Show the actions of the place."""
        from explorer.tui.screens.help import HelpScreen  # noqa: PLC0415 - not needed for the first picture

        self.app.push_screen(HelpScreen(self.session, self.focused_place))


class ScrollScreen(ActionScreen[ScreenResultType]):
    """A screen with one list, which the keys scroll whatever has the focus."""

    def action_targets(self) -> Iterable[DOMNode]:
        """Return the nodes that may perform an action; the list comes last."""
        return (*super().action_targets(), *self.query(VirtualList))


class LiveScreen(ActionScreen[ScreenResultType]):
    """A screen with a status line and a footer, which the app redraws when the session changes."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._laid_out_map = self._compositor._full_map  # noqa: SLF001 - see `_refresh_layout`

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:  # noqa: FBT001, FBT002 - Textual's
        """Lay out the widgets, compared with their last layout.

        Textual arranges them anew if somebody asks where one is after a hidden one was refreshed. A widget displayed
        meanwhile is then taken for laid out: it gets no Resize and is never drawn.
        """
        compositor = self._compositor
        compositor._full_map = self._laid_out_map  # noqa: SLF001 - Textual has no public way
        super()._refresh_layout(size, scroll)
        self._laid_out_map = compositor._full_map  # noqa: SLF001 - as above

    def redraw(self, parts: Part) -> None:
        """Redraw what shows one of the parts."""
        for line in (*self.query(StatusLine), *self.query(Footer)):
            if parts & line.parts:
                line.draw()

    def tick(self) -> None:
        """Redraw ages and countdowns."""
        for line in self.query(StatusLine):
            line.draw()
