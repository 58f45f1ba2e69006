"""Nodes of ZooKeeper beyond the contract: kinds, access control lists, limits and wide levels."""

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_acl

from explorer.drivers.zookeeper import ZooKeeperStore, messages
from explorer.drivers.zookeeper.acl import OPEN_ACL
from explorer.drivers.zookeeper.keyspace import Stat, ZooKeeperKeyspace
from explorer.drivers.zookeeper.messages import CreateMode
from explorer.drivers.zookeeper.writer import ZooKeeperWriter
from explorer.model.address import Access, parse
from explorer.model.errors import CallNotSupported, ExplorerError, InvalidKey, KeyModified, KeyNotFound, TooLarge
from tests.contract.fixtures import WAIT_TIMEOUT, keys_below, put_all
from tests.drivers.zookeeper_fixtures import kazoo, root, store
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["kazoo", "root", "store"]

pytestmark = pytest.mark.servers


async def test_node_can_have_a_value_and_children(store: ZooKeeperStore) -> None:
    await put_all(store, "node", "node/below")
    (child,) = (await store.children("")).items
    assert (child.has_value, child.has_children) == (True, True)
    with pytest.raises(ExplorerError, match="has children"):
        await store.delete("node")


async def test_put_creates_missing_parents_without_a_value(store: ZooKeeperStore) -> None:
    await store.put("a/b/c", b"value")
    assert [(entry.key, entry.value) for entry in (await store.list("")).items] == [
        ("a", b""),
        ("a/b", b""),
        ("a/b/c", b"value"),
    ]


async def test_meta_has_the_stat_as_tools_show_it(store: ZooKeeperStore, kazoo: KazooClient, root: str) -> None:
    entry = await store.put("node", b"value")
    _, stat = kazoo.get(f"/{root}/node")
    assert entry.meta["cZxid"] == f"{stat.czxid:#x}"
    assert entry.meta["dataLength"] == 5
    assert entry.meta["acl"] == "world:anyone:cdrwa"
    assert entry.meta["kind"] == "persistent"


async def test_ephemeral_node_keeps_its_session_when_saved(
    store: ZooKeeperStore, kazoo: KazooClient, root: str
) -> None:
    """It cannot get a TTL or children."""
    kazoo.create(f"/{root}/job-", b"", ephemeral=True, sequence=True, makepath=True)
    (entry,) = (await store.list("")).items
    assert entry.lease == f"{kazoo.client_id[0]:#x}"
    assert (entry.meta["kind"], entry.meta["sequence"]) == ("ephemeral", "0000000000")
    saved = await store.atomic_put(entry.key, b"edited", entry)
    assert saved.lease == entry.lease
    with pytest.raises(CallNotSupported):
        await store.put(entry.key, b"value", ttl=5)
    with pytest.raises(InvalidKey, match="cannot have children"):
        await store.put(f"{entry.key}/below", b"value")


async def test_save_keeps_the_access_control_list(store: ZooKeeperStore, kazoo: KazooClient, root: str) -> None:
    """Also when the node is created anew for a TTL."""
    acl = [make_acl("world", "anyone", read=True, write=True, delete=True)]
    kazoo.ensure_path(f"/{root}")
    kazoo.create(f"/{root}/node", b"value", acl=acl)
    entry = await store.get("node")
    assert entry.meta["acl"] == "world:anyone:drw"
    assert (await store.atomic_put("node", b"edited", entry)).meta["acl"] == "world:anyone:drw"
    await store.put("node", b"for two seconds", ttl=2)
    assert kazoo.get_acls(f"/{root}/node")[0] == acl


async def test_write_only_node_returns_the_written_entry(store: ZooKeeperStore, kazoo: KazooClient, root: str) -> None:
    kazoo.ensure_path(f"/{root}")
    kazoo.create(f"/{root}/node", b"value", acl=[make_acl("world", "anyone", write=True)])
    first = await store.put("node", b"written")
    assert (await store.atomic_put("node", b"written again", first)).version == 2


async def test_ttl_node_and_empty_container_end(store: ZooKeeperStore, root: str) -> None:
    await store.put("node", b"value", ttl=0.3)
    container = messages.create(f"/{root}/container", b"", OPEN_ACL, CreateMode.CONTAINER)
    await store.connection.send(container)
    await store.put("container/below", b"value")
    await store.delete("container/below")

    async def gone() -> bool:
        return await keys_below(store, "") == []

    await eventually(gone, "both are gone", WAIT_TIMEOUT)


async def test_server_without_ttl_support_refuses_a_ttl() -> None:
    """The hint names the server's setting, and nothing is written."""
    server = ZooKeeperServer(settings={"extendedTypesEnabled": "false"})
    async with server, ZooKeeperStore(parse(f"zk://{server.address}/"), Access()) as store:
        with pytest.raises(CallNotSupported) as raised:
            await store.put("node", b"value", ttl=5)
        assert "extendedTypesEnabled" in raised.value.hint
        assert not await store.exists("node")


async def test_put_beyond_the_servers_limit_is_too_large(store: ZooKeeperStore) -> None:
    """The error has the size, and nothing is written; a value just below the limit is written."""
    before = await store.put("node", b"x" * 1_040_000)
    for save in (
        store.put("node", b"y" * 1_200_000),
        store.put("new", b"y" * 1_200_000),
        store.atomic_put("node", b"y" * 1_200_000, before),
        store.put("leased", b"y" * 1_200_000, ttl=60),
    ):
        with pytest.raises(TooLarge, match=r"rejects requests of 1200\d\d\d bytes; nothing was written"):
            await save
    assert (await store.get("node")).revision == before.revision
    assert await keys_below(store, "") == ["node"]


async def test_larger_jute_maxbuffer_allows_larger_values() -> None:
    """A server with a larger jute.maxbuffer takes larger values, and refuses larger ones than that."""
    server = ZooKeeperServer(java=("-Djute.maxbuffer=8388608",))
    async with server, ZooKeeperStore(parse(f"zk://{server.address}/"), Access()) as store:
        before = await store.put("node", b"x" * 3_000_000)
        after = await store.atomic_put("node", b"y" + b"x" * 2_999_999, before)
        assert (await store.get("node")).value == after.value
        with pytest.raises(TooLarge):
            await store.put("node", bytes(9_000_000))
        assert (await store.get("node")).revision == after.revision


async def test_delete_tree_of_long_names_fits_transactions(store: ZooKeeperStore) -> None:
    """Nodes whose names together are larger than a request may be are deleted."""
    for number in range(300):
        await store.put(f"top/{number:04}{'n' * 5000}", b"")
    assert await store.delete_tree("top") == 300


async def test_recreated_node_with_same_version_is_modified(store: ZooKeeperStore) -> None:
    """A stale entry of the former node does not match, although version and value are equal."""
    seen = await store.put("node", b"value")
    await store.delete("node")
    again = await store.put("node", b"value")
    assert again.version == seen.version
    for stale in (seen, seen.revision):
        with pytest.raises(KeyModified):
            await store.atomic_put("node", b"other", stale)
        with pytest.raises(KeyModified):
            await store.atomic_delete("node", stale)


class OvertakenWriter(ZooKeeperWriter):
    """A writer whose node another client deletes right after its first read and creates again before the second."""

    def __init__(self, store: ZooKeeperStore, root: str) -> None:
        super().__init__(store.connection, ZooKeeperKeyspace(f"/{root}"))
        self._other = store
        self._reads = 0

    async def current(self, key: str) -> Stat | None:
        self._reads += 1
        if self._reads == 2:
            await self._other.put(key, b"created again")
        stat = await super().current(key)
        if self._reads == 1:
            await self._other.delete(key)
        return stat


async def test_delete_of_a_recreated_node_deletes_it(store: ZooKeeperStore, root: str) -> None:
    await store.put("node", b"value")
    await OvertakenWriter(store, root).delete("node")
    assert not await store.exists("node")


async def test_guarded_delete_of_a_recreated_node_is_refused(store: ZooKeeperStore, root: str) -> None:
    entry = await store.put("node", b"value")
    with pytest.raises(KeyModified):
        await OvertakenWriter(store, root).atomic_delete("node", entry)
    assert (await store.get("node")).value == b"created again"


@pytest.mark.parametrize("key", ["a\x00b", "a\x1fb", "a\x7f", "\ue000", "😀", "a/./b", ".."])
async def test_invalid_node_name_is_refused_with_a_hint(store: ZooKeeperStore, key: str) -> None:
    with pytest.raises(InvalidKey) as raised:
        await store.put(key, b"value")
    assert raised.value.hint


async def test_wide_level_is_paged_and_deleted_in_batches(store: ZooKeeperStore, root: str) -> None:
    wide = 3000
    await store.put("wide", b"")
    for start in range(0, wide, 500):
        nodes = [messages.create(f"/{root}/wide/{n:05}", b"", OPEN_ACL) for n in range(start, start + 500)]
        await store.connection.query_all(nodes)
    names, after = [], None
    while True:
        page = await store.children("wide", after=after)
        names += [child.name for child in page.items]
        after = page.next
        if after is None:
            break
    assert names == [f"{n:05}" for n in range(wide)]
    assert await store.delete_tree("wide") == wide
    with pytest.raises(KeyNotFound):
        await store.delete_tree("wide")


async def test_delete_tree_without_permission_deletes_nothing(
    store: ZooKeeperStore, kazoo: KazooClient, root: str
) -> None:
    await put_all(store, "top/a", "top/b")
    kazoo.set_acls(f"/{root}/top", [make_acl("world", "anyone", read=True, create=True, admin=True)])
    with pytest.raises(ExplorerError, match="permission denied"):
        await store.delete_tree("top")
    assert await keys_below(store, "top") == ["top/a", "top/b"]


async def test_unreadable_node_is_listed_without_its_value(
    store: ZooKeeperStore, kazoo: KazooClient, root: str
) -> None:
    await put_all(store, "open", "secret")
    kazoo.set_acls(f"/{root}/secret", [make_acl("digest", "nobody:x", all=True)])
    assert [(entry.key, entry.value) for entry in (await store.list("")).items] == [
        ("open", b"value"),
        ("secret", None),
    ]
    with pytest.raises(ExplorerError, match="permission denied"):
        await store.get("secret")


async def test_crowded_level_of_leaves_is_listed_by_names(
    store: ZooKeeperStore, kazoo: KazooClient, shared_zookeeper: ZooKeeperServer, root: str
) -> None:
    """No child is read while none has children, from any key on; else those with children are known."""
    kazoo.ensure_path(f"/{root}/top")
    for start in range(0, 3000, 1000):
        made = kazoo.transaction()
        for number in range(start, start + 1000):
            made.create(f"/{root}/top/{number:04}", b"")
        made.commit()
    before = shared_zookeeper.requests
    page = await store.children("top", after="top/2899", limit=200)
    last = await store.children_before("top", limit=50)
    assert [child.name for child in page.items] == [f"{number:04}" for number in range(2900, 3000)]
    assert [child.name for child in last.items] == [f"{number:04}" for number in range(2950, 3000)]
    assert not any(child.has_children for child in page.items)
    assert shared_zookeeper.requests - before < 50
    await store.put("top/2950/below", b"")
    page = await store.children("top", after="top/2899", limit=200)
    assert [child.name for child in page.items if child.has_children] == ["2950"]
