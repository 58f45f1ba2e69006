"""The blocking library on ZooKeeper: every call from a thread without an event loop."""

import uuid
from collections.abc import Iterator

import pytest

import explorer
from explorer.blocking import BlockingStore
from explorer.model.capabilities import Capability
from explorer.model.errors import CallNotSupported, CannotLock, KeyModified, KeyNotFound, LockLost
from explorer.model.events import Deleted, Put, Started
from tests.contract.fixtures import WAIT_TIMEOUT
from tests.servers.zookeeper import ZooKeeperServer


@pytest.fixture
def store(shared_zookeeper: ZooKeeperServer) -> Iterator[BlockingStore]:
    with explorer.connect(f"zk://{shared_zookeeper.address}/blocking-{uuid.uuid4().hex[:12]}") as opened:
        yield opened


def test_blocking_reads_and_writes(store: BlockingStore) -> None:
    """The calls return and raise the same as the coroutines."""
    entry = store.put("a/b", b"one")
    assert store.get("a/b") == entry
    assert store.exists("a/b")
    assert [child.key for child in store.children("").items] == ["a"]
    assert [one.key for one in store.list("").items] == ["a", "a/b"]
    assert [one.key for one in store.walk("")] == ["a", "a/b"]
    second = store.atomic_put("a/b", b"two", entry)
    with pytest.raises(KeyModified):
        store.atomic_delete("a/b", entry)
    store.atomic_delete("a/b", second)
    with pytest.raises(KeyNotFound):
        store.delete("a/b")
    assert store.delete_tree("") == 1
    assert store.status().product == "ZooKeeper"
    assert store.ping() is None
    assert Capability.HISTORY not in store.capabilities
    with pytest.raises(CallNotSupported):
        next(store.history("a"))


def test_blocking_watches(store: BlockingStore) -> None:
    """The watches yield the events of a key and of a tree."""
    with store.watch_tree("") as tree, store.watch("key") as events:
        assert isinstance(next(tree), Started)
        assert isinstance(next(events), Started)
        store.put("key", b"value")
        assert {type(watch.next(timeout=WAIT_TIMEOUT)) for watch in (tree, events)} == {Put}
        store.delete("key")
        assert {type(watch.next(timeout=WAIT_TIMEOUT)) for watch in (tree, events)} == {Deleted}


def test_blocking_lock(store: BlockingStore) -> None:
    """A lock refuses a second holder, fences a write, and notices its loss."""
    with store.lock("job") as lock:
        assert lock.held
        with pytest.raises(CannotLock):
            store.lock("job").acquire(timeout=0)
        (found,) = store.locks()
        assert found.holder
        assert lock.put("key", b"fenced").value == b"fenced"
        store.delete(found.holder.key)
        assert lock.wait_lost(timeout=WAIT_TIMEOUT)
        with pytest.raises(LockLost):
            lock.put("key", b"late")
    with store.lock("job", ttl=5) as again:
        assert again.held
