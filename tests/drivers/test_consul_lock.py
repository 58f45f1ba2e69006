"""Locks of Consul beside `consul lock`, and the listing of foreign locks."""

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
from tests.contract.fixtures import WAIT_TIMEOUT
from tests.servers.consul import ConsulServer
from tests.servers.waiting import eventually

_WAITER_TIMEOUT = 3.0
"""Seconds in which a process that still waits for its lock may end by itself."""


@pytest.fixture
def root() -> str:
    return f"locks-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def store(shared_consul: ConsulServer, root: str) -> AsyncIterator[ConsulStore]:
    async with ConsulStore(parse(f"consul://{shared_consul.address}/{root}/"), Access()) as store:
        yield store


@contextmanager
def consul_lock(server: ConsulServer, name: str, held: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `consul lock` with a script that creates a file while the lock is held, and removes it at the end."""
    script = f"touch {held}; trap 'rm {held}; exit 0' TERM INT; while :; do sleep 0.05; done"
    process = server.tool("lock", "-child-exit-code", *options, name, script)
    try:
        yield process
    finally:
        # A killed holder leaves its session behind, and the lock-delay after that.
        timeout = WAIT_TIMEOUT if held.exists() else _WAITER_TIMEOUT
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:  # a process that waits for its lock ignores SIGTERM
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


async def find_lock(store: ConsulStore, key: str) -> LockInfo | None:
    return next((lock for lock in await store.locks() if lock.key == key), None)


async def test_acquire_while_consul_lock_holds_cannot_lock(
    shared_consul: ConsulServer, store: ConsulStore, root: str, tmp_path: Path
) -> None:
    """The lock of `consul lock` is listed with its session, and can be acquired after its release."""
    held = tmp_path / "held"
    with consul_lock(shared_consul, f"{root}/job", held):
        await eventually(held.exists, "consul lock holds it", WAIT_TIMEOUT)
        lock = store.lock("job/.lock", ttl=10)
        with pytest.raises(CannotLock):
            await lock.acquire(timeout=0.3)
        info = await find_lock(store, "job/.lock")
        assert info is not None
        assert info.holder is not None
        assert info.holder.session
        assert "waiters cannot be seen" in info.kind
        assert "lock-delay 15 s" in info.kind
        assert "release" in info.kind
    await lock.acquire(timeout=WAIT_TIMEOUT)
    assert lock.held
    await lock.release()


async def test_consul_lock_waits_for_our_lock(
    shared_consul: ConsulServer, store: ConsulStore, root: str, tmp_path: Path
) -> None:
    """`consul lock` does not get a lock that is held here, and gets it after the release."""
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
        await eventually(held.exists, "consul lock holds it", WAIT_TIMEOUT)


async def test_locks_lists_semaphore_with_contenders(
    shared_consul: ConsulServer, store: ConsulStore, root: str, tmp_path: Path
) -> None:
    """The semaphore of `consul lock -n` is one lock with its holders and waiters."""
    files = [tmp_path / f"{number}" for number in range(3)]
    with (
        consul_lock(shared_consul, f"{root}/pool", files[0], "-n=2"),
        consul_lock(shared_consul, f"{root}/pool", files[1], "-n=2"),
    ):
        await eventually(lambda: files[0].exists() and files[1].exists(), "two hold it", WAIT_TIMEOUT)
        with consul_lock(shared_consul, f"{root}/pool", files[2], "-n=2"):

            async def waits() -> bool:
                info = await find_lock(store, "pool")
                return info is not None and len(info.waiters) == 1

            await eventually(waits, "the third waits", WAIT_TIMEOUT)
            info = await find_lock(store, "pool")
            assert info is not None
            assert info.kind.startswith("Consul semaphore, 2 of 2 held, also by ")
            assert info.holder is not None
            assert info.holder.key == f"pool/{info.holder.session}"
            assert info.holder.session != info.waiters[0].session
            assert [lock.key for lock in await store.locks()] == ["pool"]


async def test_locks_semaphore_without_live_holders_is_stale(
    shared_consul: ConsulServer, store: ConsulStore, root: str
) -> None:
    """A semaphore whose list has only an ended session is stale, with that session as holder."""
    gone = str(uuid.uuid4())
    body = f'{{"Limit": 1, "Holders": {{"{gone}": true}}}}'.encode()
    await asyncio.to_thread(shared_consul.http, "PUT", f"/v1/kv/{root}/pool/.lock?flags={0xE0F69A2BAA414DE0}", body)
    (info,) = await store.locks()
    assert info.stale
    assert info.holder is not None
    assert info.holder.session == gone


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"Limit": "x", "Holders": 1}', b'{"Limit": 1}'])
async def test_locks_ignores_malformed_semaphore(
    shared_consul: ConsulServer, store: ConsulStore, root: str, body: bytes
) -> None:
    """A key with the semaphore's flags and another value is no lock."""
    await asyncio.to_thread(shared_consul.http, "PUT", f"/v1/kv/{root}/pool/.lock?flags={0xE0F69A2BAA414DE0}", body)
    assert await store.locks() == ()


async def test_lock_is_lost_when_its_session_is_destroyed(shared_consul: ConsulServer, store: ConsulStore) -> None:
    """The loss is noticed at once, long before the TTL is over."""
    lock = store.lock("key", ttl=3600)
    await lock.acquire()
    session = (await store.get("key")).lease
    await asyncio.to_thread(shared_consul.http, "PUT", f"/v1/session/destroy/{session}")
    async with asyncio.timeout(WAIT_TIMEOUT):
        await lock.lost.wait()
    assert not lock.held
    await lock.release()


async def test_waiting_lock_is_acquired_after_lock_delay(shared_consul: ConsulServer, store: ConsulStore) -> None:
    """A lock whose holder lost its session is acquired once the lock-delay is over."""
    first, second = store.lock("key", ttl=1), store.lock("key", ttl=10)
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    session = (await store.get("key")).lease
    await asyncio.to_thread(shared_consul.http, "PUT", f"/v1/session/destroy/{session}")
    async with asyncio.timeout(WAIT_TIMEOUT):
        await waiting
    assert second.held
    await second.release()


async def test_lock_keeps_the_value_of_an_existing_key(store: ConsulStore) -> None:
    """A lock keeps the key's value and creation, and a save under the lock keeps the session."""
    before = await store.put("key", b"value")
    async with store.lock("key", ttl=10):
        assert (await store.get("key")).value == b"value"
        saved = await store.atomic_put("key", b"edited", await store.get("key"))
        assert saved.lease == (await store.get("key")).lease
        assert saved.meta["lock index"] == 1
    after = await store.get("key")
    assert (after.value, after.created, after.lease) == (b"edited", before.created, None)


async def test_release_keeps_a_value_written_meanwhile(store: ConsulStore) -> None:
    """Releasing deletes the key that the lock created only if nothing was written to it."""
    async with store.lock("key", ttl=10):
        await store.put("key", b"written meanwhile")
    assert (await store.get("key")).value == b"written meanwhile"
    async with store.lock("unused", ttl=10):
        pass
    with pytest.raises(KeyNotFound):
        await store.get("unused")


async def test_locks_lists_locked_but_not_leased_keys(
    shared_consul: ConsulServer, store: ConsulStore, root: str
) -> None:
    """An entry with a TTL is no lock; a key with the lock flag is one, whatever its session's behavior."""
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
def test_parse_duration_reads_go_notation(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds
