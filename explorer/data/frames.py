"""Frames of a store's entries and locks; pandas is imported when one is made."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from explorer.codecs.entry_decoder import EntryDecoder
from explorer.codecs.options import CodecNames, PathName
from explorer.data.extras import extra, progress_bar
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.model.entries import Cursor, Entry, Page, Revision
from explorer.model.errors import KeyNotFound

if TYPE_CHECKING:
    from pandas import DataFrame


class FrameReader:
    """Reads the entries below a prefix into a frame: `read` runs on the store's loop, all else may run elsewhere.

    Args:
        store: The store.
        prefix: A directory; empty for everything.
        decoder: Decodes the values; None leaves them as bytes.
        limit: Number of entries to read; None for all.

    Raises:
        ExtraNotInstalled: There is no pandas.
    """

    def __init__(self, store: Store, prefix: str, decoder: EntryDecoder | None, limit: int | None) -> None:
        with extra("data"):
            from explorer.data.entry_table import EntryTable  # noqa: PLC0415 - imports pandas
        self._store = store
        self._prefix = prefix
        self._limit = limit
        self._table = EntryTable(decoder)
        self._after: Cursor | None = None
        self._revision: Revision | None = None
        self.done = limit is not None and limit < 1

    async def read(self) -> tuple[Entry, ...]:
        """Return the next page, to be added.

        Raises:
            KeyNotFound: There is neither such a key nor anything below it. An empty store is no error.
            Compacted: The revision of the listing was compacted meanwhile.
        """
        size = PAGE_SIZE if self._limit is None else min(PAGE_SIZE, self._limit - len(self._table))
        try:
            page = await self._store.list(self._prefix, after=self._after, limit=size)
        except KeyNotFound:
            if self._prefix:
                raise
            page = Page((), None, None)
        if self._after is None:
            self._revision = page.revision
        self._after = page.next
        self.done = page.next is None or len(self._table) + len(page.items) == self._limit
        return page.items

    def add(self, entries: tuple[Entry, ...]) -> int:
        """Decode and add a page, and return the number of its entries."""
        self._table.add(entries)
        return len(entries)

    def frame(self) -> "DataFrame":
        """Return the frame; its `attrs` have address, prefix and revision."""
        frame = self._table.frame()
        frame.attrs = {"address": self._store.redacted, "prefix": self._prefix, "revision": self._revision}
        return frame


async def to_frame(
    store: Store,
    prefix: str = "",
    decode: bool = True,  # noqa: FBT001, FBT002 - the one thing to choose
    *,
    limit: int | None = None,
    proto: Sequence[PathName] = (),
    import_paths: Sequence[PathName] = (),
    codecs: CodecNames | None = None,
) -> "DataFrame":
    """Return the entries below a prefix as a pandas frame with an index of keys.

    The columns are revision, created, version, size, ttl and lease, those of the store's own metadata (`meta.flags`),
    and `value`. Decoded, each field of a message, or of JSON or YAML, has its own: `value.address.city`. What has no
    fields is in `value`: text, a list, or bytes that are no text. What is not there is missing (`NA`).

    Args:
        store: An open store.
        prefix: A directory; empty for everything.
        decode: False leaves the values as bytes.
        limit: Number of entries to read; None for all.
        proto: As for `EntryDecoder`.
        import_paths: As for `EntryDecoder`.
        codecs: As for `EntryDecoder`.

    Raises:
        ExtraNotInstalled: There is no pandas.
        KeyNotFound: There is neither such a key nor anything below it. An empty store is no error.
        Compacted: The store compacted the revision of the listing while it was read.
        SchemaFailed: A schema or the rule file is invalid.
    """
    decoder = EntryDecoder(store, proto=proto, import_paths=import_paths, codecs=codecs) if decode else None
    reader = FrameReader(store, prefix, decoder, limit)
    with progress_bar("reading", "keys") as advance:
        while not reader.done:
            advance(await asyncio.to_thread(reader.add, await reader.read()))
    return await asyncio.to_thread(reader.frame)


async def locks_frame(store: Store, prefix: str = "") -> "DataFrame":
    """Return the locks at or below a prefix as a pandas frame with an index of keys.

    Args:
        store: An open store.
        prefix: A key or a directory; empty for everything.

    Raises:
        ExtraNotInstalled: There is no pandas.
        CallNotSupported: The store has no locks.
    """
    with extra("data"):
        from explorer.data.entry_table import locks_table  # noqa: PLC0415 - imports pandas
    return locks_table(await store.locks(prefix))
