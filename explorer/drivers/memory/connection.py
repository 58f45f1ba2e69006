"""Connection to a database in this process, which tests can cut."""

from explorer.drivers.common.tasks import Tasks
from explorer.drivers.memory.database import Database
from explorer.drivers.memory.keyspace import MemoryKeyspace
from explorer.model.errors import NotReachable


class MemoryConnection:
    """A connection of one store to a database.

    Args:
        database: The database.
        keyspace: The keys of the store's address.
        redacted: The address for messages.
    """

    timeout = 5.0
    """Seconds that one request may take; none takes any time here."""

    def __init__(self, database: Database, keyspace: MemoryKeyspace, redacted: str) -> None:
        self.database = database
        self.keyspace = keyspace
        self.redacted = redacted
        self.tasks = Tasks()
        self.down_reason: str | None = None
        """Why every request fails; None while the connection works."""
        self._closed = False

    def cut(self, reason: str) -> None:
        """Break the connection: every request fails, watches are lost, leases are not renewed."""
        self.down_reason = reason
        self.database.notify()

    def mend(self) -> None:
        """Restore a cut connection."""
        if not self._closed:
            self.down_reason = None
            self.database.notify()

    def check(self) -> None:
        """Expire leases that are over.

        Raises:
            NotReachable: The connection is cut or closed.
        """
        if self.down_reason is not None:
            raise NotReachable(self.down_reason, hint="open the store again" if self._closed else "")
        self.database.expire()

    async def close(self) -> None:
        """End the background tasks; every later request fails."""
        self._closed = True
        self.down_reason = "the store is closed"
        await self.tasks.close()
