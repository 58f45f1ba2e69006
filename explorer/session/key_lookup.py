"""Lookup of a typed key: whether it exists, what completes it, and where else there are keys."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from explorer.drivers.base import Store
from explorer.model.entries import Child
from explorer.model.errors import Denied, ExplorerError, KeyNotFound
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.tree import Tree


class KeyLookup:
    """Looks keys up in the loaded tree where it can, else in the store.

    Args:
        get_tree: Returns the tree; it is replaced when the store's separator is known.
        get_store: Returns the connected store, or raises why there is none.
        wait_attempted: Waits until the first attempt to connect has ended: a key may be typed before.
        find_nearby: Returns an address where there are keys if there are none at this one.
        on_nearby: Called once `nearby` is known.
    """

    def __init__(
        self,
        get_tree: Callable[[], Tree],
        get_store: Callable[[], Store],
        wait_attempted: Callable[[], Awaitable[None]],
        find_nearby: Callable[[], Awaitable[str | None]] | None,
        on_nearby: Callable[[], None],
    ) -> None:
        self._get_tree = get_tree
        self._get_store = get_store
        self._wait_attempted = wait_attempted
        self._find_nearby = find_nearby
        self._on_nearby = on_nearby
        self.nearby: str | None = None
        """Address with keys if there are none at this one, once it was looked for."""

    async def find_nearby_keys(self) -> None:
        """Look, once, for the keys of a store that has none at its address."""
        find, self._find_nearby = self._find_nearby, None
        if find is not None:
            with suppress(ExplorerError):  # a hint only
                self.nearby = await find()
                self._on_nearby()

    async def invalid_name_reason(self, key: str) -> str | None:
        """Return why no key of this name can be created, in a line None if it can be tried."""
        try:
            await self._get_store().get(key)
        except (KeyNotFound, Denied):  # a user who may not read it may be allowed to create it
            return None
        except ExplorerError as error:
            return error.message
        return "this key exists: e edits it"

    async def reveal(self, key: str) -> Node | None:
        """Expand the folders of a key in the tree and return its node; None if there is no such key or folder.

        A user with rights on a few keys may not be allowed to list the folders: then the key itself is read.

        Raises:
            ExplorerError: Neither a folder nor the key could be read.
        """
        await self._wait_attempted()
        if not self._get_tree().rows.loaded:
            self._get_store()  # else the tree would wait for the first connection
        try:
            return await self._get_tree().reveal(key)
        except ExplorerError as error:
            store = self._get_store()
            with suppress(ExplorerError):
                await store.get(key, consistent=False)
                return self._get_tree().insert_known(key, has_value=True)
            with suppress(ExplorerError):
                if (await store.children(f"{key}{store.separator}", limit=1)).items:
                    return self._get_tree().insert_known(key, has_value=False)
            raise error from None

    async def complete(self, text: str) -> str | None:
        """Return the first key or folder that begins with a text and is longer, a folder with the separator; or None.

        Raises:
            ExplorerError: The store could not be read.
        """
        await self._wait_attempted()
        tree = self._get_tree()
        separator = tree.separator
        folder, found, name = text.rpartition(separator)
        node = tree.node(folder) if found else tree.rows.root
        if node is not None and node.branch is not None and node.load_state is LevelState.LOADED:
            children = [
                Child(one.name, tree.rows.key(one), has_value=one.has_value, has_children=one.has_children)
                for one in node.branch
                if not one.tombstone
            ]
        else:
            children = await _children(self._get_store(), f"{folder}{found}", text)
        for child in children:
            if child.name.startswith(name):
                key = f"{folder}{found}{child.name}{separator if child.has_children and not child.has_value else ''}"
                if key != text:
                    return key
        return None


async def _children(store: Store, folder: str, text: str) -> list[Child]:
    """Return the candidates of a completion: the key or folder of exactly that name, and the first child after it."""
    exact = Child(text.removeprefix(folder), text, has_value=False, has_children=True)
    if text == folder:
        return list((await store.children(folder, limit=1)).items)
    following = (await store.children(folder, after=text, limit=1)).items
    with suppress(KeyNotFound):
        if (await store.children(text + store.separator, limit=1)).items:
            return [exact, *following]
    return list(following)
