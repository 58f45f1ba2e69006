"""Plans for several keys at once: a key with everything below it, and no key like it."""

from collections.abc import AsyncIterator

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.model.errors import ExplorerError, InvalidPlan, KeyNotFound
from explorer.plans.plan import Change, Plan, PlanAction
from explorer.plans.selection import CopiedKey, change_set_plan, copy_plan, deletion_plan
from explorer.plans.side import PlanSide


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with explorer.open("memory:") as opened:
        for key in ("app", "app/x", "app/y/z", "apple", "other"):
            await opened.put(key, key.encode())
        yield opened


def planned(plan: Plan) -> list[tuple[str, PlanAction, bytes | None]]:
    return [(change.key, change.action, change.new) for change in plan]


def copied(store: Store, *names: tuple[str, str]) -> list[CopiedKey]:
    return [
        CopiedKey(PlanSide(store, source, has_key=True), PlanSide(store, target, has_key=True))
        for source, target in names
    ]


async def test_key_is_copied_with_what_is_below_it(store: Store) -> None:
    plan = await copy_plan("copy", copied(store, ("app", "new")))
    assert planned(plan) == [
        ("new", PlanAction.CREATE, b"app"),
        ("new/x", PlanAction.CREATE, b"app/x"),
        ("new/y/z", PlanAction.CREATE, b"app/y/z"),
    ]


async def test_key_is_renamed_to_one_that_begins_like_it(store: Store) -> None:
    """`apple` is neither above nor below `app`; its value is a conflict."""
    plan = await copy_plan("move", copied(store, ("app", "apple")), move=True)
    assert [conflict.key for conflict in plan.conflicts] == ["apple"]
    assert {change.key for change in plan} == {"apple/x", "apple/y/z", "app/x", "app/y/z"}


async def test_several_keys_are_one_part_that_writes_first(store: Store) -> None:
    plan = await copy_plan("move", copied(store, ("app/x", "to/x"), ("other", "to/other")), move=True)
    (part,) = plan.parts
    assert [change.key for change in part.changes] == ["to/other", "to/x", "other", "app/x"]


async def test_two_keys_do_not_become_one(store: Store) -> None:
    with pytest.raises(InvalidPlan, match="two of the keys"):
        await copy_plan("copy", copied(store, ("apple", "new"), ("other", "new")))


@pytest.mark.parametrize("target", ["app", "app/x/deep", "app/new"])
async def test_key_is_not_copied_into_itself(store: Store, target: str) -> None:
    with pytest.raises(ExplorerError, match="overlap"):
        await copy_plan("copy", copied(store, ("app", target)))


async def test_leased_keys_are_deleted_if_they_are_named(store: Store) -> None:
    """Below a folder they are left as they are, and listed."""
    await store.put("app/leased", b"", ttl=60)
    plan = await deletion_plan("delete", PlanSide(store), ["app"])
    assert [change.key for change in plan] == ["app/y/z", "app/x", "app"]
    assert [omitted.key for omitted in plan.omitted] == ["app/leased"]
    named = await deletion_plan("delete", PlanSide(store), ["app", "app/leased"])
    assert "app/leased" in {change.key for change in named}
    assert not named.omitted


async def test_missing_key_is_not_deleted(store: Store) -> None:
    with pytest.raises(KeyNotFound, match="nothing to delete"):
        await deletion_plan("delete", PlanSide(store), ["other", "gone"])


async def test_change_set_names_keys_that_moved(store: Store) -> None:
    """Each change is compared with what is stored when the plan is made."""
    seen = {key: await store.get(key) for key in ("app", "other")}
    await store.put("other", b"theirs")
    changes = [
        Change.of("app", seen["app"], b"mine"),
        Change.of("other", seen["other"], b"mine"),
        Change.of("new", None, b"mine"),
    ]
    plan = await change_set_plan("save", PlanSide(store), changes)
    assert {change.key for change in plan} == {"app", "new"}
    assert [conflict.key for conflict in plan.conflicts] == ["other"]
