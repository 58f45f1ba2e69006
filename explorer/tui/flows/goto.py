"""Go to a key by its name, with completion from the loaded keys and from the store."""

from textual.screen import Screen

from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound
from explorer.model.key_text import escape_key, typed_key, unescape_key
from explorer.session.keytree.nodes import Node
from explorer.session.session import Session
from explorer.tui.panes.tree import TreePane
from explorer.tui.rendering import short_key
from explorer.tui.widgets.prompt import Prompt


def open_prompt(screen: Screen[None], session: Session) -> None:
    """Open the prompt with the folder of the selected key."""
    prompt = screen.query_one("#go", Prompt)

    async def complete(text: str) -> str | None:
        try:
            key = await session.lookup.complete(unescape_key(text))
        except KeyNotFound:
            key = None
        except ExplorerError as error:
            prompt.show_comment(f"no completion: {error.message}")
            return None
        prompt.show_comment("")
        return None if key is None else escape_key(key)

    prompt.set_completion(complete)
    folder, separator, _ = (session.selected or "").rpartition(session.tree.separator)
    prompt.open(escape_key(folder + separator))


async def go_to_text(screen: Screen[None], session: Session, text: str) -> None:
    """Go to the key that was typed, literally or with the escapes that the app shows; `a/` is the folder `a`."""
    key = typed_key(text)
    try:
        if key != text and await session.lookup.reveal(_without_separator(text, session)) is not None:
            key = text  # the key itself has backslashes
    except InvalidKey:
        pass  # no key can have them
    except ExplorerError as error:
        screen.notify(error.message, severity="error")
        return
    await go(screen, session, _without_separator(key, session))


def _without_separator(key: str, session: Session) -> str:
    return key.removesuffix(session.tree.separator) or key


async def go(screen: Screen[None], session: Session, key: str) -> None:
    """Open the folders above a key and select it; if there is no such key, select the nearest folder."""
    separator = session.tree.separator
    candidate = key
    while True:
        try:
            node = await session.lookup.reveal(candidate)
        except ExplorerError as error:
            screen.notify(error.message, severity="error")
            return
        if node is not None:
            await select(screen.query_one(TreePane), session, node)
            if candidate != key:
                screen.notify(f"no such key: {short_key(key)}; selected the nearest folder", severity="warning")
            return
        if separator not in candidate:
            screen.notify(f"no such key: {short_key(key)}", severity="warning")
            return
        candidate = candidate.rpartition(separator)[0]


async def select(pane: TreePane, session: Session, node: Node) -> None:
    """Move the cursor to a node; clear a filter that hides it."""
    if session.tree.rows.row_of(node) is None and session.tree.filter.progress is not None:
        pane.clear_filter()
        await session.tree.idle()
        pane.draw()
    pane.select(node)
