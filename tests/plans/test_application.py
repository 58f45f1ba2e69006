"""Plans applied to stores while others write and the process ends: each key is as before, as planned, or a conflict."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import explorer
from explorer.codecs.constraints.constraint import Violation
from explorer.drivers.base import Store
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.capabilities import Capability
from explorer.model.errors import (
    Conflict,
    ConstraintViolated,
    ExplorerError,
    InvalidPlan,
    KeyExists,
    KeyNotFound,
)
from explorer.plans.application import Application, undo_plan
from explorer.plans.copy import CopyPlanner
from explorer.plans.plan import Change, Plan, part_of
from explorer.plans.plan_file import read_plan, write_plan
from explorer.plans.plan_folder import PlanFolder
from explorer.plans.side import PlanSide


class OneByOneStore(MemoryStore):
    """A store without transactions, as etcd's v2 API is: a plan can be half done."""

    capabilities = MemoryStore.capabilities & ~Capability.TRANSACTIONS


VALUES = {"a": b"1", "a/b": b"2", "c": b"\xff"}


@pytest.fixture
async def source() -> AsyncIterator[Store]:
    async with explorer.open("memory:") as store:
        await fill(store, VALUES)
        yield store


@pytest.fixture(params=[MemoryStore, OneByOneStore])
async def target(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Return a store to which a plan is applied in one transaction, and one by one."""
    kind: type[MemoryStore] = request.param
    async with kind(parse("memory:target")) as store:
        yield store


@pytest.fixture
async def one_by_one() -> AsyncIterator[Store]:
    async with OneByOneStore(parse("memory:target")) as store:
        yield store


async def fill(store: Store, values: Mapping[str, bytes]) -> None:
    for key, value in values.items():
        await store.put(key, value)


async def values(store: Store) -> dict[str, bytes | None]:
    return {entry.key: entry.value async for entry in store.walk("")}


async def apply(folder: PlanFolder, plan: Plan, *stores: Store, stop_after: int | None = None) -> Plan:
    """Apply a plan or the first changes of it, and return the plan that takes them back."""
    folder.save(plan)
    with folder.progress(plan) as progress:
        count = 0
        by_url = {store.address.public_url: store for store in stores}
        async with aclosing(Application(plan, by_url, progress).run()) as changes:
            while count != stop_after and await anext(changes, None) is not None:
                count += 1
        return undo_plan(plan, progress, by_url)


async def test_copy_makes_the_target_like_the_source(source: Store, target: Store, tmp_path: Path) -> None:
    """Values are copied byte for byte, and what is the same already is not written."""
    await target.put("a", b"1")
    plan = await CopyPlanner(PlanSide(source), PlanSide(target)).plan("copy")
    assert plan.same == ("a",)
    await apply(PlanFolder(tmp_path), plan, target)
    assert await values(target) == VALUES


async def test_differing_target_is_a_conflict(source: Store, target: Store, tmp_path: Path) -> None:
    """Without overwrite nothing at all is written."""
    await target.put("a", b"theirs")
    plan = await CopyPlanner(PlanSide(source), PlanSide(target)).plan("copy")
    with pytest.raises(InvalidPlan, match="another value"):
        await apply(PlanFolder(tmp_path), plan, target)
    assert await values(target) == {"a": b"theirs"}


async def test_overwritten_values_come_back_by_undo(source: Store, target: Store, tmp_path: Path) -> None:
    """Undo restores what was overwritten, deleted and created."""
    before = {"a": b"theirs", "only here": b"x"}
    await fill(target, before)
    plan = await CopyPlanner(PlanSide(source), PlanSide(target), overwrite=True, prune=True).plan("mirror")
    undo = await apply(PlanFolder(tmp_path), plan, target)
    assert await values(target) == VALUES
    await apply(PlanFolder(tmp_path), undo, target)
    assert await values(target) == before


async def test_move_writes_before_it_deletes(source: Store, target: Store, tmp_path: Path) -> None:
    """Wherever a move ends early, each key is in at least one place, and resuming finishes it."""
    plan = await CopyPlanner(PlanSide(source), PlanSide(target), move=True).plan("move")
    folder = PlanFolder(tmp_path)
    for _ in range(len(plan)):
        await apply(folder, plan, target, source, stop_after=1)
        assert {**await values(source), **await values(target)} == VALUES
    assert (await values(source), await values(target)) == ({}, VALUES)


async def test_move_within_a_store(source: Store, tmp_path: Path) -> None:
    """A folder is renamed, and undo names it back."""
    plan = await CopyPlanner(PlanSide(source, "a/"), PlanSide(source, "z/"), move=True).plan("rename")
    undo = await apply(PlanFolder(tmp_path), plan, source)
    assert await values(source) == {"a": b"1", "c": b"\xff", "z/b": b"2"}
    await apply(PlanFolder(tmp_path), undo, source)
    assert await values(source) == VALUES


async def test_folder_is_not_copied_into_itself(source: Store) -> None:
    with pytest.raises(ExplorerError, match="overlap"):
        await CopyPlanner(PlanSide(source), PlanSide(source, "copy/")).plan("copy")


async def test_empty_source_deletes_nothing(target: Store) -> None:
    """A wrong or empty source never empties the target."""
    await fill(target, VALUES)
    async with explorer.open("memory:") as empty:
        with pytest.raises(KeyNotFound, match="the source is empty"):
            await CopyPlanner(PlanSide(empty), PlanSide(target), prune=True).plan("mirror")


@pytest.mark.parametrize(("key", "error"), [("c", KeyExists), ("a/b", KeyExists)])
async def test_moved_key_refuses_the_whole_plan(
    source: Store, target: Store, tmp_path: Path, key: str, error: type[Exception]
) -> None:
    """A key that is not as planned at the start is named, and nothing was changed."""
    plan = await CopyPlanner(PlanSide(source), PlanSide(target)).plan("copy")
    await target.put(key, b"theirs")
    with pytest.raises(Conflict, match="exists now"):
        await apply(PlanFolder(tmp_path), plan, target)
    assert await values(target) == {key: b"theirs"}
    assert issubclass(error, Conflict)


async def test_conflict_in_the_middle_stops(source: Store, one_by_one: Store, tmp_path: Path) -> None:
    """The changes done are counted and taken back by undo; what another client wrote stays."""
    target = one_by_one
    plan = await CopyPlanner(PlanSide(source), PlanSide(target)).plan("copy")
    folder = PlanFolder(tmp_path)
    await apply(folder, plan, target, stop_after=1)
    await target.put("c", b"theirs")
    with pytest.raises(KeyExists, match=r"the key exists now; 2 of 3 changes done"):
        await apply(folder, plan, target)
    with folder.progress(plan) as progress:
        undo = undo_plan(plan, progress, {target.address.public_url: target})
    await apply(folder, undo, target)
    assert await values(target) == {"c": b"theirs"}


async def test_undo_leaves_what_others_changed_since(source: Store, target: Store, tmp_path: Path) -> None:
    plan = await CopyPlanner(PlanSide(source), PlanSide(target)).plan("copy")
    undo = await apply(PlanFolder(tmp_path), plan, target)
    await target.put("a", b"theirs")
    folder = PlanFolder(tmp_path)
    with folder.progress(undo) as progress:
        application = Application(undo, {target.address.public_url: target}, progress)
        async with aclosing(application.run()) as changes:
            assert [change.key async for change, _ in changes] == ["c", "a/b"]
    (conflict,) = application.summary.conflicts
    assert (conflict.key, conflict.reason[:20]) == ("a", "the key was changed:")
    assert await values(target) == {"a": b"theirs"}


async def test_edited_plan_is_not_resumed(source: Store, target: Store, tmp_path: Path) -> None:
    """The plan that was begun is the one that goes on."""
    plan = await CopyPlanner(PlanSide(source), PlanSide(target)).plan("copy")
    folder = PlanFolder(tmp_path)
    await apply(folder, plan, target, stop_after=1)
    (part,) = plan.parts
    edited = Plan(plan.title, (), id=plan.id)
    with pytest.raises(InvalidPlan, match="was edited"):
        await apply(folder, edited, target)
    assert part.changes


async def test_plan_of_another_cluster_is_refused(source: Store, target: Store, tmp_path: Path) -> None:
    plan = await CopyPlanner(PlanSide(source), PlanSide(target)).plan("copy")
    async with explorer.open("memory:target") as other:
        with pytest.raises(InvalidPlan, match="for another store"):
            await apply(PlanFolder(tmp_path), plan, other)


async def test_leased_keys_are_omitted_and_listed(source: Store, target: Store) -> None:
    """A key that goes with a lease is no configuration: it is not copied unless it is named."""
    await source.put("leased", b"x", ttl=60)
    plan = await CopyPlanner(PlanSide(source), PlanSide(target)).plan("copy")
    assert [omitted.key for omitted in plan.omitted] == ["leased"]
    assert {change.key for change in plan} == set(VALUES)


KEYS = st.sampled_from(["a", "a/b", "a/c", "a.b", "b", "c/d"])
CONTENTS = st.dictionaries(KEYS, st.sampled_from([b"", b"1", b"2"]))


@given(
    before=CONTENTS,
    wanted=CONTENTS.filter(bool),
    stops=st.lists(st.integers(0, 3), max_size=4),
    theirs=st.dictionaries(KEYS, st.sampled_from([b"1", b"theirs"]), max_size=1),
    move=st.booleans(),
    in_transactions=st.booleans(),
)
async def test_every_key_is_as_before_planned_or_foreign(
    tmp_path_factory: pytest.TempPathFactory,
    before: dict[str, bytes],
    wanted: dict[str, bytes],
    stops: list[int],
    theirs: dict[str, bytes],
    *,
    move: bool,
    in_transactions: bool,
) -> None:
    """A process that ends at any change and loses the last line of its progress; undo brings back all but theirs."""
    folder = PlanFolder(tmp_path_factory.mktemp("plans"))
    kind = MemoryStore if in_transactions else OneByOneStore
    async with kind(parse("memory:")) as source, kind(parse("memory:target")) as target:
        await fill(source, wanted)
        await fill(target, before)
        plan = await CopyPlanner(PlanSide(source), PlanSide(target), overwrite=True, move=move).plan("copy")
        stores = (target, source)
        for count in stops:
            await apply(folder, plan, *stores, stop_after=count)
            _cut_last_line(folder, plan)
        await fill(target, theirs)
        try:
            undo = await apply(folder, plan, *stores)
        except Conflict:
            with folder.progress(plan) as progress:
                undo = undo_plan(plan, progress, {store.address.public_url: store for store in stores})
        planned = before | wanted
        for key, value in (await values(target)).items():
            assert value in {before.get(key), planned.get(key), theirs.get(key)}
        assert {**before, **await values(source), **await values(target)}.keys() >= wanted.keys()
        for part in reversed(undo.parts):
            kept = [change for change in part.changes if change.key not in theirs]
            restored = {change.key: change.new for change in kept if part.store.endswith("target")}
            assert all(before.get(key) == value for key, value in restored.items())


def _cut_last_line(folder: PlanFolder, plan: Plan) -> None:
    """Lose the last answer, as when the process is killed before it is written; what was begun is on the disk."""
    file = folder.path / f"{plan.id}.progress"
    lines = file.read_bytes().splitlines(keepends=True)
    if lines and lines[-1].startswith(b"["):
        file.write_bytes(b"".join(lines[:-1]))


async def test_value_that_breaks_a_constraint_is_not_applied(target: Store, tmp_path: Path) -> None:
    """Nothing is changed unless the plan overrides it by name; what brings back old values is never blocked."""
    part = await part_of(target, [Change("good", None, None, b"1"), Change("bad", None, None, b"22")])
    plan = Plan("test", (part,))

    async def check(store: Store, key: str, value: bytes) -> list[Violation]:
        assert store is target
        return [Violation("small", "", f"{key} is too long")] if len(value) > 1 else []

    async def apply(plan: Plan) -> None:
        folder = PlanFolder(tmp_path)
        folder.save(plan)
        with folder.progress(plan) as progress:
            application = Application(plan, {target.address.public_url: target}, progress, check)
            async with aclosing(application.run()) as changes:
                async for _ in changes:
                    pass

    for refused in (plan, replace(plan, overrides=("other",))):
        with pytest.raises(ConstraintViolated) as raised:
            await apply(refused)
        assert (raised.value.key, raised.value.hint) == ("bad", "override small, by name")
        assert await values(target) == {}
    overriding = replace(plan, overrides=("small",))
    assert read_plan(write_plan(overriding)) == overriding
    await apply(overriding)
    assert await values(target) == {"good": b"1", "bad": b"22"}
    back = replace(plan, parts=(await part_of(target, [Change("again", None, None, b"22")]),), undoes="some", id="undo")
    await apply(back)
    assert len(await values(target)) == 3
