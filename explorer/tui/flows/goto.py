"""Go to a key by its name, with completion from the loaded keys and from the store."""

from collections.abc import Awaitable

from textual.screen import Screen

from explorer.model.errors import ExplorerError
from explorer.model.key_text import escape_key
from explorer.session.key_lookup import FoundNode
from explorer.session.keytree.nodes import Node
from explorer.session.session import Session
from explorer.tui.cells import short_key
from explorer.tui.panes.tree import TreePane
from explorer.tui.widgets.prompt import Prompt


def open_prompt(screen: Screen[None], session: Session) -> None:
    """Open the prompt with the folder of the selected key."""
    prompt = screen.query_one("#go", Prompt)

    async def complete(text: str) -> str | None:
        try:
            completed = await session.lookup.complete_typed(text)
        except ExplorerError as error:
            prompt.show_comment(session.lookup.no_completion(error))
            return None
        prompt.show_comment("")
        return completed

    prompt.set_completion(complete)
    folder, separator, _ = (session.selected or "").rpartition(session.tree.separator)
    prompt.open(escape_key(folder + separator))


async def go_to_text(screen: Screen[None], session: Session, text: str) -> None:
    """Go to the key that was typed, literally or with the escapes that the app shows."""
    await _select_found(screen, session, session.lookup.find_typed(text))


async def go(screen: Screen[None], session: Session, key: str) -> None:
    """Open the folders above a key and select it; if there is no such key, select the nearest folder."""
    await _select_found(screen, session, session.lookup.find_nearest(key))


async def _select_found(screen: Screen[None], session: Session, search: Awaitable[FoundNode]) -> None:
    try:
        found = await search
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
        return
    if found.node is not None:
        await select(screen.query_one(TreePane), session, found.node)
    if not found.is_exact:
        screen.notify(found.missing_text(short_key(found.key)), severity="warning")


async def select(pane: TreePane, session: Session, node: Node) -> None:
    """Move the cursor to a node; clear a filter that hides it."""
    if session.tree.rows.row_of(node) is None and session.tree.filter.progress is not None:
        pane.clear_filter()
        await session.tree.idle()
        pane.draw()
    pane.select(node)
