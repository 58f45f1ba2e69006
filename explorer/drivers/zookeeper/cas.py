"""Compare-and-swap writes whose outcome is known, or reported as unknown.

Every write names the version that the znode must have. So it can be sent again if its answer is lost: two writes on the
same version cannot both succeed. The servers compare the version only, which starts at 0 again when a znode is deleted
and created anew; so the creation (czxid) is compared right before, and with the answer right after.

ZooKeeper keeps no history. If the repeated write fails, the present state of the znode decides: the next version with
our value means that the write was ours (or equal to ours, which makes no difference), the next version with another
value that it was not; any other state leaves the outcome unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from explorer.drivers.common.errors import key_modified
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.zookeeper import errors, messages
from explorer.drivers.zookeeper.acl import OPEN_ACL, Acl, is_same_acl
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import Stat
from explorer.drivers.zookeeper.messages import CreateMode, OpError, OpResult, ZooKeeperRequest
from explorer.drivers.zookeeper.reader import ZNode, ZooKeeperReader
from explorer.model.errors import ExplorerError, NotReachable, OutcomeUnknown, Timeout, TooLarge

_MIN_REJECTED_SIZE: Final = 2**16
"""Bytes of a request from which on its size may be the reason that a server closed the connection."""


@dataclass(frozen=True, slots=True)
class CreateOptions:
    """Mode, TTL and access control list of a znode that is created."""

    mode: CreateMode = CreateMode.PERSISTENT
    ttl: float | None = None
    acl: Acl = OPEN_ACL


@dataclass(frozen=True, slots=True)
class ZooKeeperCasWrite:
    """A compare-and-swap of one znode: if it is as `before`, it gets `value` (None: it is deleted).

    Args:
        connection: The connection.
        key: The caller's key, for the log.
        path: The path of the znode.
        before: The Stat that was read; None if the znode must not exist.
        value: The value to write.
        create_options: Create the znode with these options, also if it exists; None keeps those that it has.
        extra_conditions: Further conditions, as operations of the transaction.
    """

    connection: ZooKeeperConnection
    key: str
    path: str
    before: Stat | None
    value: bytes | None
    create_options: CreateOptions | None = None
    extra_conditions: Sequence[ZooKeeperRequest[None]] = ()

    async def commit(self) -> Stat | None:
        """Write, and return the znode's new Stat (for a deletion: the former one); None if a condition did not hold.

        Raises:
            KeyExists: The znode to create exists.
            KeyModified: The znode has changed.
            KeyNotFound: The znode or its parent does not exist.
            TooLarge: The server rejects the size; nothing was written.
            OutcomeUnknown: The answer was lost, and the store does not show what happened.
            NotReachable: Nothing was sent.
        """
        write_attempt = WriteAttempt(self.connection.timeout, self.connection.redacted, self.key)
        operations = self.operations()
        while (results := await write_attempt.send(lambda left: self.send_once(operations, left))) is None:
            continue
        failed = next((number for number, result in enumerate(results) if isinstance(result, ExplorerError)), None)
        if failed is None:
            return await self.written_stat(results[-1])
        error = None if failed < len(self.extra_conditions) else cast("ExplorerError", results[failed])
        if write_attempt.lost_reply is not None:
            return await self._resolve_outcome(write_attempt, error)
        if error is None:
            return None
        raise error

    def operations(self) -> list[ZooKeeperRequest[object]]:
        """Return the extra conditions and the write."""
        operations: list[ZooKeeperRequest[object]] = [*self.extra_conditions]
        version = self.before.version if self.before else messages.ANY_VERSION
        if self.before and (self.value is None or self.create_options):
            operations.append(messages.delete(self.path, version))
        if self.value is not None and (self.create_options or not self.before):
            options = self.create_options or CreateOptions()
            operations.append(messages.create(self.path, self.value, options.acl, options.mode, options.ttl))
        elif self.value is not None:
            operations.append(messages.set_data(self.path, self.value, version))
        return operations

    async def send_once(self, operations: list[ZooKeeperRequest[object]], left: float) -> list[object]:
        """Send the write once, and return the result of each operation, an ExplorerError for the one that failed.

        Args:
            operations: Those of this write, or of a transaction that it is a part of.
            left: The seconds that are left.
        """
        request = messages.multi(operations) if len(operations) > 1 else operations[0]
        try:
            answer = await self.connection.send(request, within=left)
        except NotReachable as error:
            if await self._is_too_large(request, error):
                raise TooLarge(
                    f"the server rejects requests of {request.size} bytes; nothing was written",
                    hint="its limit is jute.maxbuffer, 1048575 bytes by default",
                ) from error
            raise
        except ExplorerError as error:
            if len(operations) > 1:
                raise
            return [error]
        return (
            [_error_or_result(result) for result in cast("list[OpResult]", answer)] if len(operations) > 1 else [answer]
        )

    async def _is_too_large(self, request: ZooKeeperRequest[object], loss: NotReachable) -> bool:
        """Return whether a request whose answer was lost was certainly rejected for its size, and did nothing.

        A server does not say so: it closes the connection as soon as it reads the length. So it gets a request of the
        same size that changes nothing. Another server may have accepted the write, so the znode is read, too.
        """
        if request.size < _MIN_REJECTED_SIZE or isinstance(loss, Timeout) or not loss.retryable:
            return False
        try:
            if not await self.connection.rejects_size(request.size):
                return False
            now = await ZooKeeperReader(self.connection).read_stat(self.path)
        except ExplorerError:
            return False
        if now is None or self.before is None:
            return now is self.before
        return (now.czxid, now.version) == (self.before.czxid, self.before.version)

    async def written_stat(self, result: object) -> Stat | None:
        """Return the znode's new Stat (for a deletion: the former one), by the result of the last operation.

        Raises:
            OutcomeUnknown: Another client deleted the znode meanwhile.
        """
        match result:
            case (str(), Stat() as stat):
                return stat
            case Stat() as stat if self.before is None or stat.czxid == self.before.czxid:
                return stat
            case Stat():
                raise _ambiguous("was deleted and created again during the write: the new node has your value")
            case str():
                try:
                    created = await ZooKeeperReader(self.connection).read_stat(self.path)
                except ExplorerError as error:
                    raise _ambiguous("was written, but could not be read again") from error
                if created is None:
                    raise _ambiguous("was deleted right after the write")
                return created
            case _:
                return self.before

    async def _resolve_outcome(self, write_attempt: WriteAttempt, refusal: ExplorerError | None) -> Stat | None:
        """Return the outcome of a write whose answer was lost, from the present state of the znode.

        Args:
            write_attempt: The write.
            refusal: The error of its repetition; None if an extra condition failed.
        """
        try:
            now = await ZooKeeperReader(self.connection).read_node(self.path)
        except ExplorerError as error:
            raise write_attempt.outcome_unknown() from error
        match self.was_applied(now):
            case True:
                return now.stat if now else self.before
            case False if self._is_unchanged(now):  # neither request was applied
                if refusal is not None:
                    raise refusal
                return None
            case False:
                raise key_modified()
            case None:
                raise write_attempt.outcome_unknown()

    def was_applied(self, now: ZNode | None) -> bool | None:
        """Return whether a write whose answer was lost was applied, by what the znode is now; None if unknown."""
        before = self.before
        if before and now and now.stat.czxid == before.czxid:
            if self._is_unchanged(now) or self.value is None or self.create_options:
                return False
            if now.stat.version == before.version + 1:
                return now.value == self.value
        is_deleted = self.value is None and now is None
        return True if is_deleted or self._is_created(now) else None

    def _is_unchanged(self, now: ZNode | None) -> bool:
        before = self.before
        return bool(before and now and (now.stat.czxid, now.stat.version) == (before.czxid, before.version))

    def _is_created(self, now: ZNode | None) -> bool:
        """Return whether a znode is the one that this write creates."""
        if now is None or (self.create_options is None and self.before is not None):
            return False
        acl = (self.create_options or CreateOptions()).acl
        is_same = now.acl is None or is_same_acl(now.acl, acl)
        return is_same and now.stat.version == 0 and now.value == self.value


def _error_or_result(result: OpResult) -> object:
    if isinstance(result, OpError) and result.code not in errors.NOT_APPLIED:
        return errors.error_for_code(result.code)
    return result


def _ambiguous(what: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"the node {what}", hint="read the key")
