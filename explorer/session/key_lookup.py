"""Lookup of a typed key: whether it exists, what completes it, and where else there are keys."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from explorer.drivers.base import Store
from explorer.model.entries import Child
from explorer.model.errors import Denied, ExplorerError, InvalidKey, KeyNotFound
from explorer.model.key_text import escape_key, typed_key, unescape_key
from explorer.model.sanitize import sanitize
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.tree import Tree


class FoundNode(NamedTuple):
    """Result of going to a key."""

    key: str
    """The key that was looked for."""
    node: Node | None
    """Node of the key, else of the nearest folder above it; None if there is neither."""
    is_exact: bool
    """True if the node is that of the key."""

    def missing_text(self, name: str) -> str:
        """Return that there is no such key, named as the view shows keys; "" if there is."""
        if self.is_exact:
            return ""
        return f"no such key: {name}" + ("" if self.node is None else "; selected the nearest folder")


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

    def new_key_start(self, selected: str | None) -> str:
        """Return the beginning of a new key's name: the selected folder, or the folder of the selected key."""
        tree, key = self._get_tree(), selected or ""
        node = tree.node(key)
        parent, found, _ = key.rpartition(tree.separator)
        return key + tree.separator if node is not None and node.has_children else parent + found

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

    async def find_nearest(self, key: str) -> FoundNode:
        """Expand the folders of a key and return its node; if there is no such key, that of the nearest folder.

        Raises:
            ExplorerError: A level could not be read.
        """
        separator, candidate = self._get_tree().separator, key
        while True:
            node = await self.reveal(candidate)
            if node is not None or separator not in candidate:
                return FoundNode(key, node, is_exact=node is not None and candidate == key)
            candidate = candidate.rpartition(separator)[0]

    async def find_typed(self, text: str) -> FoundNode:
        """Go to a key that was typed, literally or with the escapes that views show; `a/` is the folder `a`.

        Raises:
            ExplorerError: A level could not be read.
        """
        key = typed_key(text)
        if key != text:
            with suppress(InvalidKey):  # no key can have backslashes
                if await self.reveal(self._without_separator(text)) is not None:
                    key = text  # the key itself has them
        return await self.find_nearest(self._without_separator(key))

    def _without_separator(self, key: str) -> str:
        return key.removesuffix(self._get_tree().separator) or key

    async def complete_typed(self, text: str) -> str | None:
        """Return the completion of a text with escapes, escaped again; None if there is none.

        Raises:
            ExplorerError: The store could not be read.
        """
        try:
            key = await self.complete(unescape_key(text))
        except KeyNotFound:
            return None
        return None if key is None else escape_key(key)

    @staticmethod
    def no_completion(error: ExplorerError) -> str:
        """Return why there is no completion, sanitised."""
        return sanitize(f"no completion: {error.message}")

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
