"""Entries in the order of their keys' bytes, from stores that walk in any order, in bounded memory."""

import heapq
import pickle
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import IO, Final

from explorer.drivers.base import PAGE_SIZE
from explorer.model.entries import Entry
from explorer.model.keys import encode

MAX_SORTED: Final = 20_000
"""Entries that are sorted in memory; more are sorted in parts, on disk."""
MAX_SORTED_BYTES: Final = 32 * 2**20
"""Bytes of their values likewise."""


async def in_key_order(pages: AsyncIterator[Sequence[Entry]]) -> AsyncGenerator[Sequence[Entry], None]:
    """Yield the entries of pages in the order of the bytes of their keys, in pages.

    What is already in order costs a comparison for each entry; what is not is sorted in parts, in files that have no
    name and go with the process.
    """
    with ExitStack() as files:
        parts: list[IO[bytes]] = []
        batch: list[Entry] = []
        size = 0
        async for page in pages:
            batch += page
            size += sum(len(entry.value or b"") for entry in page)
            if len(batch) >= MAX_SORTED or size >= MAX_SORTED_BYTES:
                parts.append(_written(_sorted(batch), files))
                batch, size = [], 0
        runs: list[Iterator[Entry]] = [*map(_read, parts), iter(_sorted(batch))]
        merged = heapq.merge(*runs, key=_key_bytes)
        while ordered := list(islice(merged, PAGE_SIZE)):
            yield ordered


def _sorted(batch: list[Entry]) -> list[Entry]:
    return sorted(batch, key=_key_bytes)


def _key_bytes(entry: Entry) -> bytes:
    return encode(entry.key)


def _written(entries: Iterable[Entry], files: ExitStack) -> IO[bytes]:
    """Return an open file without a name that has the entries."""
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack is its context manager
    for entry in entries:
        pickle.dump(tuple(entry._replace(meta=dict(entry.meta))), file)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[Entry]:
    while True:
        try:
            yield Entry(*pickle.load(file))  # noqa: S301 - this process wrote it, to a file that no other can open
        except EOFError:
            return
