"""Connection to a file: one thread reads and writes it, and holds its lock only meanwhile."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from explorer.drivers.bolt.copy import copy_state, copy_time
from explorer.drivers.bolt.errors import DamagedFileError, translate
from explorer.drivers.bolt.file import BoltFile, StateId, View, create
from explorer.drivers.bolt.settings import BoltSettings
from explorer.drivers.bolt.tx import MetaNotSyncedError, Tx
from explorer.drivers.common.request_log import logged_request
from explorer.drivers.common.threads import Worker
from explorer.model.errors import NotReachable, OutcomeUnknown

Result = TypeVar("Result")

_LOG: Final = logging.getLogger(__package__)
_CLOSE_TIMEOUT: Final = 1.0
"""Seconds in which a call that is under way has to end at closing."""


class BoltConnection:
    """A file, as far as it is open. Created on the event loop.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: BoltSettings) -> None:
        self.redacted = settings.address.redacted
        self.timeout = settings.timeout
        self.copied_at: float | None = None
        """When the private copy was made that is read, in seconds since 1970; None without one."""
        self._settings = settings
        self._path = settings.file
        self._file: BoltFile | None = None
        self._view: View | None = None
        self._worker = Worker(f"bolt {settings.file.name}")
        self._written = asyncio.Event()
        """Set by the next write on this connection."""

    @property
    def identity(self) -> str | None:
        """Device and inode of the file; None before it is open."""
        return None if self._file is None else "{:x}:{:x}".format(*self._file.identity)

    @property
    def snapshot(self) -> str:
        """Moment of the private copy that is read; empty if the file itself is read."""
        return "" if self.copied_at is None else f"copy of {copy_time(self.copied_at)}"

    @property
    def stale_reason(self) -> str | None:
        """Why what is read may be out of date; None if it is the file itself."""
        return (
            None
            if self.copied_at is None
            else f"this is a copy of {copy_time(self.copied_at)}; the file may have changed"
        )

    async def close(self) -> None:
        """Close the file; every later call fails."""
        with suppress(NotReachable):
            self._worker.call(self._close)
        await self._worker.close(_CLOSE_TIMEOUT)

    async def open(self) -> None:
        """Open the file, and check that it is one; make it or copy it first if the settings say so."""
        await self._worker.call(partial(self._translated, self._prepare))
        await self.read(lambda view: view.meta.txid)

    async def read(self, query: Callable[[View], Result], *, within: float | None = None) -> Result:
        """Return what a query finds in the newest state, on which it has the shared lock.

        Args:
            query: Reads the state, in the connection's thread.
            within: Seconds for which a lock of another process is waited for; None for those of the settings.
        """
        return await self._worker.call(
            partial(self._translated, partial(self._read, query, self.timeout if within is None else within))
        )

    async def write(self, change: Callable[[Tx], Result]) -> Result:
        """Return the result of a change after its transaction was committed.

        Args:
            change: Changes buckets of the transaction, in the connection's thread; what it raises drops them.
        """
        try:
            return await self._worker.call(partial(self._translated, partial(self._write, change)))
        finally:
            self._written.set()
            self._written = asyncio.Event()

    async def wait_written(self, seconds: float) -> None:
        """Wait for the next write on this connection, but at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._written.wait()

    async def state(self) -> StateId:
        """Return the newest state, without the lock."""
        return await self._worker.call(partial(self._translated, lambda: self._current_file().state()))

    # In the thread

    def _translated(self, function: Callable[[], Result]) -> Result:
        try:
            return function()
        except (OSError, DamagedFileError) as error:
            raise translate(error) from error

    def _prepare(self) -> None:
        if self._settings.copy:
            self._path, self.copied_at = copy_state(self._path, read_time=time.time)
            self._current_file()
            self._path.unlink()
        elif self._settings.create:
            with suppress(FileExistsError):
                create(self._path)

    def _current_file(self) -> BoltFile:
        """Return the open file; opened again if there is another one under its path."""
        if self._file is not None and (self.copied_at is not None or self._file.is_current):
            return self._file
        self._close()
        self._file = BoltFile(self._path)
        return self._file

    def _read(self, query: Callable[[View], Result], seconds: float) -> Result:
        file = self._current_file()
        with logged_request(_LOG, "read", self.redacted), file.locked(seconds):
            view = file.view()
            if self._view is None or self._view.meta != view.meta or self._view.file is not file:
                self._view = view
            return query(self._view)

    def _write(self, change: Callable[[Tx], Result]) -> Result:
        file = BoltFile(self._path, writable=True)
        try:
            with logged_request(_LOG, "write", self.redacted), file.locked(self.timeout, exclusive=True):
                tx = Tx(file.view())
                result = change(tx)
                tx.commit(file)
                return result
        except MetaNotSyncedError as error:
            raise OutcomeUnknown(
                "the system reported a failure while the transaction was committed",
                hint="check the disk, and read the key before writing again",
            ) from error
        finally:
            file.close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._view = None
