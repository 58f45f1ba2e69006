"""Questions about a key that a person typed or came with: is it there, what completes it, where else are keys."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from explorer.drivers.base import Store
from explorer.model.entries import Child
from explorer.model.errors import Denied, ExplorerError, KeyNotFound
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.tree import Tree


class KeyLookup:
    """Answers from the loaded tree where it can, else from the store.

    Args:
        tree: The keys.
        store: Returns the store that is connected.
        find_nearby: Finds where the keys are if there are none at the address.
        on_nearby: Called when that was found out.
    """

    def __init__(
        self,
        tree: Tree,
        store: Callable[[], Store],
        find_nearby: Callable[[], Awaitable[str | None]] | None,
        on_nearby: Callable[[], None],
    ) -> None:
        self._tree = tree
        self._store = store
        self._find_nearby = find_nearby
        self._on_nearby = on_nearby
        self.nearby: str | None = None
        """Where the keys are if there are none at the address, once that was looked for."""

    async def find_nearby_keys(self) -> None:
        """Look, once, for the keys of a store that has none at its address."""
        find, self._find_nearby = self._find_nearby, None
        if find is not None:
            with suppress(ExplorerError):  # whoever may not look there is none the worse
                self.nearby = await find()
                self._on_nearby()

    async def invalid_name_reason(self, key: str) -> str | None:
        """Return why no key of this name can be created, in a line for a person; None if it can be tried."""
        try:
            await self._store().get(key)
        except (KeyNotFound, Denied):  # whoever may not read it may still be allowed to create it
            return None
        except ExplorerError as error:
            return error.message
        return "this key exists: e edits it"

    async def reveal(self, key: str) -> Node | None:
        """Open the way to a key in the tree and return its node; None if there is no such key or folder.

        A user with rights on a few keys only may not list the folders on the way: then the key itself is asked for.

        Raises:
            ExplorerError: Neither a level on the way nor the key could be read.
        """
        try:
            return await self._tree.reveal(key)
        except ExplorerError as error:
            store = self._store()
            with suppress(ExplorerError):
                await store.get(key, consistent=False)
                return self._tree.insert_known(key, has_value=True)
            with suppress(ExplorerError):
                if (await store.children(f"{key}{store.separator}", limit=1)).items:
                    return self._tree.insert_known(key, has_value=False)
            raise error from None

    async def complete(self, text: str) -> str | None:
        """Return the first key or folder that begins with a text and is longer, a folder with the separator; or None.

        Raises:
            ExplorerError: The store could not be asked.
        """
        tree, separator = self._tree, self._tree.separator
        folder, found, name = text.rpartition(separator)
        node = tree.node(folder) if found else tree.root
        if node is not None and node.branch is not None and node.load_state is LevelState.LOADED:
            children = [
                Child(one.name, tree.key(one), has_value=one.has_value, has_children=one.has_children)
                for one in node.branch
                if not one.tombstone
            ]
        else:
            children = await _children(self._store(), f"{folder}{found}", text)
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
