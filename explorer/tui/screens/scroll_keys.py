"""Screens that ask something about a text longer than the screen: the keys move the text, whatever has the focus."""

from typing import ClassVar

from textual.screen import Screen, ScreenResultType

from explorer.session.actions import Place
from explorer.session.session import Session
from explorer.tui.screens.help import HelpScreen
from explorer.tui.widgets.virtual_list import VirtualList


class ScrollKeys(Screen[ScreenResultType]):
    """Passes the actions that move on to the one list on the screen, and shows the help of its place."""

    place: ClassVar[Place]
    session: Session

    @property
    def scrolled(self) -> VirtualList:
        """The list that the keys move."""
        return self.query_one(VirtualList)

    def do_up(self) -> None:
        """Move to the row above."""
        self.scrolled.do_up()

    def do_down(self) -> None:
        """Move to the row below."""
        self.scrolled.do_down()

    def do_page_up(self) -> None:
        """Move up by a page."""
        self.scrolled.do_page_up()

    def do_page_down(self) -> None:
        """Move down by a page."""
        self.scrolled.do_page_down()

    def do_half_page_up(self) -> None:
        """Move up by half a page."""
        self.scrolled.do_half_page_up()

    def do_half_page_down(self) -> None:
        """Move down by half a page."""
        self.scrolled.do_half_page_down()

    def do_read_on(self) -> None:
        """Move down by a page."""
        self.scrolled.do_read_on()

    def do_top(self) -> None:
        """Move to the first row."""
        self.scrolled.do_top()

    def do_bottom(self) -> None:
        """Move to the last row."""
        self.scrolled.do_bottom()

    def do_help(self) -> None:
        """Show what can be done here."""
        self.app.push_screen(HelpScreen(self.session, self.place))
