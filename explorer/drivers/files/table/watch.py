"""Watches of files with many keys: each file is read again as a whole when it changes, and compared."""

from collections.abc import AsyncGenerator, Iterable

from explorer.drivers.common.watch import ReconnectingWatch
from explorer.drivers.files.connection import FilesConnection
from explorer.drivers.files.errors import UnreadableFileError
from explorer.drivers.files.layout_detection import SYNTAXES
from explorer.drivers.files.notifier import Paths
from explorer.drivers.files.table.reader import Table, TableReader
from explorer.model.events import Deleted, Event, Put, Started


class TableWatch(ReconnectingWatch):
    """A watch of one key, or of all below a directory.

    Args:
        connection: The connection.
        reader: Reads the files.
        base: The key, or the beginning of all keys.
        is_single: True to watch one key.
    """

    def __init__(self, connection: FilesConnection, reader: TableReader, base: str, *, is_single: bool) -> None:
        self._connection, self._reader = connection, reader
        self._base, self._is_single = base, is_single
        self._table: Table | None = None

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        async with self._connection.notifier.subscription() as changes:
            if self._table is None:
                self._table = await self._connection.scan(self._reader.read)
                entry = self._table.entry(self._base) if self._is_single else None
                yield [Started(None, entry)]
            else:
                events = await self._connection.scan(self._events)
                if self._table.problems:  # what other files have is reported even so
                    yield events
                    self._require_readable(self._table)
                yield [Started(None), *events]
            while True:
                self._require_readable(self._table)
                paths = await changes.take()
                if self._concerns(paths) and (events := await self._connection.scan(self._events)):
                    yield events

    def _concerns(self, paths: Paths) -> bool:
        """Return whether one of the paths may be a file with keys, or a folder."""
        return paths is None or any(path.endswith(SYNTAXES) or b"." not in path.rpartition(b"/")[2] for path in paths)

    def _require_readable(self, table: Table) -> None:
        """Raise NotReachable while a file cannot be parsed: what it has now is not known."""
        if table.problems:
            raise UnreadableFileError(table.problems[0], sent=False)

    def _events(self) -> list[Event]:
        """Return the events that lead to the present state; in the thread of the connection."""
        now = self._reader.read()
        before, self._table = self._table, now
        if before is None or before is now:
            return []
        keys = (
            [self._base] if self._is_single else sorted({*before.after(self._base, None), *now.after(self._base, None)})
        )
        gone: list[Event] = []
        puts: list[Event] = []
        for key in keys:
            if not _is_changed(before, now, key):
                continue
            entry = now.entry(key)
            if entry is not None:
                puts.append(Put(entry, is_new=key not in before.by_key))
            else:
                gone.append(Deleted(key, None))
        return [*reversed(gone), *puts]


def _is_changed(before: Table, now: Table, key: str) -> bool:
    old, new = before.by_key.get(key), now.by_key.get(key)
    if old is new:
        return False
    if old is None or new is None:
        return True
    return old.value(before.prefix + key) != new.value(now.prefix + key)
