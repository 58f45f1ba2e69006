"""Locks beside Consul's own: `consul lock` and we respect each other, and what others hold is told as it is."""

import asyncio
import os
import signal
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.drivers.consul.answers import parse_duration
from explorer.drivers.consul.lock import LOCK_FLAG
from explorer.model.address import Access, parse
from explorer.model.errors import CannotLock, KeyNotFound
from explorer.model.locks import LockInfo
from tests.contract.fixtures import PATIENCE
from tests.servers.consul import ConsulServer
from tests.servers.waiting import eventually

_WAITER = 3.0
"""Seconds in which one that still waits for its turn may end by itself."""


@pytest.fixture
def root() -> str:
    return f"locks-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def store(shared_consul: ConsulServer, root: str) -> AsyncIterator[ConsulStore]:
    async with ConsulStore(parse(f"consul://{shared_consul.address}/{root}/"), Access()) as store:
        yield store


@contextmanager
def consul_lock(server: ConsulServer, name: str, held: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `consul lock`; what it runs makes the file as long as it holds the lock, and removes it when it is told."""
    script = f"touch {held}; trap 'rm {held}; exit 0' TERM INT; while :; do sleep 0.05; done"
    process = server.tool("lock", "-child-exit-code", *options, name, script)
    try:
        yield process
    finally:
        # One that is killed while it holds the lock leaves its session, and the lock's delay after that, to the others.
        patience = PATIENCE if held.exists() else _WAITER
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:  # one that still waits for its turn does not listen
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


async def the_lock(store: ConsulStore, key: str) -> LockInfo | None:
    return next((lock for lock in await store.locks() if lock.key == key), None)


async def test_what_consul_lock_holds_we_do_not_obtain(
    shared_consul: ConsulServer, store: ConsulStore, root: str, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    with consul_lock(shared_consul, f"{root}/job", held):
        await eventually(held.exists, "consul lock holds it", PATIENCE)
        lock = store.lock("job/.lock", ttl=10)
        with pytest.raises(CannotLock):
            await lock.acquire(timeout=0.3)
        info = await the_lock(store, "job/.lock")
        assert info is not None
        assert info.holder is not None
        assert info.holder.session
        assert "waiters cannot be seen" in info.kind
        assert "lock-delay 15 s" in info.kind
        assert "release" in info.kind
    await lock.acquire(timeout=PATIENCE)
    assert lock.held
    await lock.release()


async def test_what_we_hold_consul_lock_waits_for(
    shared_consul: ConsulServer, store: ConsulStore, root: str, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    lock = store.lock("job/.lock", ttl=10)
    await lock.acquire()
    assert (await store.get("job/.lock")).meta["flags"] == LOCK_FLAG
    with consul_lock(shared_consul, f"{root}/job", held) as process:
        with pytest.raises(TimeoutError):
            await eventually(held.exists, "consul lock holds it", 1.0)
        assert process.poll() is None
        assert lock.held
        await lock.release()
        await eventually(held.exists, "consul lock holds it", PATIENCE)


async def test_a_semaphore_of_consul_lock_is_told_with_its_contenders(
    shared_consul: ConsulServer, store: ConsulStore, root: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}" for number in range(3)]
    with (
        consul_lock(shared_consul, f"{root}/pool", files[0], "-n=2"),
        consul_lock(shared_consul, f"{root}/pool", files[1], "-n=2"),
    ):
        await eventually(lambda: files[0].exists() and files[1].exists(), "two hold it", PATIENCE)
        with consul_lock(shared_consul, f"{root}/pool", files[2], "-n=2"):

            async def waits() -> bool:
                info = await the_lock(store, "pool")
                return info is not None and len(info.waiters) == 1

            await eventually(waits, "the third waits", PATIENCE)
            info = await the_lock(store, "pool")
            assert info is not None
            assert info.kind.startswith("Consul semaphore, 2 of 2 held, also by ")
            assert info.holder is not None
            assert info.holder.key == f"pool/{info.holder.session}"
            assert info.holder.session != info.waiters[0].session
            assert [lock.key for lock in await store.locks()] == ["pool"]


async def test_a_semaphore_whose_holders_are_gone_is_stale(
    shared_consul: ConsulServer, store: ConsulStore, root: str
) -> None:
    gone = str(uuid.uuid4())
    body = f'{{"Limit": 1, "Holders": {{"{gone}": true}}}}'.encode()
    await asyncio.to_thread(shared_consul.http, "PUT", f"/v1/kv/{root}/pool/.lock?flags={0xE0F69A2BAA414DE0}", body)
    (info,) = await store.locks()
    assert info.stale
    assert info.holder is not None
    assert info.holder.session == gone


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"Limit": "x", "Holders": 1}', b'{"Limit": 1}'])
async def test_what_only_looks_like_a_semaphore_is_none(
    shared_consul: ConsulServer, store: ConsulStore, root: str, body: bytes
) -> None:
    await asyncio.to_thread(shared_consul.http, "PUT", f"/v1/kv/{root}/pool/.lock?flags={0xE0F69A2BAA414DE0}", body)
    assert await store.locks() == ()


async def test_a_session_that_is_ended_by_somebody_ends_a_held_lock_at_once(
    shared_consul: ConsulServer, store: ConsulStore
) -> None:
    lock = store.lock("key", ttl=3600)
    await lock.acquire()
    session = (await store.get("key")).lease
    await asyncio.to_thread(shared_consul.http, "PUT", f"/v1/session/destroy/{session}")
    async with asyncio.timeout(PATIENCE):
        await lock.lost.wait()
    assert not lock.held
    await lock.release()


async def test_a_lock_that_was_lost_is_obtained_after_its_delay(
    shared_consul: ConsulServer, store: ConsulStore
) -> None:
    first, second = store.lock("key", ttl=1), store.lock("key", ttl=10)
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    session = (await store.get("key")).lease
    await asyncio.to_thread(shared_consul.http, "PUT", f"/v1/session/destroy/{session}")
    async with asyncio.timeout(PATIENCE):
        await waiting
    assert second.held
    await second.release()


async def test_what_a_key_held_before_it_was_locked_is_kept(store: ConsulStore) -> None:
    before = await store.put("key", b"value")
    async with store.lock("key", ttl=10):
        assert (await store.get("key")).value == b"value"
        saved = await store.atomic_put("key", b"edited", await store.get("key"))
        assert saved.lease == (await store.get("key")).lease
        assert saved.meta["lock index"] == 1
    after = await store.get("key")
    assert (after.value, after.created, after.lease) == (b"edited", before.created, None)


async def test_what_somebody_wrote_to_a_locked_key_is_not_deleted_with_the_lock(store: ConsulStore) -> None:
    async with store.lock("key", ttl=10):
        await store.put("key", b"written meanwhile")
    assert (await store.get("key")).value == b"written meanwhile"
    async with store.lock("unused", ttl=10):
        pass
    with pytest.raises(KeyNotFound):
        await store.get("unused")


async def test_an_entry_that_lives_by_a_session_is_no_lock_but_a_key_that_another_client_locks_is(
    shared_consul: ConsulServer, store: ConsulStore, root: str
) -> None:
    await store.put("entry", b"value", ttl=60)
    made = await asyncio.to_thread(
        shared_consul.json, "PUT", "/v1/session/create", {"Name": "theirs", "Behavior": "delete", "TTL": "60s"}
    )
    for key, flags in (("theirs", LOCK_FLAG), ("ephemeral", 0)):
        path = f"/v1/kv/{root}/{key}?flags={flags}&acquire={made['ID']}"
        await asyncio.to_thread(shared_consul.json, "PUT", path, b"value")
    (info,) = await store.locks()
    assert info.key == "theirs"
    assert info.holder is not None
    assert (info.holder.name, info.holder.ttl, info.holder.other_keys) == ("theirs", 60.0, ("ephemeral",))


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("1m30s", 90), ("1h0m0.5s", 3600.5), ("250ms", 0.25), ("", None)]
)
def test_a_duration_is_read_as_go_writes_it(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds
