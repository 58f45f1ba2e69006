"""A private copy of one state of a file, for a file that another process keeps open."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from explorer.drivers.bolt.file import BoltFile
from explorer.drivers.bolt.page import Meta
from explorer.model.errors import NotReachable

_CHUNK: Final = 1 << 20
_MAX_TRIES: Final = 20


def copy_state(path: Path, *, read_time: Callable[[], float]) -> tuple[Path, float]:
    """Copy the newest state of a file without its lock, and return the copy and when it was the newest.

    A page of a state is overwritten at the earliest by the second transaction after it. So a copy is whole if no
    transaction was committed while it was made.

    Args:
        path: The file.
        read_time: Returns the time.

    Raises:
        NotReachable: Transactions were committed during each of many tries.
        OSError: A file cannot be read or written.
    """
    source = BoltFile(path)
    handle, name = mkstemp(prefix="keyscope-", suffix=".db")
    try:
        for _ in range(_MAX_TRIES):
            meta, when = source.metas()[0], read_time()
            _copy_pages(source, handle, meta)
            if source.metas()[0] == meta:
                return Path(name), when
    except BaseException:
        Path(name).unlink()
        raise
    finally:
        os.close(handle)
        source.close()
    Path(name).unlink()
    raise NotReachable("the file changes too often to be copied", hint="try again when there is less to write")


def _copy_pages(source: BoltFile, handle: int, meta: Meta) -> None:
    os.ftruncate(handle, 0)
    end = min(meta.high_water * meta.page_size, source.size)
    offset = 2 * meta.page_size
    while offset < end:
        data = source.read(offset, min(_CHUNK, end - offset))
        offset += os.pwrite(handle, data, offset)
    for page in (0, 1):
        os.pwrite(handle, meta.pack(), page * meta.page_size)


def copy_time(seconds: float) -> str:
    """Return a time as text, in the local time zone."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
