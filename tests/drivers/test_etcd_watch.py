"""Watches of etcd after lost history."""

import asyncio
import uuid

from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, parse
from explorer.model.entries import Revision
from explorer.model.events import Resync, Started
from tests.contract.fixtures import keys_and_values, take_changes, take_events
from tests.servers.etcd import EtcdServer


async def test_resync_reads_a_table_that_was_empty_before(shared_etcd: EtcdServer) -> None:
    """The watcher's table, empty when the state is read again, is compared once all earlier events were taken."""
    url = f"etcd://{shared_etcd.address}/watch-{uuid.uuid4().hex}/"
    known: dict[str, Revision] = {}
    async with EtcdStore(parse(url), Access()) as store:
        since = (await store.put("kept", b"")).revision
        deleted = (await store.put("deleted", b"")).revision
        await store.delete("deleted")
        await asyncio.to_thread(shared_etcd.compact)
        async with store.watch_tree("", since=since, known=known) as events:
            started, resync = await take_events(events, 2)
            assert isinstance(started, Started)
            assert isinstance(resync, Resync)
            known["deleted"] = deleted  # an event from before, which the watcher takes only now
            async with asyncio.timeout(10):
                assert keys_and_values(await take_changes(events, 1)) == [("deleted", None)]
