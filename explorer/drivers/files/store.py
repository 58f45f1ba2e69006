"""Base of the file stores, one for each layout."""

from explorer.drivers.common.connected_store import ConnectedStore, LockOptions
from explorer.drivers.files.connection import FilesConnection
from explorer.drivers.files.settings import FilesSettings, load
from explorer.drivers.lock import Lock
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Revision

NO_TTL = "files do not expire"
NO_LOCKS = "a file store has no sessions whose end would release a lock"
REASONS = {
    Capability.CREATED: "files do not keep when they were created, only when they were written",
    Capability.DISTINCT_REVISIONS: "a revision is the digest of the value",
    Capability.EVERY_CHANGE: "changes are watched by reading the files again, so that the last of several is seen",
    Capability.EVERY_DELETION: "changes are watched by reading the files again",
    Capability.FENCING: NO_LOCKS,
    Capability.HISTORY: "files keep no earlier contents",
    Capability.KEEP_ALIVE: NO_TTL,
    Capability.LOCK: NO_LOCKS,
    Capability.LOCKS: NO_LOCKS,
    Capability.PREVIOUS: "files keep no earlier contents",
    Capability.RESUME: "files keep no history; a new watch compares with what it finds",
    Capability.STALE_READS: "there is one copy, which never lags behind",
    Capability.TIME_LEFT: NO_TTL,
    Capability.TTL: NO_TTL,
    Capability.WAITERS: NO_LOCKS,
}
"""Reasons that hold for every layout."""


class FileLayoutStore(ConnectedStore[FilesConnection]):
    """A store in files.

    Args:
        address: The address.
        access: Has the time limit of a request.
    """

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.redacted, settings.separator)
        self.settings: FilesSettings = settings

    def _make_connection(self) -> FilesConnection:
        return FilesConnection(self.settings)

    async def _handshake(self) -> None:
        await self.connection.handshake()

    async def ping(self) -> Revision | None:
        await self.connection.handshake()
        return None

    def _lock(self, options: LockOptions) -> Lock:
        self._refuse(Capability.LOCK, options.key)
