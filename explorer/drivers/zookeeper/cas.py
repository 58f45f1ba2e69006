"""Writes whose outcome is known, or said not to be.

Every write names the version that the node must have, and so can be sent again when its answer is lost: two of them on
the same version cannot both win. The servers compare the version alone, which begins at 0 again when a node is deleted
and made again; so the creation (czxid) is compared right before, and what the answer says of it right after.

ZooKeeper keeps no history. If the repetition loses, what the node is now has to tell: the next version with our value
means that the write was ours (or equal to ours, which nobody could tell and nobody need), the next version with another
value that it was not, anything else leaves the outcome unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from explorer.drivers.common.errors import key_modified
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.zookeeper import errors, messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import OPEN, Acl, Stat
from explorer.drivers.zookeeper.messages import Mode, OpError, Request, Result
from explorer.drivers.zookeeper.reader import Node, ZooKeeperReader
from explorer.model.errors import ExplorerError, NotReachable, OutcomeUnknown, Timeout, TooLarge

_LARGE = 2**16
"""Bytes of a request from which on its size may be why a server ended the connection."""


@dataclass(frozen=True, slots=True)
class CreateOptions:
    """What a node that is created is to be besides its value."""

    mode: Mode = Mode.PERSISTENT
    ttl: float | None = None
    acl: Acl = OPEN


@dataclass(frozen=True, slots=True)
class ZooKeeperCasWrite:
    """One guarded write of one node: it is as `before` (None: absent), then it has `value` (None: it is deleted).

    Args:
        connection: Is asked.
        subject: The key as the caller wrote it.
        path: The node.
        before: Its Stat as it was read.
        value: What is to be.
        birth: What kind of node it is to be; one that is there is made anew for it. None keeps what there is.
        besides: Further conditions, as operations.
    """

    connection: ZooKeeperConnection
    subject: str
    path: str
    before: Stat | None
    value: bytes | None
    birth: CreateOptions | None = None
    besides: Sequence[Request[None]] = ()

    async def commit(self) -> Stat | None:
        """Write, and give the Stat that the node has then (had, if it is deleted).

        None if another condition did not hold.

        Raises:
            KeyExists: It was to be created and is there.
            KeyModified: It is no longer as it was.
            KeyNotFound: It is gone, or that above it is.
            TooLarge: The server takes no request of this size; nothing was written.
            OutcomeUnknown: The store cannot tell.
            NotReachable: Nothing was sent.
        """
        delivery = WriteAttempt(self.connection.timeout, self.connection.redacted, self.subject)
        operations = self._operations()
        while (results := await delivery.send(lambda left: self._attempt(operations, left))) is None:
            continue
        refused = next((number for number, one in enumerate(results) if isinstance(one, ExplorerError)), None)
        if refused is None:
            return await self._won(results[-1])
        error = None if refused < len(self.besides) else cast("ExplorerError", results[refused])
        if delivery.lost_reply is not None:
            return await self._found_out(delivery, error)
        if error is None:
            return None
        raise error

    def _operations(self) -> list[Request[object]]:
        """Give the write, behind its further conditions."""
        operations: list[Request[object]] = [*self.besides]
        version = self.before.version if self.before else messages.ANY_VERSION
        if self.before and (self.value is None or self.birth):
            operations.append(messages.delete(self.path, version))
        if self.value is not None and (self.birth or not self.before):
            birth = self.birth or CreateOptions()
            operations.append(messages.create(self.path, self.value, birth.acl, birth.mode, birth.ttl))
        elif self.value is not None:
            operations.append(messages.put(self.path, self.value, version))
        return operations

    async def _attempt(self, operations: list[Request[object]], left: float) -> list[object]:
        """Send it once, and give what became of each operation: an error for the one that stopped it."""
        request = messages.multi(operations) if len(operations) > 1 else operations[0]
        try:
            answer = await self.connection.send(request, key=self.subject, within=left)
        except NotReachable as error:
            if await self._is_too_large(request, error):
                raise TooLarge(
                    f"the server takes no request of {request.size} bytes; nothing was written",
                    hint="its limit is jute.maxbuffer, 1048575 bytes unless it is set",
                    address=self.connection.redacted,
                    key=self.subject,
                ) from error
            raise
        except ExplorerError as error:
            if len(operations) > 1:
                raise
            return [error]
        return [self._cause(result) for result in cast("list[Result]", answer)] if len(operations) > 1 else [answer]

    async def _is_too_large(self, request: Request[object], loss: NotReachable) -> bool:
        """Return whether a request whose answer was lost was certainly refused for its size, and did nothing.

        A server says nothing of that: it ends the connection as soon as it reads the length. So it is sent a question
        of the same size, which changes nothing. Another server may have taken the request in, so the node is read, too.
        """
        if request.size < _LARGE or isinstance(loss, Timeout) or not loss.retryable:
            return False
        try:
            if not await self.connection.refuses(request.size, key=self.subject):
                return False
            now = await ZooKeeperReader(self.connection, self.subject).stat(self.path)
        except ExplorerError:
            return False
        if now is None or self.before is None:
            return now is self.before
        return (now.czxid, now.version) == (self.before.czxid, self.before.version)

    def _cause(self, result: Result) -> object:
        if isinstance(result, OpError) and result.code not in (errors.ROLLED_BACK, errors.NOT_TRIED):
            return errors.refusal(result.code, self.connection.redacted, self.subject)
        return result

    async def _won(self, result: object) -> Stat | None:
        match result:
            case (str(), Stat() as stat):
                return stat
            case Stat() as stat if self.before is None or stat.czxid == self.before.czxid:
                return stat
            case Stat():
                raise self._surprised(
                    "was deleted and made again while it was written: your value stands in the new one"
                )
            case str():
                try:
                    made = await ZooKeeperReader(self.connection, self.subject).stat(self.path)
                except ExplorerError as error:
                    raise self._surprised("was written, and could not be read again") from error
                if made is None:
                    raise self._surprised("was deleted right after it was written")
                return made
            case _:
                return self.before

    def _surprised(self, what: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"the node {what}", hint="read the key", address=self.connection.redacted, key=self.subject
        )

    async def _found_out(self, delivery: WriteAttempt, refusal: ExplorerError | None) -> Stat | None:
        """Tell from what the node is now what became of a write whose answer was lost, and that is refused now."""
        try:
            now = await ZooKeeperReader(self.connection, self.subject).node(self.path)
        except ExplorerError as error:
            raise delivery.outcome_unknown() from error
        before = self.before
        same = before is not None and now is not None and now.stat.czxid == before.czxid
        if before and now and same:
            if now.stat.version == before.version:  # neither sending took effect
                if refusal is not None:
                    raise refusal
                return None
            if self.value is None or self.birth:
                raise key_modified()
            if now.stat.version == before.version + 1:
                if now.value == self.value:
                    return now.stat
                raise key_modified()
        if self.value is None and now is None:
            return before
        if self._born(now):
            return now.stat if now else None
        raise delivery.outcome_unknown()

    def _born(self, now: Node | None) -> bool:
        """Tell whether a node is what was to be created."""
        made = self.birth is not None or self.before is None
        return made and now is not None and now.stat.version == 0 and now.value == self.value
