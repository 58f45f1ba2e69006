"""Writing single keys: every write is a compare-and-swap, so that what became of it can be found out.

A plain put, too, is one on the entry that is there at the moment, made again when somebody else was faster: its answer
can be lost without the outcome being lost.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.cluster import Cluster
from explorer.drivers.etcd.layout import Layout
from explorer.drivers.etcd.methods import RANGE, TXN
from explorer.drivers.etcd.saving import Save, erasure, unchanged
from explorer.drivers.tasks import Tasks
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError, KeyExists, KeyModified, OutcomeUnknown, PreviousNotSpecified


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the keys of an address."""

    cluster: Cluster
    layout: Layout
    tasks: Tasks
    """Keeps leases alive."""

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        """Write an entry whatever is there now, see `Store.put`."""
        place = self.layout.locate(key)
        lease = await self._granted(ttl)
        try:
            while True:
                now = await self._current(place, key)
                entry = await self._write(key, value, *now, lease=lease)
                if entry is not None:
                    break
        except ExplorerError as error:
            await self._give_back(lease, error)
            raise
        if lease and keep_alive:
            self.tasks.start(leases.keep_alive(self.cluster, lease.ID, lease.TTL), name=f"lease of {key}")
        return entry

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        """Write an entry only if it is the one that was read, see `Store.atomic_put`."""
        self.layout.locate(key)
        revision, created = (0, None) if previous is None else self.layout.state(previous)
        lease = await self._granted(ttl)
        try:
            entry = await self._write(key, value, revision, created, lease=lease)
            if entry is None:
                raise self._taken(key) if previous is None else self._modified(key)
        except ExplorerError as error:
            await self._give_back(lease, error)
            raise
        return entry

    async def delete(self, key: str) -> None:
        """Delete an entry, see `Store.delete`."""
        place = self.layout.locate(key)
        while True:
            revision, created = await self._current(place, key)
            if revision == 0:
                raise self.layout.absent(key)
            if await self._erase(key, revision, created):
                return

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it is the one that was read, see `Store.atomic_delete`."""
        if previous is None:
            raise PreviousNotSpecified("say which entry is to be deleted", address=self.layout.shown, key=key)
        if await self._erase(key, *self.layout.state(previous)):
            return
        if (await self._current(self.layout.locate(key), key))[0]:
            raise self._modified(key)
        raise self.layout.absent(key)

    async def commit_put(self, key: str, value: bytes, compare: messages.Compare) -> Entry | None:
        """Put under a further condition; None when that does not hold."""
        place = self.layout.locate(key)
        while True:
            revision, created = await self._current(place, key)
            entry = await self._write(key, value, revision, created, lease=None, besides=(compare,))
            if entry is not None:
                return entry
            if not (await self.cluster.call(TXN, messages.TxnRequest(compare=[compare]), key=key)).succeeded:
                return None

    async def _write(
        self,
        key: str,
        value: bytes,
        revision: int,
        created: int | None,
        *,
        lease: messages.LeaseGrantResponse | None,
        besides: Sequence[messages.Compare] = (),
    ) -> Entry | None:
        """Put if the key is at this revision (0: absent), keeping its lease unless given another; None if it is not."""
        place = self.layout.locate(key)
        put = messages.PutRequest(key=place, value=value)
        if lease is not None:
            put.lease = lease.ID
        elif revision:
            put.ignore_lease = True
        request = messages.TxnRequest(
            compare=[*unchanged(place, revision, created), *besides],
            success=[
                messages.RequestOp(request_put=put),
                messages.RequestOp(request_range=messages.RangeRequest(key=place, keys_only=True)),
            ],
        )
        outcome = await Save(self.cluster, key, place, revision, request).commit()
        if not outcome.won:
            return None
        written = outcome.written or outcome.responses[-1].response_range.kvs[0]
        ttl = float(lease.TTL) if lease is not None and lease.ID else None
        return self.layout.spell(written)._replace(value=value, ttl=ttl)

    async def _erase(self, key: str, revision: int, created: int | None) -> bool:
        """Delete if the key is at this revision."""
        place = self.layout.locate(key)
        return (await Save(self.cluster, key, place, revision, erasure(place, revision, created)).commit()).won

    async def _current(self, place: bytes, key: str) -> tuple[int, int | None]:
        """Give mod and create revision of a key; 0 if there is none."""
        answer = await self.cluster.call(RANGE, messages.RangeRequest(key=place, keys_only=True), key=key)
        return (answer.kvs[0].mod_revision, answer.kvs[0].create_revision) if answer.kvs else (0, None)

    async def _granted(self, ttl: float | None) -> messages.LeaseGrantResponse | None:
        """Get the lease that an entry is to live by: None to keep what it has, an empty one to free it."""
        if ttl is None:
            return None
        if not ttl > 0:
            raise ExplorerError(f"{ttl} is no time to live", hint="a positive number of seconds, or inf for ever")
        return messages.LeaseGrantResponse() if math.isinf(ttl) else await leases.grant(self.cluster, ttl)

    async def _give_back(self, lease: messages.LeaseGrantResponse | None, error: ExplorerError) -> None:
        """End a lease that nothing came to live by, unless that is not known."""
        if lease is not None and lease.ID and not isinstance(error, OutcomeUnknown):
            with suppress(ExplorerError):
                await leases.revoke(self.cluster, lease.ID)

    def _taken(self, key: str) -> KeyExists:
        return KeyExists(
            "the key exists already", hint="read it and save against what you read", address=self.layout.shown, key=key
        )

    def _modified(self, key: str) -> KeyModified:
        return KeyModified(
            "the key was changed since it was read", hint="read it again", address=self.layout.shown, key=key
        )
