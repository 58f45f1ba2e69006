"""Going to a key by its name, completed from what is loaded and, a level at a time, from the store."""

from textual.screen import Screen

from explorer.model.errors import ExplorerError
from explorer.model.text import inert
from explorer.session.keytree.nodes import Node
from explorer.session.session import Session
from explorer.tui.drawing import named
from explorer.tui.panes.tree import TreePane
from explorer.tui.widgets.prompt import Prompt


def ask(screen: Screen[None], session: Session) -> None:
    """Open the prompt with the folder of the selected key."""
    prompt = screen.query_one("#go", Prompt)

    async def complete(text: str) -> str | None:
        try:
            found = await completed(session, text)
        except ExplorerError as error:
            prompt.comment(f"no completion: {error.message}")
            return None
        prompt.comment("")
        return found

    prompt.complete(complete)
    separator = session.tree.separator
    folder, found, _ = (session.selected or "").rpartition(separator)
    start = folder + found
    prompt.open(start if inert(start) == start else "")


async def go(screen: Screen[None], session: Session, key: str) -> None:
    """Open the way to a key and select it; if it is not there, the nearest folder that is."""
    separator = session.tree.separator
    wanted = key
    while True:
        try:
            node = await session.reveal(wanted)
        except ExplorerError as error:
            screen.notify(inert(error.message), severity="error", markup=False)
            return
        if node is not None:
            await _show(screen.query_one(TreePane), session, node)
            if wanted != key:
                screen.notify(f"{named(key)} is not there; this is the nearest", severity="warning", markup=False)
            return
        if separator not in wanted:
            screen.notify(f"{named(key)} is not there", severity="warning", markup=False)
            return
        wanted = wanted.rpartition(separator)[0]


async def _show(pane: TreePane, session: Session, node: Node) -> None:
    """Put the cursor on a node; a filter that hides it ends."""
    if session.tree.row_of(node) is None and session.tree.findings is not None:
        pane.unfilter()
        await session.tree.idle()
        pane.draw()
    pane.select(node)


async def completed(session: Session, text: str) -> str | None:
    """Give the first key that goes on as what is typed does; its folder is opened for that."""
    separator = session.tree.separator
    folder, found, name = text.rpartition(separator)
    node = session.tree.root if not found else await session.tree.reveal(folder)
    if node is None or node.branch is None:
        return None
    first = next((child for child in node.branch if child.name.startswith(name) and not child.tail), None)
    if first is None:
        return None
    return f"{folder}{found}{first.name}{separator if first.has_children and not first.has_value else ''}"
