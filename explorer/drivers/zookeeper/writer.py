"""Writing single nodes: every write is a compare-and-swap, so that what became of it can be found out.

What the caller did not edit is kept: the access control list, the kind of the node, and whose it is. A node cannot
become of another kind: for a TTL, or freed of one, it is made anew within one transaction, which only one without
children can be. The servers tell nobody which nodes have a TTL (or are containers), so one is made anew to be sure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import Connection
from explorer.drivers.zookeeper.failures import NotEmpty
from explorer.drivers.zookeeper.layout import OPEN, Acl, Layout, Stat, expected
from explorer.drivers.zookeeper.messages import Mode, Request
from explorer.drivers.zookeeper.reading import Reader
from explorer.drivers.zookeeper.saving import Birth, Save
from explorer.model.entries import Entry, Revision
from explorer.model.errors import (
    CallNotSupported,
    ExplorerError,
    KeyExists,
    KeyModified,
    KeyNotFound,
    PreviousNotSpecified,
)

_LONGEST = (2**40 - 1) / 1000
"""Seconds of the longest TTL that fits into a node."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the nodes of an address."""

    connection: Connection
    layout: Layout

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        """Write a node whatever is there now, see `Store.put`."""
        entry = await self._put(key, value, ttl, keep_alive=keep_alive)
        if entry is None:
            raise self._modified(key)
        return entry

    async def commit_put(self, key: str, value: bytes, condition: Request[None]) -> Entry | None:
        """Put under a further condition; None when that does not hold."""
        return await self._put(key, value, None, besides=(condition,))

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        """Write a node only if it is the one that was read, see `Store.atomic_put`."""
        path = self.layout.locate(key)
        before = None if previous is None else await self._seen(key, path, previous)
        try:
            entry = await self._write(key, value, before, await self._birth(key, before, ttl))
        except KeyNotFound as error:
            raise self._modified(key) from error
        if entry is None:
            raise self._modified(key)
        return entry

    async def delete(self, key: str) -> None:
        """Delete a node, see `Store.delete`."""
        path = self.layout.locate(key)
        while True:
            before = await self.stat(key, path)
            if before is None:
                raise self.layout.absent(key)
            try:
                await Save(self.connection, key, path, before, None).commit()
            except KeyModified:
                continue
            return

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete a node only if it is the one that was read, see `Store.atomic_delete`."""
        if previous is None:
            raise PreviousNotSpecified("say which node is to be deleted", address=self.layout.shown, key=key)
        path = self.layout.locate(key)
        if await self.stat(key, path) is None:
            raise self.layout.absent(key)
        await Save(self.connection, key, path, await self._seen(key, path, previous), None).commit()

    async def stat(self, key: str, path: str) -> Stat | None:
        """Read the Stat that a node has now."""
        return await Reader(self.connection, key).stat(path)

    async def _put(
        self,
        key: str,
        value: bytes,
        ttl: float | None,
        *,
        keep_alive: bool = False,
        besides: Sequence[Request[None]] = (),
    ) -> Entry | None:
        path = self.layout.locate(key)
        while True:
            before = await self.stat(key, path)
            birth = await self._birth(key, before, ttl, keep_alive=keep_alive)
            try:
                return await self._write(key, value, before, birth, besides=besides)
            except (KeyExists, KeyModified):
                continue
            except KeyNotFound:
                if before is None:
                    raise
                continue  # deleted meanwhile

    async def _seen(self, key: str, path: str, previous: Entry | Revision) -> Stat:
        """Give the Stat of a node if it is what the caller had read."""
        now, state = await self.stat(key, path), expected(previous)
        if now is None or state is None or (now.czxid, now.version) != state:
            raise self._modified(key)
        return now

    async def _write(
        self,
        key: str,
        value: bytes,
        before: Stat | None,
        birth: Birth | None,
        *,
        besides: Sequence[Request[None]] = (),
    ) -> Entry | None:
        """Write if the node is as it was, with all above it; None if a further condition does not hold."""
        path = self.layout.locate(key)
        save = Save(self.connection, key, path, before, value, birth, besides)
        try:
            written = await save.commit()
        except NotEmpty as error:
            raise CallNotSupported(
                "a node with children cannot be made to end by itself, nor freed of that",
                hint="choose a node without children",
                address=self.layout.shown,
                key=key,
            ) from error
        except KeyNotFound:
            if before is not None:
                raise
            await self.make(path.rpartition("/")[0], key)
            written = await save.commit()
        return None if written is None else await self._told(key, path, value, written)

    async def make(self, path: str, key: str) -> bool:
        """Create a node and all above it, and tell whether it was not there.

        Args:
            path: Its path.
            key: What that is done for.
        """
        if not path:
            return False
        while True:
            try:
                await Save(self.connection, key, path, None, b"").commit()
            except KeyExists:
                return False
            except KeyNotFound:
                await self.make(path.rpartition("/")[0], key)
            else:
                return True

    async def _told(self, key: str, path: str, value: bytes, stat: Stat) -> Entry:
        """Give the entry that was written, as it is read. That cannot fail any more, whatever cannot be read of it."""
        try:
            acl = await Reader(self.connection, key).acl(path, stat.czxid)
        except ExplorerError:
            acl = None
        return self.layout.entry(path, value, stat, acl)

    async def _birth(
        self, key: str, before: Stat | None, ttl: float | None, *, keep_alive: bool = False
    ) -> Birth | None:
        """Tell what kind of node it is to become: None to keep what it is."""
        if ttl is None:
            return None
        if not ttl > 0:
            raise ExplorerError(f"{ttl} is no time to live", hint="a positive number of seconds, or inf for ever")
        if before is not None and before.session is not None:
            raise CallNotSupported(
                "the node lives as long as somebody's session",
                hint="delete it first",
                address=self.layout.shown,
                key=key,
            )
        if math.isinf(ttl) and before is None:
            return None
        acl = await self._acl(key) if before else OPEN
        if math.isinf(ttl):
            return Birth(acl=acl)
        return Birth(Mode.EPHEMERAL, acl=acl) if keep_alive else Birth(Mode.TTL, min(ttl, _LONGEST), acl)

    async def _acl(self, key: str) -> Acl:
        """Read who may do what with a node, to give it on to what takes its place."""
        return await self.connection.ask(messages.acl(self.layout.locate(key)), key=key)

    def _modified(self, key: str) -> KeyModified:
        return KeyModified(
            "the node was changed since it was read", hint="read it again", address=self.layout.shown, key=key
        )
