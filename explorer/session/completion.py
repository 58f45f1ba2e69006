"""Completion of keys that a person types: from the loaded tree, else from the store below the folder typed."""

from contextlib import suppress

from explorer.drivers.base import Store
from explorer.model.entries import Child
from explorer.model.errors import KeyNotFound
from explorer.session.keytree.nodes import Extent
from explorer.session.keytree.tree import Tree


async def complete_key(tree: Tree, store: Store, text: str) -> str | None:
    """Return the first key or folder that begins with a text and is longer, a folder with the separator; or None.

    Raises:
        ExplorerError: The store could not be asked.
    """
    separator = tree.separator
    folder, found, name = text.rpartition(separator)
    node = tree.node(folder) if found else tree.root
    if node is not None and node.branch is not None and node.extent is Extent.LOADED:
        children = [
            Child(one.name, tree.key(one), has_value=one.has_value, has_children=one.has_children)
            for one in node.branch
            if not one.ghost
        ]
    else:
        children = await _children(store, f"{folder}{found}", text)
    for child in children:
        if child.name.startswith(name):
            key = f"{folder}{found}{child.name}{separator if child.has_children and not child.has_value else ''}"
            if key != text:
                return key
    return None


async def _children(store: Store, folder: str, text: str) -> list[Child]:
    """Return what may complete a text: the key or folder of that very name, and the first child after it."""
    exact = Child(text.removeprefix(folder), text, has_value=False, has_children=True)
    if text == folder:
        return list((await store.children(folder, limit=1)).items)
    following = (await store.children(folder, after=text, limit=1)).items
    with suppress(KeyNotFound):
        if (await store.children(text + store.separator, limit=1)).items:
            return [exact, *following]
    return list(following)
