"""etcd's v2 API killed, cut off and robbed of its answers while people save: no save is told to be what it was not."""

import asyncio
import random
import sys
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest

from explorer.drivers.etcd2 import Etcd2Store
from explorer.drivers.etcd2.cas import Etcd2CasWrite
from explorer.drivers.etcd2.keyspace import Node
from explorer.model.entries import Entry
from explorer.model.errors import KeyExists, KeyModified, KeyNotFound, NotReachable, OutcomeUnknown
from tests.faults.editors import Editors
from tests.faults.save_checker import SaveResult
from tests.faults.test_etcd2 import open_store
from tests.faults.timeouts import hurried
from tests.scale import PATIENCE, figure, seed
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = pytest.mark.faults

EDITORS = 4
ROUNDS = figure(short=3, long=40)
WINDOW = 25
"""Attempts that each fault meets, at least."""
TIMEOUT = 0.5
"""Seconds that an editor's request may take before its outcome is in doubt."""
_WINDOW = 1000
"""Changes that the store keeps."""


@asynccontextmanager
async def unheard(server: EtcdServer) -> AsyncGenerator[tuple[Etcd2Store, Etcd2Store, FaultProxy], None]:
    """Open a store behind a proxy, and one beside it."""
    path = f"saves-{uuid.uuid4().hex[:8]}"
    async with (
        FaultProxy(server.client_port) as proxy,
        open_store(proxy.address, path) as store,
        open_store(server.address, path) as beside,
    ):
        yield store, beside, proxy


async def value_of(store: Etcd2Store, key: str) -> bytes | None:
    with suppress(KeyNotFound):
        return (await store.get(key)).value
    return None


async def happened(beside: Etcd2Store, proxy: FaultProxy, key: str, value: bytes | None) -> None:
    """Wait until a save took effect and its answer was lost."""

    async def there() -> bool:
        return await value_of(beside, key) == value and proxy.dropped > 0

    await eventually(there, "it took effect", PATIENCE)


def losing(store: Etcd2Store, proxy: FaultProxy, seen: Entry | None) -> asyncio.Task[Entry]:
    """Start to save; its answer, and none before it, is lost."""
    proxy.drop_replies_to(b"PUT ")
    return asyncio.create_task(store.atomic_put("key", b"after", seen))


async def test_a_save_whose_answer_was_lost_is_saved(shared_etcd2: EtcdServer) -> None:
    async with unheard(shared_etcd2) as (store, beside, proxy):
        seen = await store.put("key", b"before", ttl=60)
        saving = losing(store, proxy, seen)
        await happened(beside, proxy, "key", b"after")
        assert not saving.done()
        proxy.heal()
        saved = await saving
        found = await beside.get("key")
        assert (saved.value, saved.revision) == (b"after", found.revision)
        assert found.ttl is not None


async def test_a_save_whose_answer_was_lost_and_that_was_written_over_is_saved_all_the_same(
    shared_etcd2: EtcdServer,
) -> None:
    """The store's own history tells."""
    async with unheard(shared_etcd2) as (store, beside, proxy):
        seen = await store.put("key", b"before")
        saving = losing(store, proxy, seen)
        await happened(beside, proxy, "key", b"after")
        theirs = await beside.put("key", b"theirs")
        proxy.heal()
        saved = await saving
        assert saved.value == b"after"
        assert saved.revision != theirs.revision
        assert await value_of(beside, "key") == b"theirs"


async def test_a_save_that_cannot_be_found_out_is_unknown(shared_etcd2: EtcdServer) -> None:
    """The history of the store is over before it can be asked."""
    async with unheard(shared_etcd2) as (store, beside, proxy):
        seen = await store.put("key", b"before")
        saving = losing(store, proxy, seen)
        await happened(beside, proxy, "key", b"after")
        for _ in range(_WINDOW // 50 + 1):
            async with asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(beside.put(f"beside/{number}", b""))
        await beside.put("key", b"theirs")
        proxy.heal()
        with pytest.raises(OutcomeUnknown):
            await saving
        assert await value_of(beside, "key") == b"theirs"


async def test_a_save_that_never_arrived_and_whose_key_was_changed_is_not_called_saved(
    shared_etcd2: EtcdServer,
) -> None:
    async with unheard(shared_etcd2) as (store, beside, proxy):
        seen = await store.put("key", b"before")
        before = proxy.accepted
        proxy.reset()
        saving = asyncio.create_task(store.atomic_put("key", b"after", seen))
        await eventually(lambda: proxy.accepted > before, "it was tried", PATIENCE)
        await beside.put("key", b"theirs")
        proxy.heal()
        with pytest.raises(KeyModified):
            await saving
        assert await value_of(beside, "key") == b"theirs"


@pytest.mark.parametrize("theirs", [None, b"theirs"])
async def test_a_create_whose_answer_was_lost_is_saved(shared_etcd2: EtcdServer, theirs: bytes | None) -> None:
    async with unheard(shared_etcd2) as (store, beside, proxy):
        await store.put("beside", b"")
        saving = losing(store, proxy, None)
        await happened(beside, proxy, "key", b"after")
        created = await beside.get("key")
        if theirs:
            await beside.put("key", theirs)
        proxy.heal()
        assert await saving == created
        with pytest.raises(KeyExists):
            await store.atomic_put("key", b"again", None)


async def test_a_create_that_never_arrived_and_whose_key_is_taken_is_not_called_saved(
    shared_etcd2: EtcdServer,
) -> None:
    async with unheard(shared_etcd2) as (store, beside, proxy):
        await store.put("beside", b"")
        before = proxy.accepted
        proxy.reset()
        saving = asyncio.create_task(store.atomic_put("key", b"after", None))
        await eventually(lambda: proxy.accepted > before, "it was tried", PATIENCE)
        await beside.put("key", b"theirs")
        proxy.heal()
        with pytest.raises(KeyExists):
            await saving


async def test_a_deletion_whose_answer_was_lost_is_done(shared_etcd2: EtcdServer) -> None:
    async with unheard(shared_etcd2) as (store, beside, proxy):
        seen = await store.put("key", b"before")
        proxy.drop_replies_to(b"DELETE ")
        deleting = asyncio.create_task(store.atomic_delete("key", seen))
        await happened(beside, proxy, "key", None)
        proxy.heal()
        await deleting
        with pytest.raises(KeyNotFound):
            await store.atomic_delete("key", seen)


async def test_the_deletion_of_a_tree_whose_answer_was_lost_is_done(shared_etcd2: EtcdServer) -> None:
    async with unheard(shared_etcd2) as (store, beside, proxy):
        for key in ("top/a", "top/b"):
            await store.put(key, b"")
        proxy.drop_replies_to(b"DELETE ")
        deleting = asyncio.create_task(store.delete_tree("top"))
        await eventually(lambda: proxy.mode is not proxy.mode.PASS, "its answers are lost", PATIENCE)
        await happened(beside, proxy, "top/b", None)
        proxy.heal()
        assert await deleting == 2


async def test_a_save_that_was_answered_is_told_as_saved_though_nothing_can_be_read_after_it(
    shared_etcd2: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with unheard(shared_etcd2) as (store, beside, proxy):
        seen = await beside.put("key", b"before", ttl=60)
        commit = Etcd2CasWrite.commit

        async def answered(save: Etcd2CasWrite) -> Node | None:
            written = await commit(save)
            proxy.drop_replies()
            return written

        monkeypatch.setattr(Etcd2CasWrite, "commit", answered)
        assert (await store.atomic_put("key", b"after", seen)).value == b"after"
        assert await value_of(beside, "key") == b"after"


async def test_no_update_is_lost_and_no_editor_is_told_a_lie(own_etcd2: EtcdServer) -> None:
    chosen = seed()
    sys.stdout.write(f"saves: seed {chosen}\n")
    choice = random.Random(chosen)
    editors = Editors()

    async def progress() -> None:
        until = len(editors.told) + WINDOW
        await eventually(lambda: len(editors.told) >= until, "the editors go on", PATIENCE)

    async with FaultProxy(own_etcd2.client_port) as proxy, open_store(own_etcd2.address) as direct:
        await direct.put("hot", b"")
        stores = [open_store(proxy.address, timeout=PATIENCE) for _ in range(EDITORS)]
        for store in stores:
            await store.connect()
            await hurried(store, TIMEOUT)
        tasks = [asyncio.create_task(editors.edit(store)) for store in stores]
        try:
            for _ in range(ROUNDS):
                await progress()
                proxy.drop_replies()
                await asyncio.sleep(choice.uniform(0.05, 0.8))  # the fault's own length
                proxy.heal()
                await progress()
                proxy.reset_connections()
                await progress()
                own_etcd2.kill()
                await asyncio.to_thread(own_etcd2.start)
            await progress()
            editors.over = True
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            for store in stores:
                await store.close()

        async def last() -> bool:
            try:
                return (await direct.get("hot")).value is not None
            except NotReachable:
                return False

        await eventually(last, "the store is there", PATIENCE)
        value = (await direct.get("hot")).value or b""
        told = list(editors.told.values())
        sys.stdout.write(f"saves: {len(told)} attempts, { ({kind.name: told.count(kind) for kind in SaveResult}) }\n")
        assert editors.misjudged(value) == []
        assert told.count(SaveResult.SAVED) >= WINDOW
