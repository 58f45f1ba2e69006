"""Locks on etcd's v2 API beside valkeyrie's."""

import asyncio
from datetime import datetime

import pytest

from explorer.drivers.etcd2 import Etcd2Store
from explorer.model.errors import CannotLock, InvalidKey
from tests.contract.fixtures import LONG_TTL, MIN_TTL, WAIT_TIMEOUT
from tests.drivers.etcd2_fixtures import path, plain, store
from tests.servers.etcd2 import PlainV2
from tests.servers.waiting import eventually, wait_until

__all__ = ["path", "plain", "store"]


async def test_valkeyrie_lock_is_respected_and_listed(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A lock that valkeyrie holds is listed, refused and waited for."""
    made = plain.put(f"/{path}/job___lock", "value=&prevExist=false&ttl=60")["node"]
    with pytest.raises(CannotLock):
        await store.lock("job", ttl=MIN_TTL).acquire(timeout=0)
    (info,) = await store.locks("job")
    assert info.holder is not None
    assert (info.key, info.holder.fence, info.waiters) == ("job", made["createdIndex"], ())
    assert "waiters cannot be seen" in info.kind
    renewed = plain.put(f"/{path}/job___lock", f"value=&prevExist=true&ttl=60&prevIndex={made['modifiedIndex']}")[
        "node"
    ]
    assert (await store.locks())[0].holder is not None
    waiting = asyncio.create_task(store.lock("job", ttl=MIN_TTL).acquire())
    plain.delete(f"/{path}/job___lock", f"prevIndex={renewed['modifiedIndex']}")
    async with asyncio.timeout(WAIT_TIMEOUT):
        await waiting


async def test_valkeyrie_waits_for_our_lock(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """Valkeyrie waits for our lock, whose value names the holder."""
    async with store.lock("job", value=b"value", ttl=LONG_TTL) as lock:
        taken = plain.put(f"/{path}/job___lock", f"value=&prevExist=true&ttl=60&prevIndex={2**64 - 1}")
        assert taken["errorCode"] == 101
        assert plain.put(f"/{path}/job___lock", "value=&prevExist=false&ttl=60")["errorCode"] == 105
        (info,) = await store.locks()
        assert info.holder is not None
        assert "pid" in info.holder.name
        assert isinstance(info.holder.since, datetime)
        assert info.holder.fence == lock.fence
        await asyncio.sleep(LONG_TTL * 1.5)  # longer than the TTL
        assert lock.held
        assert plain.get(f"/{path}/job___lock")["node"]["createdIndex"] == lock.fence
    assert plain.get(f"/{path}/job___lock")["errorCode"] == 100
    assert (await store.get("job")).value == b"value"


async def test_release_after_a_stop_leaves_the_next_holders_key(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A holder that was stopped beyond its TTL does not delete what the next holder wrote."""
    lock = store.lock("job", value=b"mine", ttl=MIN_TTL, delete_on_unlock=True)
    await lock.acquire()
    wait_until(lambda: plain.get(f"/{path}/job___lock").get("errorCode") == 100, "the lock expires")  # blocks the loop
    plain.put(f"/{path}/job___lock", "value=&prevExist=false&ttl=60")
    plain.put(f"/{path}/job", "value=theirs")
    await lock.release()
    assert (await store.get("job")).value == b"theirs"
    assert plain.get(f"/{path}/job___lock")["node"]["value"] == ""


async def test_lock_without_ttl_is_stale(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A lock's key without a TTL is listed as stale."""
    plain.put(f"/{path}/job___lock", "value=")
    (info,) = await store.locks()
    assert info.stale
    assert info.holder is not None
    assert info.holder.session is None


async def test_lock_taken_over_is_lost_and_kept(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A lock whose key was replaced is lost, and the new key stays at release."""
    lock = store.lock("job", ttl=60)
    await lock.acquire()
    plain.delete(f"/{path}/job___lock")
    theirs = plain.put(f"/{path}/job___lock", "value=&prevExist=false&ttl=60")["node"]
    async with asyncio.timeout(WAIT_TIMEOUT):
        await lock.lost.wait()
    await lock.release()
    found = plain.get(f"/{path}/job___lock")["node"]
    assert found == theirs | {"ttl": found["ttl"]}


async def test_lock_with_value_on_a_directory_is_released(store: Etcd2Store) -> None:
    """A lock with a value on a directory fails, and leaves no lock behind."""
    await store.put("top/key", b"value")
    with pytest.raises(InvalidKey):
        await store.lock("top", value=b"who", ttl=60).acquire()

    async def is_free() -> bool:
        return await store.locks() == ()

    await eventually(is_free, "the lock is released", WAIT_TIMEOUT)
    async with store.lock("top", ttl=60) as lock:
        assert lock.held
