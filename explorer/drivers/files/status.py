"""Status of a file store: what is open, and how changes are noticed."""

import os

from explorer.drivers.common.status import Fact
from explorer.drivers.files.connection import FilesConnection
from explorer.drivers.files.errors import display_path, translated
from explorer.drivers.files.notifier import file_system
from explorer.model.entries import Revision, Status
from explorer.model.keys import decode


async def read_status(
    connection: FilesConnection,
    *,
    revision: Revision | None = None,
    facts: dict[str, Fact] | None = None,
    complaints: tuple[str, ...] = (),
) -> Status:
    """Return the status of the store.

    Args:
        connection: The connection.
        revision: Revision of the files, in layouts that have one.
        facts: Facts of the layout.
        complaints: Problems of the layout.
    """
    settings = connection.settings

    def look() -> tuple[os.stat_result, os.statvfs_result, str]:
        with translated(settings.root):
            return os.stat(settings.root), os.statvfs(settings.root), file_system(settings.root)

    await connection.handshake()
    status, volume, kind = await connection.run(look)
    polling = connection.notifier.polling_reason
    return Status(
        product="files",
        version=f"layout {settings.layout}",
        revision=revision,
        identity=f"device {status.st_dev:x}, inode {status.st_ino}" if settings.is_folder else None,
        facts={
            "folder" if settings.is_folder else "file": display_path(settings.root),
            **(facts or {}),
            "file system": kind or None,
            "bytes free": volume.f_bavail * volume.f_frsize,
            "changes": f"polled: {polling}" if polling else "reported by the system",
        },
        complaints=complaints,
        data_ids=frozenset({"files"}),
        data_path="/".join(filter(None, (decode(settings.root), settings.prefix))),
    )
