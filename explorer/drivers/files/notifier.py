"""Notifications of changed paths, by watchfiles on the folder, or by polling where the system has none.

A file is watched by its folder: a watch of the file itself ends when the file is replaced. A notification is a hint
to look again, never a fact, and every so often everything is looked at without one, since systems drop notifications.
"""

import asyncio
import ctypes
import errno
import os
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

from watchfiles._rust_notify import RustNotify  # `awatch` neither owns its thread nor shows when the watch begins

from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.threads import Worker
from explorer.drivers.files.settings import FilesSettings
from explorer.model.keys import encode

Paths: TypeAlias = frozenset[bytes] | None
"""Changed paths; None if every path may have changed."""

_DEBOUNCE_MS: Final = 50
_STEP_MS: Final = 10
_FULL_SCAN_INTERVAL: Final = 15
"""Seconds after which everything is looked at without a notification."""
_CLOSE_TIMEOUT: Final = 2.0
_RETRY_INTERVAL: Final = 0.2
"""Seconds until a folder that is gone, or was replaced, is watched again."""
_POLL_INTERVAL: Final = 1.0
_IN_CREATE: Final = 0x100
_CANNOT_WATCH: Final = "the system cannot watch the folder"
_LIMIT_REACHED: Final = "its limit is reached (fs.inotify.max_user_watches)"
_NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "vboxsf"}
)
"""File systems that do not report changes which other machines make."""


class PathSubscription:
    """Changed paths as one watch has not taken them yet."""

    def __init__(self) -> None:
        self._paths: set[bytes] = set()
        self._is_everything = False
        self._changed = asyncio.Event()

    def add(self, paths: Paths) -> None:
        """Add changed paths."""
        if paths is None:
            self._is_everything = True
        else:
            self._paths |= paths
        self._changed.set()

    async def take(self) -> Paths:
        """Wait for changed paths and return them."""
        await self._changed.wait()
        self._changed.clear()
        paths, self._paths = frozenset(self._paths), set()
        if self._is_everything:
            self._is_everything = False
            return None
        return paths


class FileNotifier:
    """Notifies all watches of a store; it runs while there is one.

    Args:
        settings: Settings of the store.
    """

    def __init__(self, settings: FilesSettings) -> None:
        self._settings = settings
        self._subscriptions: set[PathSubscription] = set()
        self._tasks = Tasks()
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.polling_reason: str | None = None
        """Why the files are polled; None if changes are reported."""

    @asynccontextmanager
    async def subscription(self) -> AsyncGenerator[PathSubscription, None]:
        """Subscribe to the changes from now on."""
        subscription = PathSubscription()
        self._subscriptions.add(subscription)
        try:
            if self._task is None or self._task.done():
                self._ready = asyncio.Event()
                self._task = self._tasks.start(self._run(), name="file notifications")
            await self._ready.wait()
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions:
                await self.close()

    async def close(self) -> None:
        """End the notifications."""
        task, self._task = self._task, None
        if task is not None:
            await self._tasks.cancel(task)

    async def _run(self) -> None:
        try:
            self.polling_reason = self._reason_to_poll()
            while self.polling_reason is None:
                await self._watch()
                self._ready.set()
                await asyncio.sleep(_RETRY_INTERVAL)
                self._notify(None)
        finally:
            self._ready.set()
        while True:
            await asyncio.sleep(self._settings.poll or _POLL_INTERVAL)
            self._notify(None)

    def _reason_to_poll(self) -> str | None:
        if self._settings.poll is not None:
            return "the URL asks for it"
        kind = file_system(self._settings.folder)
        if kind.partition(".")[0] in _NETWORK_FILE_SYSTEMS:
            return f"the file system ({kind}) does not report the changes of other machines"
        return None

    async def _watch(self) -> None:
        """Notify of the changes that the system reports.

        Return when the folder is gone or another one is in its place, or, with the reason noted, if the system reports
        none.
        """
        worker, stop = Worker("keyscope file notifications"), threading.Event()
        try:
            identity = await worker.call(self._identity)
            watcher = await worker.call(self._start)
        except Exception as error:  # noqa: BLE001 - of several types: a limit is reached, or there is no inotify
            if await worker.call(self._identity) is not None:
                self.polling_reason = f"{_CANNOT_WATCH}: {error}"
            await worker.close(_CLOSE_TIMEOUT)
            return
        self._ready.set()
        scanned = time.monotonic()
        try:
            while await worker.call(self._identity) == identity is not None:
                changes = await worker.call(
                    lambda: watcher.watch(_DEBOUNCE_MS, _STEP_MS, 1000 * _FULL_SCAN_INTERVAL, stop)
                )
                if isinstance(changes, set):
                    self._notify(frozenset(encode(path) for _, path in changes))
                if time.monotonic() - scanned >= _FULL_SCAN_INTERVAL:
                    scanned = time.monotonic()
                    self._notify(None)
                    if await worker.call(self._is_limit_reached):  # by new folders
                        self.polling_reason = f"{_CANNOT_WATCH}: {_LIMIT_REACHED}"
                        return
        finally:
            stop.set()
            with suppress(Exception):
                worker.call(watcher.close)
            await worker.close(_CLOSE_TIMEOUT)

    def _start(self) -> RustNotify:
        folder, recursive = os.fsdecode(self._settings.folder), self._settings.is_folder
        watcher = RustNotify([folder], False, False, 0, recursive, True)  # noqa: FBT003 - it takes no names
        if self._is_limit_reached():
            watcher.close()
            raise OSError(_LIMIT_REACHED)
        return watcher

    def _is_limit_reached(self) -> bool:
        return is_watch_refused(self._settings.folder)

    def _identity(self) -> tuple[int, int] | None:
        """Return device and inode of the folder; None if it is gone."""
        try:
            status = os.stat(self._settings.folder)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _notify(self, paths: Paths) -> None:
        for subscription in self._subscriptions:
            subscription.add(paths)


def is_watch_refused(folder: bytes) -> bool:
    """Return whether the system refuses one more watch; the library leaves out, without a word, what is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1") or (descriptor := libc.inotify_init1(os.O_CLOEXEC)) < 0:
        return False
    try:
        return libc.inotify_add_watch(descriptor, folder, _IN_CREATE) < 0 and ctypes.get_errno() == errno.ENOSPC
    finally:
        os.close(descriptor)


def file_system(path: bytes, mounts: str = "/proc/self/mountinfo") -> str:
    """Return the type of the file system of a path; empty where the system does not say."""
    try:
        with open(mounts, "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    best, kind = b"", ""
    for line in lines:
        fields, _, source = line.partition(b" - ")
        point = fields.split(b" ")[4].replace(b"\\040", b" ")
        if len(point) >= len(best) and (path == point or path.startswith(point.rstrip(b"/") + b"/")):
            best, kind = point, source.split(b" ")[0].decode("ascii", "replace")
    return kind
