"""Going to a key by its name, completed from what is loaded and from the store."""

from textual.screen import Screen

from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound
from explorer.model.key_text import escape_key, typed_key, unescape_key
from explorer.model.sanitize import sanitize
from explorer.session.keytree.nodes import Node
from explorer.session.session import Session
from explorer.tui.panes.tree import TreePane
from explorer.tui.rendering import named
from explorer.tui.widgets.prompt import Prompt


def ask(screen: Screen[None], session: Session) -> None:
    """Open the prompt with the folder of the selected key."""
    prompt = screen.query_one("#go", Prompt)

    async def complete(text: str) -> str | None:
        try:
            found = await session.lookup.complete(unescape_key(text))
        except KeyNotFound:
            found = None
        except ExplorerError as error:
            prompt.comment(f"no completion: {error.message}")
            return None
        prompt.comment("")
        return None if found is None else escape_key(found)

    prompt.complete(complete)
    separator = session.tree.separator
    folder, found, _ = (session.selected or "").rpartition(separator)
    prompt.open(escape_key(folder + found))


async def go_to_text(screen: Screen[None], session: Session, text: str) -> None:
    """Go to the key that a person typed: as it is spelled, or by the escapes that the app shows; `a/` is folder `a`."""
    key = typed_key(text)
    try:
        if key != text and await session.lookup.reveal(_without_slash(text, session)) is not None:
            key = text  # the key itself holds backslashes
    except InvalidKey:
        pass  # there can be no key that holds them
    except ExplorerError as error:
        screen.notify(sanitize(error.message), severity="error", markup=False)
        return
    await go(screen, session, _without_slash(key, session))


def _without_slash(key: str, session: Session) -> str:
    return key.removesuffix(session.tree.separator) or key


async def go(screen: Screen[None], session: Session, key: str) -> None:
    """Open the way to a key and select it; if it is not there, the nearest folder that is."""
    separator = session.tree.separator
    wanted = key
    while True:
        try:
            node = await session.lookup.reveal(wanted)
        except ExplorerError as error:
            screen.notify(sanitize(error.message), severity="error", markup=False)
            return
        if node is not None:
            await select(screen.query_one(TreePane), session, node)
            if wanted != key:
                screen.notify(
                    f"no such key: {named(key)}; selected the nearest folder", severity="warning", markup=False
                )
            return
        if separator not in wanted:
            screen.notify(f"no such key: {named(key)}", severity="warning", markup=False)
            return
        wanted = wanted.rpartition(separator)[0]


async def select(pane: TreePane, session: Session, node: Node) -> None:
    """Put the cursor on a node; a filter that hides it ends."""
    if session.tree.row_of(node) is None and session.tree.filter_progress is not None:
        pane.unfilter()
        await session.tree.idle()
        pane.draw()
    pane.select(node)
