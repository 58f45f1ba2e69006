import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.errors import CallNotSupported, InvalidKey, KeyExists
from explorer.model.operations import PutOperation
from tests.contract.fixtures import MIN_TTL, DriverFixtures, lacks, needs, take_changes


class UnsupportedContract(DriverFixtures):
    """Refusals of capabilities that a driver lacks; a driver that supports one without declaring it fails here."""

    @lacks(Capability.ATOMIC)
    async def test_without_atomic(self, store: Store) -> None:
        entry = await store.put("key", b"value")
        with pytest.raises(CallNotSupported, match="atomic"):
            await store.atomic_put("key", b"other", entry)
        with pytest.raises(CallNotSupported, match="atomic"):
            await store.atomic_delete("key", entry)
        assert await store.get("key") == entry

    @lacks(Capability.BINARY_KEYS)
    async def test_without_binary_keys(self, store: Store) -> None:
        with pytest.raises(InvalidKey):
            await store.put("\udcff", b"value")

    @lacks(Capability.BINARY_VALUES)
    async def test_without_binary_values(self, store: Store) -> None:
        entry = await store.put("key", b"value")
        for value in (b"\xff", bytes(range(256)), "\ud800".encode("utf-8", "surrogatepass")):
            with pytest.raises(InvalidKey):
                await store.put("key", value)
            with pytest.raises(InvalidKey):
                await store.atomic_put("new", value, None)
        assert await store.get("key") == entry
        assert not await store.exists("new")

    @lacks(Capability.CREATED)
    async def test_without_created(self, store: Store) -> None:
        assert (await store.put("key", b"value")).created is None

    @lacks(Capability.DIRECTORIES)
    async def test_without_directories_is_dir_is_ignored(self, store: Store) -> None:
        """A directory is an ordinary entry."""
        await store.put("directory", b"value", is_dir=True)
        assert (await store.get("directory")).value == b"value"
        await store.put("directory/below", b"value")
        await store.delete("directory/below")
        await store.delete("directory")
        assert (await store.children("")).items == ()

    @needs(Capability.DIRECTORIES)
    @pytest.mark.parametrize("key", ["", "a//b", "/a", "a/", "/", "a/./b", "../a"])
    async def test_with_directories_keys_without_names_are_refused(self, store: Store, key: str) -> None:
        """Nothing is written. Where . and .. are names like any other, they are kept."""
        if self.has_dot_names and all(key.split("/")):
            assert (await store.get((await store.put(key, b"value")).key)).value == b"value"
            return
        with pytest.raises(InvalidKey):
            await store.put(key, b"value")
        assert (await store.list("")).items == ()

    @lacks(Capability.DISTINCT_REVISIONS)
    async def test_without_distinct_revisions(self, store: Store) -> None:
        """A value that was changed and changed back has the revision that it had."""
        first = await store.put("key", b"value")
        assert (await store.put("key", b"other")).revision != first.revision
        assert (await store.put("key", b"value")).revision == first.revision

    @lacks(Capability.FENCING)
    @needs(Capability.LOCK)
    async def test_without_fencing(self, store: Store) -> None:
        async with store.lock("key", ttl=60) as lock:
            with pytest.raises(CallNotSupported, match="fenced"):
                await lock.put("guarded", b"value")
            assert lock.held
        assert not await store.exists("guarded")

    @lacks(Capability.GUARDED_DELETE)
    async def test_without_guarded_delete(self, store: Store) -> None:
        entry = await store.put("top/key", b"value")
        with pytest.raises(CallNotSupported, match="guarded_delete"):
            await store.delete_tree("top", guard=entry.revision)
        assert await store.exists("top/key")

    @lacks(Capability.HISTORY)
    async def test_without_history(self, store: Store) -> None:
        with pytest.raises(CallNotSupported, match="history"):
            store.history("key")

    @lacks(Capability.KEEP_ALIVE)
    async def test_without_keep_alive(self, store: Store) -> None:
        with pytest.raises(CallNotSupported):
            await store.put("key", b"value", ttl=MIN_TTL, keep_alive=True)
        assert not await store.exists("key")

    @lacks(Capability.LOCK)
    async def test_without_lock(self, store: Store) -> None:
        with pytest.raises(CallNotSupported, match="lock"):
            store.lock("key")

    @needs(Capability.LOCK)
    async def test_lock_of_unknown_layout_is_refused_by_name(self, store: Store) -> None:
        """The message names the supported layouts; a lock can have each of those."""
        with pytest.raises(CallNotSupported, match=store.lock_layouts[0]):
            store.lock("key", layout="no such layout")
        for layout in store.lock_layouts:
            assert not store.lock("key", layout=layout).held
        assert (await store.list("")).items == ()

    @lacks(Capability.LOCKS)
    async def test_without_locks(self, store: Store) -> None:
        with pytest.raises(CallNotSupported, match="locks"):
            await store.locks()

    @lacks(Capability.NESTING)
    async def test_without_nesting(self, store: Store) -> None:
        await store.put("leaf", b"value")
        await store.put("directory/below", b"value")
        for key in ("leaf/below", "directory"):
            with pytest.raises(InvalidKey):
                await store.put(key, b"value")
            with pytest.raises((InvalidKey, KeyExists)):
                await store.atomic_put(key, b"value", None)
        with pytest.raises(InvalidKey):
            await store.put("new", b"value", is_dir=True)
        assert (await store.get("leaf")).value == (await store.get("directory/below")).value == b"value"

    @lacks(Capability.PREVIOUS)
    @needs(Capability.WATCH)
    async def test_without_previous(self, store: Store) -> None:
        await store.put("key", b"value")
        async with store.watch("key") as events:
            await store.put("key", b"other")
            assert (await take_changes(events, 1))[0].previous is None

    @lacks(Capability.RESUME)
    @needs(Capability.WATCH)
    async def test_without_resume(self, store: Store) -> None:
        entry = await store.put("top/key", b"value")
        with pytest.raises(CallNotSupported, match="resume"):
            store.watch("top/key", since=entry.revision)
        with pytest.raises(CallNotSupported, match="resume"):
            store.watch_tree("top", since=entry.revision)

    @lacks(Capability.SNAPSHOT)
    async def test_without_snapshot(self, store: Store) -> None:
        await store.put("top/key", b"value")
        assert (await store.list("top")).revision is None
        assert (await store.children("top")).revision is None

    @lacks(Capability.TRANSACTIONS)
    async def test_without_transactions(self, store: Store) -> None:
        with pytest.raises(CallNotSupported, match="transactions"):
            await store.transact([PutOperation("key", b"value")])
        assert not await store.exists("key")

    @lacks(Capability.TTL)
    async def test_without_ttl(self, store: Store) -> None:
        with pytest.raises(CallNotSupported, match="ttl"):
            await store.put("key", b"value", ttl=MIN_TTL)
        assert not await store.exists("key")

    @lacks(Capability.WATCH)
    async def test_without_watch(self, store: Store) -> None:
        with pytest.raises(CallNotSupported, match="watch"):
            store.watch("key")
        with pytest.raises(CallNotSupported, match="watch"):
            store.watch_tree("top")

    def test_unsupported_reasons_exclude_capabilities(self) -> None:
        """Only an absent capability has a reason."""
        declared = [
            capability.name for capability in self.driver.unsupported_reasons if capability in self.driver.capabilities
        ]
        assert declared == []
