"""Deleting everything below a prefix in one step."""

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

    When the answer is lost and nothing is left, it happened (or others did the same). If only keys are left that were
    there before, it is sent again; what others made meanwhile is never deleted on suspicion.

    Args:
        connection: Is asked.
        subject: The prefix as the caller wrote it.
        base: The same as the store spells it, as a directory; empty for the whole store.
        separator: Divides the names in a key.
    """

    connection: ConsulConnection
    subject: str
    base: str
    separator: str

    async def commit(self) -> int:
        """Delete, and tell how many keys there were.

        Raises:
            KeyNotFound: There are none.
            OutcomeUnknown: The answer was lost and the store cannot tell.
        """
        before = await self._keys()
        if not before:
            raise nothing_below()
        delivery = WriteAttempt(self.connection.timeout, self.connection.redacted, self.subject)
        while await delivery.send(self._attempt) is None:
            try:
                left = await self._keys()
            except ExplorerError as error:
                raise delivery.outcome_unknown() from error
            if not left:
                break
            if set(left) - set(before):
                raise delivery.outcome_unknown()
        return len(before)

    async def _keys(self) -> list[str]:
        return await ConsulReader(self.connection, self.separator, self.subject).everything(self.base)

    async def _attempt(self, left: float) -> bool:
        if not self.base:
            everything = requests.removal_of_everything()
            return await self.connection.ask(everything, key=self.subject, within=left, repeat=False)
        erasure = {"Verb": "delete-tree", "Key": self.base}
        return (await self.connection.commit([erasure], key=self.subject, within=left)).won
