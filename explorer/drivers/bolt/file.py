"""A file: its locks, its metas, and views of one state of it.

bbolt takes an exclusive `flock` for as long as a process has the file open for writing, and a shared one for reading.
This driver takes them for one operation at a time. Pages are read by `pread`: a mapped file that another process
truncates would end this process.
"""

import fcntl
import os
import time
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from explorer.drivers.bolt.errors import DamagedFileError, ForeignFileError, file_in_use
from explorer.drivers.bolt.page import (
    BRANCH_PAGE,
    FIRST_PAGE,
    FREELIST_PAGE,
    LEAF_PAGE,
    META_SIZE,
    PAGE_HEADER,
    PAGE_SIZES,
    Meta,
    PageNode,
    PageRun,
)

_MAX_CACHED_NODES: Final = 512
_LOCK_POLL: Final = 0.01
"""Seconds between two attempts to take the lock."""
_SIZE_OF_NEW: Final = 4096
"""Page size of a new file."""


class BoltFile:
    """An open file.

    Args:
        path: Path of the file.
        writable: Whether it is opened for writing.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self.path = path
        self.fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        found = os.fstat(self.fd)
        self.identity = (found.st_dev, found.st_ino)
        """Device and inode: another one under the same path is another file."""

    def close(self) -> None:
        """Close it, which gives the lock up."""
        os.close(self.fd)

    @property
    def is_current(self) -> bool:
        """False if the path leads to another file by now."""
        found = self.path.stat()
        return (found.st_dev, found.st_ino) == self.identity

    @property
    def size(self) -> int:
        """Number of bytes."""
        return os.fstat(self.fd).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the file.

        Raises:
            DamagedFileError: It ends before.
        """
        data = os.pread(self.fd, size, offset)
        while len(data) < size:
            more = os.pread(self.fd, size - len(data), offset + len(data))
            if not more:
                raise DamagedFileError(f"it ends at byte {offset + len(data)}, in the middle of a page")
            data += more
        return data

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes to the file."""
        left = memoryview(data)
        while left:
            written = os.pwrite(self.fd, left, offset)
            left, offset = left[written:], offset + written

    def grow(self, size: int) -> None:
        """Make the file at least so large."""
        if self.size < size:
            os.ftruncate(self.fd, size)
            os.fsync(self.fd)

    def sync(self) -> None:
        """Wait until all data that was written is on the disk."""
        os.fdatasync(self.fd)

    @contextmanager
    def locked(self, seconds: float, *, exclusive: bool = False) -> Generator[None, None, None]:
        """Hold the lock, as bbolt takes it.

        Raises:
            Timeout: Another process holds it for longer than so many seconds.
        """
        operation = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
        until = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self.fd, operation)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise file_in_use(seconds, writing=exclusive) from error
            time.sleep(_LOCK_POLL)
        try:
            yield
        finally:
            fcntl.flock(self.fd, fcntl.LOCK_UN)

    def metas(self) -> tuple[Meta, ...]:
        """Return the valid metas, the newest first.

        Raises:
            DamagedFileError: There is none.
        """
        first = Meta.parse(os.pread(self.fd, META_SIZE, 0))
        sizes = (first.page_size,) if first else PAGE_SIZES
        others = (Meta.parse(os.pread(self.fd, META_SIZE, size)) for size in sizes)
        second = next((meta for size, meta in zip(sizes, others, strict=True) if meta and meta.page_size == size), None)
        found = sorted(filter(None, (first, second)), key=lambda meta: meta.txid, reverse=True)
        if not found:
            raise ForeignFileError("neither of its first two pages is a valid meta page")
        return tuple(found)

    def view(self) -> "View":
        """Return the newest state; call it with the lock."""
        meta = self.metas()[0]
        meta.require_sound()
        return View(self, meta, self.identity)

    def state(self) -> "StateId":
        """Return the newest state, without the lock."""
        return StateId(self.identity, self.metas()[0].txid)


class StateId(NamedTuple):
    """One state of one file."""

    file: tuple[int, int]
    """Device and inode."""
    txid: int

    def follows(self, other: "StateId") -> bool:
        """Return whether this is the state after another, or the same."""
        return self.file == other.file and self.txid - other.txid in (0, 1)

    def skipped(self, other: "StateId") -> int:
        """Return the number of states between another and this one, as far as it is known."""
        return max(0, self.txid - other.txid - 1) if self.file == other.file else 0


class Pages(Protocol):
    """Pages of a view: those of the file, or a copy of them."""

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes, or raise DamagedFileError if it ends before."""


class View:
    """One state of a file, which stays readable until the second transaction after it.

    Args:
        file: The file, or a copy of its pages.
        meta: The root of the state.
        identity: Device and inode of the file.
    """

    def __init__(self, file: Pages, meta: Meta, identity: tuple[int, int]) -> None:
        self.file = file
        self.meta = meta
        self.state = StateId(identity, meta.txid)
        self._nodes: OrderedDict[int, PageNode] = OrderedDict()

    def run(self, page: int, *kinds: int) -> PageRun:
        """Return the bytes of a page, if its header is sound.

        Raises:
            DamagedFileError: It is another page, of another kind, or longer than the file.
        """
        size, high_water = self.meta.page_size, self.meta.high_water
        if not FIRST_PAGE <= page < high_water:
            raise DamagedFileError(f"page {page} does not exist; there are {high_water}")
        offset = page * size
        first = self.file.read(offset, size)
        found, kind, _, overflow = PAGE_HEADER.unpack_from(first)
        if found != page or kind not in kinds:
            raise DamagedFileError(f"page {page} is not what is expected there")
        if page + overflow >= high_water:
            raise DamagedFileError(f"page {page} is said to be longer than the file")
        return PageRun(first, size * (1 + overflow), lambda start, length: self.file.read(offset + start, length))

    def node(self, page: int) -> PageNode:
        """Return a branch or a leaf.

        Raises:
            DamagedFileError: The page is none.
        """
        if (node := self._nodes.get(page)) is not None:
            self._nodes.move_to_end(page)
            return node
        node = self._nodes[page] = PageNode(page, self.run(page, BRANCH_PAGE, LEAF_PAGE), self.meta.high_water)
        if len(self._nodes) > _MAX_CACHED_NODES:
            self._nodes.popitem(last=False)
        return node


def create(path: Path, page_size: int = _SIZE_OF_NEW) -> None:
    """Make a new file with an empty root bucket.

    Raises:
        OSError: It cannot be made, or exists.
    """
    metas = [Meta(page_size, root=3, sequence=0, freelist=2, high_water=4, txid=txid) for txid in (0, 1)]
    pages = [
        *(meta.pack() for meta in metas),
        PAGE_HEADER.pack(2, FREELIST_PAGE, 0, 0),
        PAGE_HEADER.pack(3, LEAF_PAGE, 0, 0),
    ]
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(fd, b"".join(page.ljust(page_size, b"\0") for page in pages), 0)
        os.fsync(fd)
    finally:
        os.close(fd)
