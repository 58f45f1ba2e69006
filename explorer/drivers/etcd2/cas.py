"""Guarded writes (compare-and-swap) that find out their outcome when the response is lost.

Every write names the index that the node had, or that there is none, and so can be sent again when its response is
lost: two of them on the same index cannot both succeed. When the repetition fails, the store's history (its last 1000
changes) decides: the first change on that index is our write, or another client's. Where the history is gone and the
node does not show it, the outcome is unknown.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common import http
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.etcd2 import errors, requests
from explorer.drivers.etcd2.connection import Etcd2Connection, Etcd2Response
from explorer.drivers.etcd2.errors import Etcd2ErrorCode
from explorer.drivers.etcd2.keyspace import Etcd2Node, NodeChange
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.model.errors import ExplorerError, InvalidKey

_FAILURES: Final = (
    Etcd2ErrorCode.KEY_NOT_FOUND,
    Etcd2ErrorCode.COMPARE_FAILED,
    Etcd2ErrorCode.NOT_A_FILE,
    Etcd2ErrorCode.KEY_EXISTS,
)
_MAX_CHANGES: Final = 20
"""Changes of the key that are searched for a creation."""
_CHANGE_TIMEOUT: Final = 1.0
"""Seconds to wait for a past change, which the store returns at once."""


@dataclass(frozen=True, slots=True)
class Etcd2CasWrite:
    """One guarded write of one key: if the node is `before`, set the value to `after`; None stands for absence.

    Args:
        connection: The connection to the members.
        subject: The key for the log.
        path: The path of the node.
        before: The node that was read; None for none. A directory can only be guarded to be empty.
        after: The new value; None deletes the node.
        ttl: Seconds to live; None for ever.
        compare_value: Whether to compare the value as well as the index.
    """

    connection: Etcd2Connection
    subject: str
    path: str
    before: Etcd2Node | None
    after: bytes | None
    ttl: int | None = None
    compare_value: bool = False

    async def commit(self) -> Etcd2Node | None:
        """Write, and return the node (the one before, for a deletion); None if the guard failed.

        Raises:
            InvalidKey: The value is no text, or the path cannot have a value; nothing was written.
            TooLarge: The store refuses the size; nothing was written.
            OutcomeUnknown: The store cannot tell.
            NotReachable: Nothing was sent.
        """
        request = requests.delete(self.path, self._guard()) if self.after is None else self._put_request(self.after)
        attempt = WriteAttempt(self.connection.timeout, self.connection.redacted, self.subject)
        since = self.connection.index

        async def send(left: float) -> Etcd2Response:
            return await self.connection.send(request, *_FAILURES, within=left, repeat=False)

        while (response := await attempt.send(send)) is None:
            continue
        if response.code is None:
            return response.node if self.after is not None else self.before
        if attempt.lost_reply is not None:
            return await self._resolve_outcome(attempt, since)
        if self.compare_value and self.before and await self._is_unchanged(self.before):
            raise errors.lossy_value()
        return None

    def _guard(self) -> Mapping[str, str]:
        if self.before is None:
            return {"prevExist": "false"}
        return {"dir": "true"} if self.before.is_directory else {"prevIndex": str(self.before.modified)}

    def _put_request(self, value: bytes) -> http.Request:
        try:
            form = {"value": value.decode(), **self._guard()}
        except UnicodeDecodeError as error:
            raise InvalidKey(
                "the value is no UTF-8 text, and etcd's v2 API stores nothing else",
                hint="write it as text, such as base64",
            ) from error
        if self.compare_value and self.before:
            form["prevValue"] = self.before.text
        if self.ttl is not None:
            form["ttl"] = str(self.ttl)
        return requests.write(self.path, form)

    async def _is_unchanged(self, before: Etcd2Node) -> bool:
        now = await Etcd2Reader(self.connection).read_node(self.path)
        return now is not None and now.modified == before.modified

    async def _resolve_outcome(self, attempt: WriteAttempt, since: int) -> Etcd2Node | None:
        """Return the outcome of a write whose response was lost, see `commit`."""
        before = self.before
        try:
            async with asyncio.timeout(attempt.seconds_left()):
                now = await Etcd2Reader(self.connection).read_node(self.path)
                if before and now and now.modified == before.modified and not before.is_directory:
                    return None  # another condition failed, and fails for what is still under way
                if before and before.is_directory:
                    return before if now is None else None
                change = await self._find_our_change(before.modified if before else since, now)
        except (ExplorerError, TimeoutError) as error:
            raise attempt.outcome_unknown() from error
        if change is not None:
            return change.node if self.after is not None else before
        if now is not None and self.after is not None and now.text.encode() == self.after:
            return now
        return None

    async def _find_our_change(self, index: int, now: Etcd2Node | None) -> NodeChange | None:
        """Return our write among the changes after an index; None if another change happened instead.

        Raises:
            TimeoutError: The store did not return all changes up to the current node.
        """
        for _ in range(_MAX_CHANGES):
            request = requests.wait(self.path, index + 1, recursive=False, stream=False)
            async with asyncio.timeout(_CHANGE_TIMEOUT):
                change = (await self.connection.send(request, repeat=False)).change
            if change is None:
                break
            if self._is_ours(change):
                return change
            is_last = change.is_deletion if now is None else change.index >= now.modified
            if self.before is not None or is_last:
                return None
            index = change.index
        raise TimeoutError

    def _is_ours(self, change: NodeChange) -> bool:
        if self.after is None:
            return change.action == "compareAndDelete"
        if self.before is None:
            return change.action == "create" and change.node.text.encode() == self.after
        compared = change.previous.modified if change.previous else 0
        return (change.action, compared) == ("compareAndSwap", self.before.modified) and (
            change.node.text.encode() == self.after
        )
