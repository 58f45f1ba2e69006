"""Watches of etcd after lost history, and of much history."""

import asyncio
import gc
import uuid

from explorer.drivers.common.feed import MAX_PENDING_EVENTS
from explorer.drivers.common.watch import MAX_PART_EVENTS
from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, parse
from explorer.model.entries import Revision
from explorer.model.events import Put, Resync, Started
from tests.contract.fixtures import keys_and_values, take_changes, take_events
from tests.servers.etcd import EtcdServer
from tests.servers.waiting import eventually


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


async def test_history_in_one_response_is_converted_as_it_is_read(shared_etcd: EtcdServer) -> None:
    """A server that sends what was missed sends very many events at once; few are in memory before they are read."""
    url = f"etcd://{shared_etcd.address}/watch-{uuid.uuid4().hex}/"
    async with EtcdStore(parse(url), Access()) as store:
        since = (await store.put("first", b"")).revision
        keys = [f"{store.address.path}key{number:05}" for number in range(2 * MAX_PENDING_EVENTS)]
        await asyncio.to_thread(shared_etcd.put_keys, keys)
        before = _living_puts()
        async with store.watch_tree("", since=since) as events:
            await eventually(lambda: _living_puts() - before >= MAX_PENDING_EVENTS, "the feed is full")
            assert _living_puts() - before <= MAX_PENDING_EVENTS + MAX_PART_EVENTS
            found = await take_changes(events, len(keys))
        assert [f"{store.address.path}{key}" for key, _ in keys_and_values(found)] == keys


def _living_puts() -> int:
    return sum(isinstance(item, Put) for item in gc.get_objects())
