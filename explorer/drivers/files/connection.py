"""Connection of a file store: the thread for its reads and writes, and the notifier of its watches."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.threads import Worker
from explorer.drivers.files.errors import LockedError, display_path
from explorer.drivers.files.notifier import FileNotifier
from explorer.drivers.files.settings import FilesSettings
from explorer.model.errors import NotReachable, Timeout

Answer = TypeVar("Answer")

_CLOSE_TIMEOUT: Final = 2.0
"""Seconds that a call which is still running has to end when the store is closed."""


class FilesConnection:
    """One thread for all calls of a store that block.

    Args:
        settings: Settings of the store.
    """

    def __init__(self, settings: FilesSettings) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.timeout
        self.notifier = FileNotifier(settings)
        self._worker = Worker("keyscope files")

    async def run(self, function: Callable[[], Answer]) -> Answer:
        """Run a blocking call in the thread.

        Raises:
            Timeout: It takes longer than one request may, as on a network file system whose server is gone.
        """
        try:
            async with asyncio.timeout(self.timeout):
                return await self._worker.call(function)
        except TimeoutError as error:
            raise Timeout(
                f"the files did not answer within {self.timeout:g} s", hint="is a network file system unreachable?"
            ) from error

    async def scan(self, function: Callable[[], Answer]) -> Answer:
        """Run a blocking call in the thread that may take long, since it looks at many files."""
        return await self._worker.call(function)

    async def run_locked(self, write: Callable[[], Answer]) -> Answer:
        """Run a call that takes the lock of a folder, and repeat it while another process holds the lock.

        Raises:
            Timeout: The lock was held for longer than one request may take; nothing was written.
        """
        until = time.monotonic() + self.timeout
        backoff = Backoff(initial=0.002, maximum=0.1)
        while True:
            try:
                return await self._worker.call(write)
            except LockedError as error:
                if time.monotonic() >= until:
                    raise Timeout(
                        "another process holds the lock of the folder; nothing was written",
                        hint="see `lsof` on the folder for who holds it",
                    ) from error
            await backoff.pause()

    async def handshake(self) -> None:
        """Look at the file or folder.

        Raises:
            NotReachable: It does not exist.
        """
        root = self.settings.root

        def look() -> None:
            if self.settings.is_folder and not os.path.isdir(root):
                raise NotReachable(
                    f"no such file or folder: {display_path(root)}", sent=False, hint="see the path in the URL"
                )
            if not self.settings.is_folder and not os.path.isfile(root):
                raise NotReachable(f"the file is gone: {display_path(root)}", sent=False, hint="is it being replaced?")

        await self.run(look)

    async def close(self) -> None:
        await self.notifier.close()
        await self._worker.close(_CLOSE_TIMEOUT)
