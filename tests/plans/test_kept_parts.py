"""Parts of an entry beside its value: a copy lists what it cannot keep, and a write keeps what is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_acl

import explorer
from explorer.drivers.base import Store
from explorer.drivers.common.journaled import journaled_driver
from explorer.journal import Journal
from explorer.model.address import Access
from explorer.model.entries import Entry
from explorer.plans.copy import CopyPlanner
from explorer.plans.formats import read, write
from explorer.plans.plan_file import read_plan, write_plan
from explorer.plans.plan_folder import PlanFolder
from explorer.plans.restore_time import restore_to_time
from explorer.plans.selection import deletion_plan
from explorer.plans.side import FileSide, PlanSide, whole_entries
from tests.plans.test_between_stores import apply
from tests.servers.consul import ConsulServer
from tests.servers.etcd import VERSIONS, EtcdServer
from tests.servers.fixtures import shared_consul, shared_etcd, shared_redis, shared_zookeeper
from tests.servers.redis import RedisServer
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["shared_consul", "shared_etcd", "shared_redis", "shared_zookeeper"]

pytestmark = pytest.mark.servers

PARTS: dict[str, tuple[Callable[[Entry], object], str]] = {
    "consul": (lambda entry: entry.meta.get("flags") == 42, "its flags (42) are not copied"),
    "zk": (lambda entry: entry.meta.get("acl") == "world:anyone:drw", "its acl (world:anyone:"),
    "etcd": (lambda entry: entry.lease, "its lease or session ("),
    "redis": (lambda entry: entry.ttl is not None, "its time to live ("),
}
"""The part that only this store has, and what is said when it is not copied. In the same kind of store, all but a
lease are."""
EXPIRING = ("etcd", "redis")
CHOSEN = ("consul", "zk")
"""Stores whose part is chosen when a key is created."""


@pytest.fixture
def etcd_version() -> str:
    """Return the newest version; how a plan is applied does not depend on it."""
    return VERSIONS[-1]


@pytest.fixture(params=PARTS)
async def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def store(request: pytest.FixtureRequest, scheme: str) -> AsyncIterator[Store]:
    """Open a store whose key `app/special` has a part that only it has."""
    root = f"kept-{token_hex(4)}"
    async with AsyncExitStack() as stack:
        match scheme:
            case "consul":
                consul: ConsulServer = request.getfixturevalue("shared_consul")
                await asyncio.to_thread(consul.http, "PUT", f"/v1/kv/{root}/app/special?flags=42", b"value")
                opened = await stack.enter_async_context(explorer.open(f"consul://{consul.address}/{root}/"))
            case "zk":
                zookeeper: ZooKeeperServer = request.getfixturevalue("shared_zookeeper")
                await asyncio.to_thread(_create_with_acl, zookeeper.address, f"/{root}/app/special")
                opened = await stack.enter_async_context(explorer.open(f"zk://{zookeeper.address}/{root}/"))
            case "etcd":
                etcd: EtcdServer = request.getfixturevalue("shared_etcd")
                opened = await stack.enter_async_context(explorer.open(f"etcd://{etcd.address}/{root}/"))
                await opened.put("app/special", b"value", ttl=600)
            case _:
                redis: RedisServer = request.getfixturevalue("shared_redis")
                url = f"redis://{redis.address}/0/{root}/?separator=/"
                opened = await stack.enter_async_context(explorer.open(url))
                await opened.put("app/special", b"value", ttl=600)
        await opened.put("app/plain", b"plain")
        yield opened


def _create_with_acl(address: str, path: str) -> None:
    client = KazooClient(address)
    client.start()
    try:
        client.ensure_path(path.rpartition("/")[0])
        client.create(path, b"value", acl=[make_acl("world", "anyone", read=True, write=True, delete=True)])
    finally:
        client.stop()
        client.close()


def _named(store: Store, key: str) -> PlanSide:
    return PlanSide(store, key, separator="/", has_key=True)


@pytest.mark.parametrize("is_within", [True, False], ids=["within", "between"])
@pytest.mark.parametrize("move", [False, True], ids=["copy", "move"])
async def test_part_without_counterpart_is_listed(
    scheme: str, store: Store, tmp_path: Path, *, is_within: bool, move: bool
) -> None:
    """The key is copied when it is named, and the plan says what the copy does not have."""
    part, text = PARTS[scheme]
    assert part(await store.get("app/special"))
    (tmp_path / "files").mkdir()
    async with explorer.open(f"file:{tmp_path}/files/") as other:
        target = store if is_within and scheme == "etcd" else other
        plan = await CopyPlanner(_named(store, "app/special"), _named(target, "to"), move=move).plan("copy")
        assert [one.reason for one in plan.omitted if text in one.reason], plan.omitted
        await apply(PlanFolder(tmp_path), plan, store, target)
        copied = await target.get("to")
        assert (copied.value, part(copied) == part(await store.get("app/plain"))) == (b"value", True)
        assert await store.exists("app/special") is not move


@pytest.mark.parametrize("scheme", ["redis"], indirect=True)
@pytest.mark.parametrize("is_within", [True, False], ids=["within", "between"])
async def test_time_to_live_is_copied(store: Store, tmp_path: Path, *, is_within: bool) -> None:
    """To a key that is created, from the file of the plan, too; what is there keeps its own."""
    async with explorer.open(f"{store.address.public_url.split('?')[0]}other/?separator=/") as other:
        target = store if is_within else other
        await target.put("there", b"old")
        for name, expires in (("to", True), ("there", False)):
            planner = CopyPlanner(_named(store, "app/special"), _named(target, name), overwrite=True)
            plan = read_plan(write_plan(await planner.plan("copy")), "plan.json")
            (change,) = plan
            assert bool(change.remark) is expires
            assert any("time to live" in one.reason for one in plan.omitted) is not expires
            await apply(PlanFolder(tmp_path), plan, store, target)
            copied = await target.get(name)
            assert (copied.value, copied.ttl is not None) == (b"value", expires)


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """Open another folder of the same server."""
    async with explorer.open(f"{store.address.public_url}other/") as opened:
        yield opened


@pytest.mark.parametrize("scheme", CHOSEN, indirect=True)
@pytest.mark.parametrize("is_within", [True, False], ids=["within", "between"])
async def test_chosen_part_is_copied(
    scheme: str, store: Store, other: Store, tmp_path: Path, *, is_within: bool
) -> None:
    """To a key that is created, from the file of the plan, too; what is there keeps its own, which is said."""
    part, text = PARTS[scheme]
    target = store if is_within else other
    await target.put("there/special", b"old")
    for name, is_new in (("to", True), ("there", False)):
        planner = CopyPlanner(PlanSide(store, "app/"), PlanSide(target, f"{name}/"), overwrite=True)
        plan = read_plan(write_plan(await planner.plan("copy")), "plan.json")
        (special,) = [change for change in plan if change.key == f"{name}/special"]
        assert special.remark.startswith("created with ") is is_new
        assert [text in one.reason for one in plan.omitted] == ([] if is_new else [True])
        await apply(PlanFolder(tmp_path), plan, store, target)
        assert bool(part(await target.get(f"{name}/special"))) is is_new
        assert not part(await target.get(f"{name}/plain"))


@pytest.mark.parametrize("scheme", CHOSEN, indirect=True)
@pytest.mark.parametrize("action", ["delete", "move", "prune"])
async def test_undo_brings_the_chosen_part_back(
    scheme: str, store: Store, other: Store, tmp_path: Path, action: str
) -> None:
    """Of a deleted key, which a later deletion takes away again."""
    part, _ = PARTS[scheme]
    before = part(await store.get("app/special"))
    match action:
        case "delete":
            plan = await deletion_plan("delete", PlanSide(store), ["app"])
        case "move":
            plan = await CopyPlanner(PlanSide(store, "app/"), PlanSide(other, "to/"), move=True).plan("move")
        case _:
            await other.put("plain", b"plain")
            plan = await CopyPlanner(PlanSide(other), PlanSide(store, "app/"), prune=True).plan("copy")
    undo = await apply(PlanFolder(tmp_path), plan, store, other)
    assert not await store.exists("app/special")
    undo = read_plan(write_plan(undo), "undo.json")
    assert not undo.omitted
    await apply(PlanFolder(tmp_path), undo, store, other)
    assert part(await store.get("app/special")) == before


@pytest.mark.parametrize("scheme", CHOSEN, indirect=True)
async def test_chosen_part_is_in_the_json_lines(scheme: str, store: Store, other: Store, tmp_path: Path) -> None:
    """An import gives it to the keys that it creates, and says that those of another kind of store have none."""
    part, text = PARTS[scheme]
    entries = [entry async for entry in whole_entries(PlanSide(store, "app/"))]
    exported = FileSide("app.jsonl", read("".join(write("jsonl", entries))))
    plan = await CopyPlanner(exported, PlanSide(other)).plan("import")
    assert not plan.omitted
    await apply(PlanFolder(tmp_path / "plans"), plan, other)
    assert part(await other.get("special"))
    (tmp_path / "files").mkdir()
    async with explorer.open(f"file:{tmp_path}/files/") as files:
        plan = await CopyPlanner(exported, PlanSide(files)).plan("import")
    assert [(one.key, text in one.reason) for one in plan.omitted] == [("special", True)]


@pytest.mark.parametrize("scheme", CHOSEN, indirect=True)
async def test_journal_brings_the_chosen_part_back(scheme: str, store: Store, tmp_path: Path) -> None:
    """Of a tree that was deleted at once: each of its keys has a record."""
    part, _ = PARTS[scheme]
    before, journal = part(await store.get("app/special")), Journal(tmp_path / "journal")
    async with journaled_driver(type(store), journal)(store.address, Access()) as journaled:
        await journaled.delete_tree("app")
    records = [*journal.records()]
    earlier = min(record.time for record in records) - timedelta(seconds=1)
    plan = await restore_to_time(PlanSide(store), "app/", earlier, records)
    await apply(PlanFolder(tmp_path / "plans"), plan, store)
    assert part(await store.get("app/special")) == before
    assert not part(await store.get("app/plain"))


async def test_part_of_the_target_is_kept(scheme: str, store: Store, tmp_path: Path) -> None:
    """A copy over a key writes its value alone."""
    part, _ = PARTS[scheme]
    before = part(await store.get("app/special"))
    plan = await CopyPlanner(_named(store, "app/plain"), _named(store, "app/special"), overwrite=True).plan("copy")
    assert [change.key for change in plan] == ["app/special"]
    assert plan.parts[0].changes[0].kept
    await apply(PlanFolder(tmp_path), plan, store)
    after = await store.get("app/special")
    assert (after.value, part(after)) == (b"plain", before)


async def test_expiring_key_of_a_folder_is_left_out(scheme: str, store: Store, tmp_path: Path) -> None:
    """A copy of it would stay; flags and permissions do not hold a key back."""
    (tmp_path / "files").mkdir()
    async with explorer.open(f"file:{tmp_path}/files/") as other:
        plan = await CopyPlanner(PlanSide(store, "app/"), PlanSide(other, "to/")).plan("copy")
    copied = {change.key for change in plan}
    assert copied == ({"to/plain"} if scheme in EXPIRING else {"to/plain", "to/special"})
    assert "app/special" in {one.key for one in plan.omitted}
