"""Access control lists of whole folders of ZooKeeper: copied, brought back, refused, or listed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.drivers.zookeeper.acl import digest_identity
from explorer.model.address import Access, Secret
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported
from explorer.plans.copy import CopyPlanner
from explorer.plans.plan import Plan
from explorer.plans.plan_folder import PlanFolder
from explorer.plans.selection import deletion_plan
from explorer.plans.side import FileSide, PlanSide
from tests.plans.test_between_stores import apply
from tests.servers.fixtures import prefix, shared_zookeeper
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["prefix", "shared_zookeeper"]

pytestmark = pytest.mark.servers

ANN = Access(user="ann", password=Secret("secret"))
OWN = f"digest:{digest_identity('ann', 'secret').id}:cdrwa"
READABLE = f"world:anyone:r, {OWN}"
BY_ADDRESS = "world:anyone:r, ip:127.0.0.1:cdrwa"
"""A list of which the client cannot know what it allows itself."""


@pytest.fixture
async def store(shared_zookeeper: ZooKeeperServer, prefix: str) -> AsyncIterator[Store]:
    """Open a folder of a user, in which a folder and its nodes are the user's own."""
    async with explorer.open(f"zk://{shared_zookeeper.address}{prefix}", ANN) as opened:
        for key, value, acl in (
            ("app", b"", OWN),
            ("app/a", b"1", READABLE),
            ("app/odd", b"2", BY_ADDRESS),
            ("app/odd/x", b"3", OWN),
        ):
            await opened.atomic_put(key, value, None, meta={"acl": acl})
        yield opened


async def acls(store: Store, name: str) -> dict[str, object]:
    keys = [name, *(f"{name}/{key}" for key in ("a", "odd", "odd/x"))]
    return {key.removeprefix(name): (await store.get(key)).meta["acl"] for key in keys}


COPIED = {"": OWN, "/a": READABLE, "/odd": "world:anyone:cdrwa", "/odd/x": OWN}


def listed(plan: Plan) -> list[tuple[str, bool]]:
    return [(one.key, "may forbid this user to create and delete what is below" in one.reason) for one in plan.omitted]


async def test_folder_is_copied_with_its_lists(store: Store, tmp_path: Path) -> None:
    """Also with that of a node without a value; only a list that may forbid what is below is listed."""
    plan = await CopyPlanner(PlanSide(store, "app", has_key=True), PlanSide(store, "to", has_key=True)).plan("copy")
    assert listed(plan) == [("app/odd", True)]
    undo = await apply(PlanFolder(tmp_path), plan, store)
    assert await acls(store, "to") == COPIED
    await apply(PlanFolder(tmp_path), undo, store)
    assert not await store.exists("to")


async def test_deleted_folder_comes_back_with_its_lists(store: Store, tmp_path: Path) -> None:
    """A node without a value is not deleted, and keeps its own."""
    undo = await apply(PlanFolder(tmp_path), await deletion_plan("delete", PlanSide(store), ["app"]), store)
    assert listed(undo) == [("app/odd", True)]
    await apply(PlanFolder(tmp_path), undo, store)
    assert await acls(store, "app") == COPIED


async def test_move_lists_what_the_target_has_otherwise(store: Store) -> None:
    """The value is the same there, so the node of the source is deleted, and its list with it."""
    await store.put("to/a", b"1")
    sides = PlanSide(store, "app/a", has_key=True), PlanSide(store, "to/a", has_key=True)
    plan = await CopyPlanner(*sides, move=True).plan("move")
    (one,) = plan.omitted
    assert (one.key, "the key that is there keeps its own" in one.reason) == ("app/a", True)


async def test_digest_that_the_server_does_not_show_is_listed(store: Store, tmp_path: Path) -> None:
    """Nobody could use a node that has what the server shows in place of the digest."""
    async with explorer.open(store.address.public_url) as anybody:
        sides = PlanSide(anybody, "app/a", has_key=True), PlanSide(anybody, "copy", has_key=True)
        plan = await CopyPlanner(*sides).plan("copy")
        (one,) = plan.omitted
        assert one.reason == (
            "its acl (world:anyone:r, digest:ann:x:cdrwa) is not copied: the server shows its digests only to those who"
            " may administer the node; the new key has world:anyone:cdrwa"
        )
        await apply(PlanFolder(tmp_path), plan, anybody)
        assert (await store.get("copy")).meta["acl"] == "world:anyone:cdrwa"


async def test_list_that_the_server_refuses_stops_the_plan(store: Store, tmp_path: Path) -> None:
    """In one line that names the key; nothing of its transaction is written."""
    lists = {"new/a": OWN, "new/b": "colour:red:cdrwa"}
    source = FileSide("file", [Entry(key, b"1", "", meta={"acl": acl}) for key, acl in lists.items()])
    plan = await CopyPlanner(source, PlanSide(store)).plan("import")
    with pytest.raises(CallNotSupported, match="refuses the access control list") as refused:
        await apply(PlanFolder(tmp_path), plan, store)
    assert refused.value.key == "new/b"
    assert not await store.exists("new/a")
