"""Saves whose reply is lost, or whose server dies: each is reported as what it was."""

import asyncio
import random
import sys
from collections.abc import Sequence
from typing import Any, Final

import pytest

from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import KeyExists, KeyModified, KeyNotFound, NotReachable, OutcomeUnknown
from tests.faults.backends import CONSUL, ETCD, ETCD2, REDIS, ZOOKEEPER, Backend, BackendServer
from tests.faults.editors import Editors
from tests.faults.lossy_link import LossyLink
from tests.faults.save_checker import SaveResult
from tests.faults.timeouts import limit_requests, warm_up_and_limit
from tests.scale import PATIENCE, figure, seed
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

EDITORS: Final = 4
ROUNDS: Final = figure(short=3, long=40)
"""Of a window of lost replies, a reset and a kill each."""
TRANSACTION_ROUNDS: Final = figure(short=1, long=40)
ATTEMPTS_PER_FAULT: Final = 25
TIMEOUT: Final = 0.5
"""Seconds that an editor's request may take before its outcome is unknown."""

every_backend = pytest.mark.parametrize("backend", [CONSUL, ETCD, ETCD2, REDIS, ZOOKEEPER], ids=str)


@every_backend
async def test_save_with_lost_reply_is_saved(link: LossyLink) -> None:
    previous = await link.store.put("key", b"before")
    saving = link.save_without_reply(previous)
    await link.carried_out("key", b"after")
    assert not saving.done()
    link.proxy.heal()
    saved = await saving
    assert saved == await link.direct.get("key")
    assert saved.value == b"after"


@every_backend
async def test_save_with_lost_reply_keeps_the_ttl(link: LossyLink) -> None:
    previous = await link.store.put("key", b"before", ttl=60)
    saving = link.save_without_reply(previous)
    await link.carried_out("key", b"after")
    link.proxy.heal()
    saved, found = await saving, await link.direct.get("key")
    assert (saved.value, saved.revision, saved.lease) == (b"after", found.revision, found.lease)
    assert (found.ttl is not None) is (previous.ttl is not None)
    assert found.lease == previous.lease


@every_backend
async def test_save_with_lost_reply_then_overwritten(link: LossyLink) -> None:
    """It is saved where the history of the store shows it, and unknown elsewhere; never is it a conflict."""
    previous = await link.store.put("key", b"before")
    saving = link.save_without_reply(previous)
    await link.carried_out("key", b"after")
    theirs = await link.direct.put("key", b"theirs")
    link.proxy.heal()
    if link.backend.overwritten_save:
        with pytest.raises(link.backend.overwritten_save):
            await saving
    else:
        saved = await saving
        assert saved.value == b"after"
        assert saved.revision != theirs.revision
    assert await link.value("key") == b"theirs"


@pytest.mark.parametrize("backend", [ETCD, ETCD2], ids=str)
async def test_save_with_lost_reply_and_history_is_unknown(
    backend: Backend, link: LossyLink, shared_server: BackendServer
) -> None:
    """The history of the store is gone before it can be read."""
    previous = await link.store.put("key", b"before")
    saving = link.save_without_reply(previous)
    await link.carried_out("key", b"after")
    await link.direct.put("key", b"theirs")
    if backend.history_length:
        await _fill_history(link.direct, backend.history_length)
    else:
        assert isinstance(shared_server, EtcdServer)
        await asyncio.to_thread(shared_server.compact)
    link.proxy.heal()
    with pytest.raises(OutcomeUnknown):
        await saving
    assert await link.value("key") == b"theirs"


@every_backend
async def test_save_that_never_arrived_then_changed_is_conflict(link: LossyLink) -> None:
    previous = await link.store.put("key", b"before")
    saving = await link.save_without_connection(previous)
    await link.direct.put("key", b"theirs")
    link.proxy.heal()
    with pytest.raises(KeyModified):
        await saving
    assert await link.value("key") == b"theirs"


@every_backend
async def test_create_with_lost_reply_is_saved(link: LossyLink) -> None:
    await link.store.put("beside", b"")
    saving = link.save_without_reply(None)
    await link.carried_out("key", b"after")
    created = await link.direct.get("key")
    link.proxy.heal()
    assert await saving == created
    with pytest.raises(KeyExists):
        await link.store.atomic_put("key", b"again", None)


@every_backend
async def test_create_with_lost_reply_then_overwritten(link: LossyLink) -> None:
    await link.store.put("beside", b"")
    saving = link.save_without_reply(None)
    await link.carried_out("key", b"after")
    created = await link.direct.get("key")
    await link.direct.put("key", b"theirs")
    link.proxy.heal()
    if link.backend.overwritten_save:
        with pytest.raises(link.backend.overwritten_save):
            await saving
    else:
        assert await saving == created
    with pytest.raises(KeyExists):
        await link.store.atomic_put("key", b"again", None)
    assert await link.value("key") == b"theirs"


@every_backend
async def test_create_that_never_arrived_then_taken_is_refused(link: LossyLink) -> None:
    await link.store.put("beside", b"")
    saving = await link.save_without_connection(None)
    await link.direct.put("key", b"theirs")
    link.proxy.heal()
    with pytest.raises(link.backend.refused_create):
        await saving
    assert await link.value("key") == b"theirs"


@every_backend
async def test_deletion_with_lost_reply_is_done(link: LossyLink) -> None:
    previous = await link.store.put("key", b"before")
    link.proxy.drop_replies_to(link.backend.delete_marker(f"{link.path}/key"))
    deleting = asyncio.create_task(link.store.atomic_delete("key", previous))
    await link.carried_out("key", None)
    link.proxy.heal()
    await deleting
    with pytest.raises(KeyNotFound):
        await link.store.atomic_delete("key", previous)


@pytest.mark.parametrize("backend", [CONSUL, ETCD2, REDIS, ZOOKEEPER], ids=str)
async def test_tree_deletion_with_lost_reply_is_done(link: LossyLink) -> None:
    """`test_etcd_lost_replies` has etcd's, whose request cannot be told from the one that reads the keys."""
    for key in ("top/a", "top/b"):
        await link.store.put(key, b"")
    assert link.backend.delete_tree_marker
    link.proxy.drop_replies_to(link.backend.delete_tree_marker)
    deleting = asyncio.create_task(link.store.delete_tree("top"))
    await eventually(lambda: link.proxy.mode is not link.proxy.mode.PASS, "its replies are lost", PATIENCE)
    await link.carried_out("top/b", None)
    link.proxy.heal()
    assert await deleting == 2
    assert [await link.value(key) for key in ("top/a", "top/b")] == [None, None]


@every_backend
async def test_acknowledged_save_is_saved_without_a_read(link: LossyLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be read after the acknowledgement."""
    previous = await link.direct.put("key", b"before", ttl=60)
    limit_requests(link.store, TIMEOUT)
    cas_write: Any = link.backend.cas_write
    commit = cas_write.commit

    async def commit_and_cut(write: object) -> object:
        written: object = await commit(write)
        link.proxy.drop_replies()
        return written

    monkeypatch.setattr(cas_write, "commit", commit_and_cut)
    saved = await link.store.atomic_put("key", b"after", previous)
    assert (saved.value, saved.lease) == (b"after", previous.lease)
    if link.backend.first_version is not None:
        assert saved.version == link.backend.first_version + 1
    assert await link.value("key") == b"after"


@every_backend
async def test_editors_of_one_key_lose_no_update(backend: Backend, own_server: BackendServer) -> None:
    """Editors save over each other's changes, through lost replies, resets and kills."""
    editors = Editors()
    created, entry = await _edit(backend, own_server, editors, ROUNDS)
    if backend.first_version is not None:
        assert created.version == backend.first_version
        assert entry.version == backend.first_version + len((entry.value or b"").split())


@pytest.mark.parametrize("backend", [CONSUL, ETCD, ZOOKEEPER], ids=str)
async def test_editors_of_several_keys_save_all_or_nothing(backend: Backend, own_server: BackendServer) -> None:
    """The keys are saved by transactions, and never differ."""
    await _edit(backend, own_server, Editors(("hot", "beside/one", "beside/two")), TRANSACTION_ROUNDS)


async def _edit(backend: Backend, own_server: BackendServer, editors: Editors, rounds: int) -> tuple[Entry, Entry]:
    """Let editors work through faults, check what they report, and return the first key as it was created and is."""
    chosen = seed()
    sys.stdout.write(f"saves {backend}: seed {chosen}\n")
    async with FaultProxy(own_server.port) as proxy, backend.open(own_server.address) as direct:
        created, *_ = [await direct.put(key, b"") for key in editors.keys]
        stores = [backend.open(proxy.address, timeout=PATIENCE) for _ in range(EDITORS)]
        for store in stores:
            await store.connect()
            await warm_up_and_limit(store, TIMEOUT)
        tasks = [asyncio.create_task(editors.edit(store)) for store in stores]
        try:
            await _hurt(own_server, proxy, editors, random.Random(chosen), rounds)
            await editors.reach(SaveResult.SAVED, ATTEMPTS_PER_FAULT * rounds)
            await editors.reach(SaveResult.CONFLICT, 1)
            editors.over = True
            await asyncio.gather(*tasks)
        finally:
            await _close(stores, tasks)
        await eventually(lambda: _is_readable(direct, "hot"), "the store is there", PATIENCE)
        entry, *others = [await direct.get(key) for key in editors.keys]
    results = list(editors.results.values())
    sys.stdout.write(f"saves {backend}: { ({kind.name: results.count(kind) for kind in SaveResult}) }\n")
    assert editors.violations(entry.value or b"") == []
    assert [other.value for other in others] == [entry.value] * len(others)
    return created, entry


async def _hurt(server: BackendServer, proxy: FaultProxy, editors: Editors, choice: random.Random, rounds: int) -> None:
    """Lose replies, reset connections and kill the server, each in the middle of the editors' work."""
    for _ in range(rounds):
        await editors.progress(ATTEMPTS_PER_FAULT)
        proxy.drop_replies()
        await asyncio.sleep(choice.uniform(0.05, 0.8))  # the fault's own length
        proxy.heal()
        await editors.progress(ATTEMPTS_PER_FAULT)
        proxy.reset_connections()
        await editors.progress(ATTEMPTS_PER_FAULT)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    await editors.progress(ATTEMPTS_PER_FAULT)


async def _close(stores: Sequence[Store], tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for store in stores:
        await store.close()


async def _is_readable(store: Store, key: str) -> bool:
    try:
        await store.get(key)
    except NotReachable:
        return False
    return True


async def _fill_history(store: Store, length: int) -> None:
    """Make so many changes, and some more."""
    for _ in range(length // 50 + 1):
        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(store.put(f"beside/{number}", b""))
    await store.put("key", b"theirs")
