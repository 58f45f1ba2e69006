"""Locks while most of the servers are stopped."""

import asyncio

import pytest

from explorer.model.errors import LockLost, NotReachable
from tests.faults.backends import CONSUL, ETCD2, ZOOKEEPER, Backend, BackendCluster
from tests.scale import PATIENCE

pytestmark = [pytest.mark.faults, pytest.mark.servers]


@pytest.mark.parametrize("backend", [CONSUL, ETCD2, ZOOKEEPER], ids=str)
async def test_lock_without_quorum_is_lost_within_its_ttl(backend: Backend, voting_cluster: BackendCluster) -> None:
    """The member that is left answers no ping either."""
    alone, *others = voting_cluster.members
    async with backend.open(alone.address) as store:
        lock = store.lock("job", ttl=3)
        await lock.acquire()
        for member in others:
            await asyncio.to_thread(member.pause)
        async with asyncio.timeout(PATIENCE):
            await lock.lost.wait()
        assert not lock.held
        with pytest.raises(LockLost):
            await lock.put("job", b"too late")
        with pytest.raises(NotReachable):
            await store.ping()
        for member in others:
            await asyncio.to_thread(member.resume)
        await lock.release()
