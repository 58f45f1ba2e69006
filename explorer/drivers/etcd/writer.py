"""Writer of single keys, see `cas_writer.CasWriter`; the guard is a key's mod and create revision."""

import math
from collections.abc import Sequence
from typing import Final

from explorer.drivers.common import cas_writer
from explorer.drivers.common.cas_writer import ExpectedVersion
from explorer.drivers.common.errors import key_exists, key_modified
from explorer.drivers.common.leases import keep_alive
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.cas import EtcdCasWrite, delete_request, unchanged
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import RANGE, TXN
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.model.entries import Entry, Revision

_ABSENT: Final = ExpectedVersion(0, None)


class EtcdWriter(cas_writer.ConditionalCasWriter[ExpectedVersion, messages.LeaseGrantResponse, messages.Compare]):
    """Writer of the keys of an address.

    Args:
        connection: The connection to the cluster.
        keyspace: Converts keys and entries.
        tasks: Owns the keepalive of leases.
    """

    def __init__(self, connection: EtcdConnection, keyspace: EtcdKeyspace, tasks: Tasks) -> None:
        self.connection = connection
        self.keyspace = keyspace
        self.tasks = tasks

    async def current(self, key: str) -> ExpectedVersion | None:
        request = messages.RangeRequest(key=self.keyspace.to_store_key(key), keys_only=True)
        response = await self.connection.call(RANGE, request)
        return ExpectedVersion(response.kvs[0].mod_revision, response.kvs[0].create_revision) if response.kvs else None

    async def _guard_for(self, key: str, previous: Entry | Revision) -> ExpectedVersion:
        del key  # the transaction compares
        return ExpectedVersion.of(previous)

    async def _write(
        self,
        key: str,
        value: bytes,
        guard: ExpectedVersion | None,
        lease: messages.LeaseGrantResponse | None,
        *,
        extra_conditions: Sequence[messages.Compare] = (),
    ) -> Entry:
        store_key, (revision, created) = self.keyspace.to_store_key(key), guard or _ABSENT
        put = messages.PutRequest(key=store_key, value=value)
        if lease is not None:
            put.lease = lease.ID
        elif revision:
            put.ignore_lease = True
        request = messages.TxnRequest(
            compare=[*unchanged(store_key, revision, created), *extra_conditions],
            success=[
                messages.RequestOp(request_put=put),
                messages.RequestOp(request_range=messages.RangeRequest(key=store_key, keys_only=True)),
            ],
        )
        outcome = await EtcdCasWrite(self.connection, key, store_key, revision, request).commit()
        if not outcome.succeeded:
            raise key_exists() if guard is None else key_modified()
        written = outcome.written or outcome.responses[-1].response_range.kvs[0]
        ttl = float(lease.TTL) if lease is not None and lease.ID else None
        return self.keyspace.to_entry(written)._replace(value=value, ttl=ttl)

    async def _delete(self, key: str, guard: ExpectedVersion) -> None:
        store_key = self.keyspace.to_store_key(key)
        request = delete_request(store_key, *guard)
        if not (await EtcdCasWrite(self.connection, key, store_key, guard.revision, request).commit()).succeeded:
            raise key_modified()

    async def _condition_holds(self, key: str, condition: messages.Compare) -> bool:
        del key  # the comparison names its own
        return (await self.connection.call(TXN, messages.TxnRequest(compare=[condition]))).succeeded

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> messages.LeaseGrantResponse:
        del key, keep_alive
        return messages.LeaseGrantResponse() if math.isinf(ttl) else await leases.grant(self.connection, ttl)

    async def _revoke(self, lease: messages.LeaseGrantResponse) -> None:
        if lease.ID:
            await leases.revoke(self.connection, lease.ID)

    def _keep_alive(self, key: str, lease: messages.LeaseGrantResponse) -> None:
        if lease.ID:
            renewal = keep_alive(lambda left: leases.renew(self.connection, lease.ID, within=left), lease.TTL)
            self.tasks.start(renewal, name=f"lease of {key}")
