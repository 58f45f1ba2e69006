"""Find keys by name and values by text: ask what, list what is found, and go from one to the next."""

from collections.abc import Callable

from textual.widget import Widget

from explorer.model.errors import ExplorerError
from explorer.session.actions import Place
from explorer.session.results.result_text import NOTHING_FOUND_YET, hit_position, no_further_hit
from explorer.session.session import Session
from explorer.tui.dialogs.find import FindDialog
from explorer.tui.type_ahead import release_keys


async def ask(screen: Widget, session: Session) -> bool:
    """Ask what to find, and start the search; return whether it was started."""
    folder = session.lookup.new_key_start(session.selected)
    request = await screen.app.push_screen_wait(FindDialog(session.results.finder.request, folder))
    if request is None:
        return False
    try:
        session.results.finder.find(request)
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
        return False
    return True


async def find(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Ask what to find, and list what is found.

    Args:
        screen: The screen below.
        session: The session.
        go: Goes to a key in the tree.
    """
    if await ask(screen, session):
        show_hits(screen, session, go)
    release_keys()


def show_hits(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """List what was found, or ask for it if nothing was yet."""
    from explorer.tui.screens.hits import HitsScreen  # noqa: PLC0415 - it asks by this module

    if not session.results.finder.was_started:
        screen.notify(NOTHING_FOUND_YET.format(key=session.actions["find"].key_hint(Place.TREE) or "the command Find"))
        return

    def on_key(key: str | None) -> None:
        if key is not None:
            go(key)

    screen.app.push_screen(HitsScreen(session), on_key)


def step(screen: Widget, session: Session, by: int, go: Callable[[str], None]) -> None:
    """Go to the next or an earlier found key."""
    finder = session.results.finder
    if not finder.was_started:
        show_hits(screen, session, go)
        return
    hit = finder.step(by)
    if hit is None:
        screen.notify(no_further_hit(finder, by), severity="warning")
        return
    screen.notify(hit_position(finder))
    go(hit.key)
