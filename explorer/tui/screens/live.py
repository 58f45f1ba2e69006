"""Screens that show the session as it goes on."""

from typing import ClassVar

from textual.screen import Screen, ScreenResultType

from explorer.session.actions import Place
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.status import StatusLine


class LiveScreen(Screen[ScreenResultType]):
    """A screen with a status line and a footer, told by the app what changes."""

    place: ClassVar[Place]
    """Where its actions are listed."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def told(self, parts: Part) -> None:
        """Draw what changed."""
        for line in (*self.query(StatusLine), *self.query(Footer)):
            if parts & line.parts:
                line.draw()

    def tick(self) -> None:
        """Let ages and countdowns go on."""
        for line in self.query(StatusLine):
            line.draw()

    def align(self) -> None:
        """Catch up with what is under way, before something is done."""

    @property
    def is_going(self) -> bool:
        """Whether a key is being gone to that is not selected yet."""
        return False

    async def arrival(self) -> None:
        """Wait until nothing is gone to any more."""
