"""Lists of results: find keys and values, compare a folder with another side, and list this person's changes."""

from collections.abc import Callable
from functools import partial

from textual.screen import Screen
from textual.widget import Widget

from explorer.session.actions import Place
from explorer.session.results.result_text import NOTHING_FOUND_YET, hit_position, no_further_hit
from explorer.session.session import Session
from explorer.tui.flows import edit
from explorer.tui.flows.result_questions import ask_other_side, ask_what_to_find
from explorer.tui.screens.differences import DifferencesScreen
from explorer.tui.screens.hits import HitsScreen
from explorer.tui.screens.journal import JournalScreen
from explorer.tui.type_ahead import release_keys, run_flow


async def find(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Ask what to find, and list what is found.

    Args:
        screen: The screen below.
        session: The session.
        go: Goes to a key in the tree.
    """
    if await ask_what_to_find(screen, session):
        show_hits(screen, session, go)
    release_keys()


def show_hits(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """List what was found, or ask for it if nothing was yet."""
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


async def compare(screen: Widget, session: Session, go: Callable[[str], None]) -> None:
    """Ask what to compare the marked keys with, or the folder under the cursor, and list what differs.

    Args:
        screen: The screen below.
        session: The session.
        go: Goes to a key in the tree.
    """

    def on_key(key: str | None) -> None:
        if key is not None:
            go(key)

    if session.marked:
        folder, keys = session.marked.below_folder(session.tree.separator)
    else:
        folder, keys = session.lookup.new_key_start(session.selected), ()
    if await ask_other_side(screen, session, folder, keys):
        screen.app.push_screen(DifferencesScreen(session), on_key)
    release_keys()


def show_journal(screen: Screen[None], session: Session, go: Callable[[str], None]) -> None:
    """List this person's changes; go to the key that is chosen, or edit it with the value that is brought back."""
    session.results.journal_list.show()
    journal = JournalScreen(session)

    def on_key(key: str | None) -> None:
        if key is None:
            return
        go(key)
        if journal.restored is not None:
            flow = partial(edit.bring_back, screen, session, key, journal.restored)
            run_flow(screen, flow, group="bring-back")

    screen.app.push_screen(journal, on_key)
