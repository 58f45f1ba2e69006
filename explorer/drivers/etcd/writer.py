"""Writing single keys, see `drivers.writing`: what is guarded is a key's mod and create revision."""

import math
from collections.abc import Sequence
from typing import Final

from explorer.drivers.common import cas_writer
from explorer.drivers.common.cas_writer import Version
from explorer.drivers.common.errors import key_exists, key_modified
from explorer.drivers.common.leases import keep_alive
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.cas import EtcdCasWrite, erasure, unchanged
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.drivers.etcd.methods import RANGE, TXN
from explorer.model.entries import Entry, Revision

_NOTHING: Final = Version(0, None)


class EtcdWriter(cas_writer.ConditionalCasWriter[Version, messages.LeaseGrantResponse, messages.Compare]):
    """Writes the keys of an address.

    Args:
        cluster: Is asked.
        layout: Spells entries.
        tasks: Keeps leases alive.
    """

    def __init__(self, cluster: EtcdConnection, layout: EtcdKeyspace, tasks: Tasks) -> None:
        self.cluster = cluster
        self.layout = layout
        self.tasks = tasks

    async def current(self, key: str) -> Version | None:
        question = messages.RangeRequest(key=self.layout.locate(key), keys_only=True)
        answer = await self.cluster.call(RANGE, question, key=key)
        return Version(answer.kvs[0].mod_revision, answer.kvs[0].create_revision) if answer.kvs else None

    async def _guard_for(self, key: str, previous: Entry | Revision) -> Version:
        del key  # the transaction compares
        return Version.of(previous)

    async def _write(
        self,
        key: str,
        value: bytes,
        guard: Version | None,
        lease: messages.LeaseGrantResponse | None,
        *,
        extra_conditions: Sequence[messages.Compare] = (),
    ) -> Entry:
        place, (revision, created) = self.layout.locate(key), guard or _NOTHING
        put = messages.PutRequest(key=place, value=value)
        if lease is not None:
            put.lease = lease.ID
        elif revision:
            put.ignore_lease = True
        request = messages.TxnRequest(
            compare=[*unchanged(place, revision, created), *extra_conditions],
            success=[
                messages.RequestOp(request_put=put),
                messages.RequestOp(request_range=messages.RangeRequest(key=place, keys_only=True)),
            ],
        )
        outcome = await EtcdCasWrite(self.cluster, key, place, revision, request).commit()
        if not outcome.won:
            raise key_exists() if guard is None else key_modified()
        written = outcome.written or outcome.responses[-1].response_range.kvs[0]
        ttl = float(lease.TTL) if lease is not None and lease.ID else None
        return self.layout.spell(written)._replace(value=value, ttl=ttl)

    async def _delete(self, key: str, guard: Version) -> None:
        place = self.layout.locate(key)
        outcome = await EtcdCasWrite(self.cluster, key, place, guard.revision, erasure(place, *guard)).commit()
        if not outcome.won:
            raise key_modified()

    async def _condition_holds(self, key: str, condition: messages.Compare) -> bool:
        return (await self.cluster.call(TXN, messages.TxnRequest(compare=[condition]), key=key)).succeeded

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> messages.LeaseGrantResponse:
        del key, keep_alive
        return messages.LeaseGrantResponse() if math.isinf(ttl) else await leases.grant(self.cluster, ttl)

    async def _revoke(self, lease: messages.LeaseGrantResponse) -> None:
        if lease.ID:
            await leases.revoke(self.cluster, lease.ID)

    def _keep_alive(self, key: str, lease: messages.LeaseGrantResponse) -> None:
        if lease.ID:
            renewing = keep_alive(lambda left: leases.renew(self.cluster, lease.ID, within=left), lease.TTL)
            self.tasks.start(renewing, name=f"lease of {key}")
