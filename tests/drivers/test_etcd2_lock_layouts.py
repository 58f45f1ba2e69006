"""The two lock layouts of etcd's v2 API, beside the real libkv."""

import asyncio
from collections.abc import Generator

import pytest

from explorer.drivers.etcd2 import Etcd2Store
from explorer.drivers.etcd2.lock import Etcd2Lock
from explorer.model.errors import CannotLock, InvalidKey
from tests.clients.lockers import Locker, libkv
from tests.contract.fixtures import WAIT_TIMEOUT
from tests.drivers.etcd2_fixtures import path, plain, store
from tests.servers.etcd import EtcdServer
from tests.servers.etcd2 import PlainV2
from tests.servers.waiting import eventually

__all__ = ["path", "plain", "store"]


@pytest.fixture(scope="module")
def locker() -> Generator[Locker, None, None]:
    """The real libkv."""
    with libkv() as built:
        yield built


def path_of(store: Etcd2Store, key: str) -> str:
    """Return the path of a key."""
    return f"/{store.address.path.strip('/')}/{key}"


async def test_libkv_lock_is_listed_refused_and_waited_for(
    store: Etcd2Store, shared_etcd2: EtcdServer, locker: Locker, path: str
) -> None:
    """Libkv's lock is refused in another layout, waited for in its own, and listed as possible."""
    with locker.run(shared_etcd2.address, f"{path}/job") as theirs:
        await asyncio.to_thread(theirs.wait_held)
        assert await store.locks() == ()
        (info,) = await store.locks("job")
        assert info.holder is not None
        assert (info.key, info.layout, info.certain, info.holder.name) == ("job", "libkv", False, "by libkv")
        for layout in (None, "valkeyrie"):
            with pytest.raises(CannotLock, match="libkv"):
                await asyncio.wait_for(store.lock("job", layout=layout).acquire(), WAIT_TIMEOUT)
        ours = store.lock("job", layout="libkv")
        with pytest.raises(CannotLock):
            await ours.acquire(timeout=0)
        waiting = asyncio.create_task(ours.acquire())
        await asyncio.to_thread(theirs.release)
        await asyncio.wait_for(waiting, WAIT_TIMEOUT)
        await ours.release()


async def test_libkv_waits_for_a_lock_of_its_layout(
    store: Etcd2Store, shared_etcd2: EtcdServer, plain: PlainV2, locker: Locker, path: str
) -> None:
    """The key has the lock's value and TTL, and is deleted at release, which libkv waits for."""
    lock = store.lock("job", value=b"who", ttl=20, layout="libkv")
    await lock.acquire()
    node = plain.get(f"/{path}/job")["node"]
    assert (node["value"], node["createdIndex"]) == ("who", lock.fence)
    assert 0 < node["ttl"] <= 20
    with locker.run(shared_etcd2.address, f"{path}/job") as theirs:
        await lock.release()
        await asyncio.to_thread(theirs.wait_held)
        await asyncio.to_thread(theirs.release)
    assert not await store.exists("job")


async def test_libkv_lock_without_value_names_its_holder(store: Etcd2Store) -> None:
    """A libkv lock without a value has the holder's identity as its value."""
    async with store.lock("job", layout="libkv"):
        (info,) = await store.locks("job")
        assert info.holder is not None
        assert (info.layout, info.certain) == ("libkv", True)
        assert "pid" in info.holder.name


async def test_libkv_lock_is_renewed_and_lost_when_taken(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A libkv lock is renewed while it is held, and lost when its key is replaced."""
    lock = store.lock("job", ttl=1, layout="libkv")
    await lock.acquire()
    first = plain.get(f"/{path}/job")["node"]

    async def renewed() -> bool:
        modified: int = plain.get(f"/{path}/job")["node"]["modifiedIndex"]
        return modified > int(first["modifiedIndex"])

    await eventually(renewed, "the key is renewed", WAIT_TIMEOUT)
    assert lock.held
    plain.delete(f"/{path}/job")
    theirs = plain.put(f"/{path}/job", "value=theirs&prevExist=false&ttl=60")["node"]
    await asyncio.wait_for(lock.lost.wait(), WAIT_TIMEOUT)
    await lock.release()
    assert plain.get(f"/{path}/job")["node"]["createdIndex"] == theirs["createdIndex"]


@pytest.mark.parametrize(
    "case",
    [
        ("libkv", "job___lock", "value=&ttl=60", CannotLock, "layout valkeyrie"),
        ("libkv", "job", "value=data", CannotLock, "never expires"),
        ("libkv", "job/below", "value=data", InvalidKey, "directory"),
        ("valkeyrie", "job", "value=&ttl=60", CannotLock, "layout libkv"),
    ],
)
async def test_lock_beside_existing_key_is_refused(
    store: Etcd2Store, plain: PlainV2, case: tuple[str, str, str, type[Exception], str]
) -> None:
    """A lock that could never be obtained is refused at once, and leaves nothing behind."""
    layout, there, form, error, words = case
    plain.put(path_of(store, there), form)
    with pytest.raises(error, match=words):
        await asyncio.wait_for(store.lock("job", layout=layout).acquire(), WAIT_TIMEOUT)
    assert {entry.key for entry in (await store.list("")).items} <= {there, "job"}
    assert (await store.get(there)).value == (b"data" if form == "value=data" else b"")


@pytest.mark.parametrize(("layout", "beside"), [("valkeyrie", "job"), ("libkv", "job___lock")])
async def test_lock_beside_concurrent_other_layout_is_released(
    store: Etcd2Store, plain: PlainV2, layout: str, beside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other layout's key is created between the first check and our key."""

    async def put_other(_lock: Etcd2Lock) -> None:
        plain.put(path_of(store, beside), "value=theirs&prevExist=false&ttl=60")

    monkeypatch.setattr(Etcd2Lock, "_enqueue", put_other)
    lock = store.lock("job", layout=layout)
    with pytest.raises(CannotLock, match="layout"):
        await asyncio.wait_for(lock.acquire(), WAIT_TIMEOUT)
    assert not lock.held
    assert [entry.key for entry in (await store.list("")).items] == [beside]


@pytest.mark.parametrize("key", ["plain", "plain/below"])
async def test_expiring_key_is_listed_only_below_a_prefix(store: Etcd2Store, key: str) -> None:
    """A key that expires is a possible lock, and listed only below a prefix."""
    await store.put(key, b"data", ttl=60)
    await store.put("other", b"data")
    assert [(info.key, info.certain) for info in await store.locks("plain")] == [(key, False)]
    assert await store.locks("other") == ()
    assert await store.locks() == ()
