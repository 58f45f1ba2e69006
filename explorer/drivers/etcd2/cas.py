"""Writes whose outcome is known, or said not to be.

Every write names the index that the node had, or that there is none, and so can be sent again when its answer is lost:
two of them on the same index cannot both win. When the repetition loses, the store's own history tells (its last 1000
changes): what happened first on that index is our write, or somebody else's. Where history is gone and the node does
not tell, the outcome is unknown.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common import http
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.etcd2 import errors, requests
from explorer.drivers.etcd2.connection import Etcd2Answer, Etcd2Connection
from explorer.drivers.etcd2.errors import COMPARE_FAILED, EXISTS, NOT_A_FILE, NOT_FOUND
from explorer.drivers.etcd2.keyspace import Node, NodeChange
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.model.errors import ExplorerError, InvalidKey

_LOST: Final = (NOT_FOUND, COMPARE_FAILED, NOT_A_FILE, EXISTS)
_STEPS: Final = 20
"""Changes of the key that are looked at to find a creation among them."""
_LAST: Final = 1.0
"""Seconds that a change has to be told in; what is past is told at once."""


@dataclass(frozen=True, slots=True)
class Etcd2CasWrite:
    """One guarded write of one key: the node is as `before`, then it has the value `after` (None: it is absent).

    Args:
        connection: Is asked.
        subject: The key as the caller wrote it.
        path: Where it is.
        before: What was read; None for nothing. Of a directory no more than that it is empty can be guarded.
        after: The value that is to be.
        ttl: Seconds to live; None for ever.
        as_shown: Whether the value, too, has to be what was read.
    """

    connection: Etcd2Connection
    subject: str
    path: str
    before: Node | None
    after: bytes | None
    ttl: int | None = None
    as_shown: bool = False

    async def commit(self) -> Node | None:
        """Write, and give the node as it is now (as it was, for a deletion); None if it was not as before.

        Raises:
            InvalidKey: The value is no text, or the place is none for a value; nothing was written.
            TooLarge: The store refuses the size; nothing was written.
            OutcomeUnknown: The store cannot tell.
            NotReachable: Nothing was sent.
        """
        request = requests.erase(self.path, self._conditions()) if self.after is None else self._replacement(self.after)
        delivery = WriteAttempt(self.connection.timeout, self.connection.redacted, self.subject)
        since = self.connection.index

        async def attempt(left: float) -> Etcd2Answer:
            return await self.connection.ask(request, *_LOST, key=self.subject, within=left, repeat=False)

        while (reply := await delivery.send(attempt)) is None:
            continue
        if reply.code is None:
            return reply.node if self.after is not None else self.before
        if delivery.lost_reply is not None:
            return await self._found_out(delivery, since)
        if self.as_shown and self.before and await self._unchanged(self.before):
            raise errors.unequal(self.connection.redacted, self.subject)
        return None

    def _conditions(self) -> Mapping[str, str]:
        if self.before is None:
            return {"prevExist": "false"}
        return {"dir": "true"} if self.before.directory else {"prevIndex": str(self.before.modified)}

    def _replacement(self, value: bytes) -> http.Request:
        try:
            form = {"value": value.decode(), **self._conditions()}
        except UnicodeDecodeError as error:
            raise InvalidKey(
                "the value is no UTF-8 text, and etcd's v2 API gives back nothing else",
                hint="write it as text, such as base64",
                address=self.connection.redacted,
                key=self.subject,
            ) from error
        if self.as_shown and self.before:
            form["prevValue"] = self.before.text
        if self.ttl is not None:
            form["ttl"] = str(self.ttl)
        return requests.write(self.path, form)

    async def _unchanged(self, before: Node) -> bool:
        now = await Etcd2Reader(self.connection, self.subject).node(self.path)
        return now is not None and now.modified == before.modified

    async def _found_out(self, delivery: WriteAttempt, since: int) -> Node | None:
        """Tell from what happened what became of a write whose answer was lost."""
        before = self.before
        try:
            async with asyncio.timeout(delivery.seconds_left()):
                now = await Etcd2Reader(self.connection, self.subject).node(self.path)
                if before and now and now.modified == before.modified and not before.directory:
                    return None  # some other condition was refused, and is for whatever is still under way
                if before and before.directory:
                    return before if now is None else None
                change = await self._first(before.modified if before else since, now)
        except (ExplorerError, TimeoutError) as error:
            raise delivery.outcome_unknown() from error
        if change is not None:
            return change.node if self.after is not None else before
        if now is not None and self.after is not None and now.text.encode() == self.after:
            return now
        return None

    async def _first(self, index: int, now: Node | None) -> NodeChange | None:
        """Find our write among the changes after an index; None if it is not what happened.

        Raises:
            TimeoutError: Not all that led to what the node is now was told.
        """
        for _ in range(_STEPS):
            asked = requests.hear(self.path, index + 1, below=False, stream=False)
            async with asyncio.timeout(_LAST):
                told = (await self.connection.ask(asked, key=self.subject, repeat=False)).change
            if told is None:
                break
            if self._is_ours(told):
                return told
            if self.before is not None or (told.gone if now is None else told.index >= now.modified):
                return None
            index = told.index
        raise TimeoutError

    def _is_ours(self, change: NodeChange) -> bool:
        if self.after is None:
            return change.action == "compareAndDelete"
        if self.before is None:
            return change.action == "create" and change.node.text.encode() == self.after
        written_on = change.previous.modified if change.previous else 0
        return (change.action, written_on) == ("compareAndSwap", self.before.modified) and (
            change.node.text.encode() == self.after
        )
