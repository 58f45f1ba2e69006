"""Deletion of everything below a prefix: all keys that a scan finds, until it finds none."""

from collections.abc import Sequence
from typing import Final

from redis.exceptions import ResponseError

from explorer.drivers.common.delete_tree import TreeDeletion
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.errors import reply_error
from explorer.drivers.redis.node import Reply
from explorer.drivers.redis.scan import scan

_BATCH_SIZE: Final = 1000


class RedisTreeDeletion(TreeDeletion[bytes]):
    """Deletion of all keys that begin with a prefix.

    A key whose deletion was sent and whose reply was lost counts as deleted if it is gone.

    Args:
        connection: The connection.
        subject: The prefix for the log.
        prefix: The prefix in the store.
    """

    def __init__(self, connection: RedisConnection, subject: str, prefix: bytes) -> None:
        super().__init__(connection.redacted, subject)
        self._connection, self._prefix = connection, prefix

    async def _read(self) -> list[bytes]:
        found: set[bytes] = set()
        async for keys in scan(self._connection, self._prefix):
            found.update(keys)
        return list(found)

    async def _delete(self, found: Sequence[bytes]) -> None:
        for start in range(0, len(found), _BATCH_SIZE):
            batch = found[start : start + _BATCH_SIZE]
            attempt = WriteAttempt(self._connection.timeout, self.redacted, self.subject)

            async def send(left: float, batch: Sequence[bytes] = batch) -> list[Reply]:
                commands = [(key, ("UNLINK", key)) for key in batch]
                return await self._connection.call_each(commands, within=left, repeat=False)

            while (replies := await attempt.send(send)) is None:
                continue
            for reply in replies:
                if isinstance(reply, ResponseError):
                    raise reply_error(reply)
                if reply == 1 or attempt.lost_reply:
                    self.deleted += 1
