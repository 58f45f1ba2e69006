"""Deletion of everything below a prefix in one step."""

from dataclasses import dataclass

from explorer.drivers.common.errors import nothing_below
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.consul import requests
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.errors import ExplorerError


@dataclass(slots=True)
class ConsulTreeDeletion:
    """The deletion of all keys below a directory.

    If the answer is lost and no key is left, the deletion happened (here or by another client). If only keys are left
    that existed before, it is sent again. Keys that others created meanwhile are not deleted.

    Args:
        connection: The connection.
        prefix: The caller's prefix, for the log.
        base: The directory in the store; empty for the whole store.
        separator: The separator between the names in a key.
    """

    connection: ConsulConnection
    prefix: str
    base: str
    separator: str

    async def commit(self) -> int:
        """Delete the keys and return their number.

        Raises:
            KeyNotFound: There are none.
            OutcomeUnknown: The answer was lost, and the store does not show what happened.
        """
        before = await self._keys()
        if not before:
            raise nothing_below()
        write_attempt = WriteAttempt(self.connection.timeout, self.connection.redacted, self.prefix)
        while await write_attempt.send(self._attempt) is None:
            try:
                left = await self._keys()
            except ExplorerError as error:
                raise write_attempt.outcome_unknown() from error
            if not left:
                break
            if set(left) - set(before):
                raise write_attempt.outcome_unknown()
        return len(before)

    async def _keys(self) -> list[str]:
        return await ConsulReader(self.connection, self.separator).list_keys(self.base)

    async def _attempt(self, left: float) -> bool:
        if not self.base:
            return await self.connection.send(requests.delete_all(), within=left, repeat=False)
        operation = {"Verb": "delete-tree", "Key": self.base}
        return (await self.connection.commit([operation], within=left)).succeeded
