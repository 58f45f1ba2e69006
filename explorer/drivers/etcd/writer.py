"""Writing single keys, see `drivers.writing`: what is guarded is a key's mod and create revision."""

import math
from collections.abc import Sequence
from typing import Final

from explorer.drivers.common import cas_writer
from explorer.drivers.common.cas_writer import Version
from explorer.drivers.common.leases import keep_alive
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.cas import EtcdCasWrite, erasure, unchanged
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.drivers.etcd.methods import RANGE, TXN
from explorer.model.entries import Entry, Revision

_NOTHING: Final = Version(0, None)


class EtcdWriter(cas_writer.CasWriter[Version, messages.LeaseGrantResponse, messages.Compare]):
    """Writes the keys of an address.

    Args:
        cluster: Is asked.
        layout: Spells entries.
        tasks: Keeps leases alive.
    """

    def __init__(self, cluster: EtcdConnection, layout: EtcdKeyspace, tasks: Tasks) -> None:
        super().__init__(layout.redacted)
        self.cluster = cluster
        self.layout = layout
        self.tasks = tasks

    async def current(self, key: str) -> Version | None:
        question = messages.RangeRequest(key=self.layout.locate(key), keys_only=True)
        answer = await self.cluster.call(RANGE, question, key=key)
        return Version(answer.kvs[0].mod_revision, answer.kvs[0].create_revision) if answer.kvs else None

    async def _seen(self, key: str, previous: Entry | Revision) -> Version:
        del key  # the transaction compares
        return Version.of(previous)

    async def _write(
        self,
        key: str,
        value: bytes,
        before: Version | None,
        life: messages.LeaseGrantResponse | None,
        *,
        besides: Sequence[messages.Compare] = (),
    ) -> Entry | None:
        place, (revision, created) = self.layout.locate(key), before or _NOTHING
        put = messages.PutRequest(key=place, value=value)
        if life is not None:
            put.lease = life.ID
        elif revision:
            put.ignore_lease = True
        request = messages.TxnRequest(
            compare=[*unchanged(place, revision, created), *besides],
            success=[
                messages.RequestOp(request_put=put),
                messages.RequestOp(request_range=messages.RangeRequest(key=place, keys_only=True)),
            ],
        )
        outcome = await EtcdCasWrite(self.cluster, key, place, revision, request).commit()
        if not outcome.won:
            return None
        written = outcome.written or outcome.responses[-1].response_range.kvs[0]
        ttl = float(life.TTL) if life is not None and life.ID else None
        return self.layout.spell(written)._replace(value=value, ttl=ttl)

    async def _erase(self, key: str, before: Version) -> bool:
        place = self.layout.locate(key)
        return (await EtcdCasWrite(self.cluster, key, place, before.revision, erasure(place, *before)).commit()).won

    async def _holds(self, key: str, condition: messages.Compare) -> bool:
        return (await self.cluster.call(TXN, messages.TxnRequest(compare=[condition]), key=key)).succeeded

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> messages.LeaseGrantResponse:
        del key, keep_alive
        return messages.LeaseGrantResponse() if math.isinf(ttl) else await leases.grant(self.cluster, ttl)

    async def _give_back(self, life: messages.LeaseGrantResponse) -> None:
        if life.ID:
            await leases.revoke(self.cluster, life.ID)

    def _keep_alive(self, key: str, life: messages.LeaseGrantResponse) -> None:
        if life.ID:
            renewing = keep_alive(lambda left: leases.renew(self.cluster, life.ID, within=left), life.TTL)
            self.tasks.start(renewing, name=f"lease of {key}")
