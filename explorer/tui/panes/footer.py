"""The footer: the actions that are available here, the most important first, as many as fit."""

from textual.content import Content
from textual.widgets import Static

from explorer.session.actions import BROWSING, Place
from explorer.session.marked_keys import MARKING_ACTIONS
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.session.status_text import switch_titles


class Footer(Static):
    """Keys and titles of the available actions. The key of an unavailable one says why it is."""

    DEFAULT_CSS = """
    Footer {
        height: 1; background: $panel; padding: 0 1; text-wrap: nowrap;
        link-style: none; link-color: $foreground; link-style-hover: reverse;
    }
    """
    parts = Part.DETAIL | Part.LIVENESS | Part.EDIT

    def __init__(self, session: Session) -> None:
        super().__init__(id="footer", markup=False)
        self.session = session
        self.place = Place.TREE
        self._drawn: tuple[object, ...] = ()

    def show(self, place: Place) -> None:
        """Show the actions of a place."""
        self.place = place
        self.draw()

    def on_resize(self) -> None:
        """Fill the new width."""
        self.draw()

    def draw(self) -> None:
        """Draw the actions if they changed."""
        actions, titles = self.session.actions, switch_titles(self.session)
        room = self.size.width - 2
        leaving = ("help", "quit") if self.place in BROWSING else ("back", "help", "quit")
        always = [actions[name] for name in leaving if name in actions]
        room -= sum(len(action.key_hint(self.place)) + len(action.title) + 3 for action in always)
        chosen = []
        first = MARKING_ACTIONS if self.session.marked.is_active and self.place is Place.TREE else ()
        special = [actions[name] for name in first if name in actions]
        for action in (*special, *(action for action in actions.footer(self.place) if action not in special)):
            if action in always or self.session.disabled_reason(action.id) is not None:
                continue
            key = action.key_hint(self.place)
            room -= len(key) + len(titles.get(action.id, action.title)) + 3
            if room < 0:
                break
            chosen.append(action)
        shown = tuple(
            (
                action.key_hint(self.place),
                titles.get(action.id, action.title),
                self.session.disabled_reason(action.id) is None,
                action.id,
            )
            for action in (*chosen, *always)
        )
        if shown == self._drawn:
            return
        self._drawn = shown
        items: list[Content] = []
        for key, title, on, name in shown:
            style = "bold $accent" if on else "dim"
            items.append(
                Content.assemble(
                    Content.styled(key, f"{style}"), Content.styled(f" {title}", "" if on else "dim"), Content("  ")
                ).stylize(f"@click=app.perform('{name}')")
            )
        self.update(Content.assemble(*items), layout=False)
