"""Random plans against a model: what is done, refused, resumed and taken back is what dictionaries say."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.capabilities import Capability
from explorer.model.errors import Conflict
from explorer.plans.application import Application, undo_of
from explorer.plans.plan import Change, Plan, part_of
from explorer.plans.plan_folder import PlanFolder
from tests.scale import examples

KEYS = ("a", "a/b", "a/c", "b", "c/d", "c/e")
VALUES = st.sampled_from([b"", b"1", b"2", b"3"])
CONTENT = st.dictionaries(st.sampled_from(KEYS), VALUES)


class SingleStore(MemoryStore):
    """A store without transactions: a plan can be half done at any change."""

    capabilities = MemoryStore.capabilities & ~Capability.TRANSACTIONS


class PairStore(MemoryStore):
    """A store whose transactions have room for two keys."""

    max_operations = 2


@dataclass
class Model:
    """The keys as they must be."""

    values: dict[str, bytes] = field(default_factory=dict)

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        """Write values; None deletes."""
        for key, value in changes.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value


async def content(store: MemoryStore) -> dict[str, bytes | None]:
    return {entry.key: entry.value async for entry in store.walk("")}


async def write(store: MemoryStore, changes: Mapping[str, bytes | None]) -> None:
    for key, value in changes.items():
        if value is not None:
            await store.put(key, value)
        elif await store.exists(key):
            await store.delete(key)


async def plan_of(store: MemoryStore, before: Mapping[str, bytes], wanted: Mapping[str, bytes | None]) -> Plan:
    """Return the plan that makes wanted of what is there; None deletes."""
    changes = []
    for key, new in wanted.items():
        entry = await store.get(key) if key in before else None
        if new != (None if entry is None else entry.value):
            changes.append(Change.of(key, entry, new))
    return Plan("random", (await part_of(store, changes),) if changes else ())


async def apply(folder: PlanFolder, plan: Plan, store: MemoryStore, stop_after: int | None = None) -> None:
    """Apply a plan or the first changes of it."""
    folder.save(plan)
    with folder.progress(plan) as progress:
        application = Application(plan, {store.address.public_url: store}, progress)
        count = 0
        async with aclosing(application.run()) as changes:
            while count != stop_after and await anext(changes, None) is not None:
                count += 1


@settings(max_examples=examples(60, 1000))
@given(
    before=CONTENT,
    wanted=st.dictionaries(st.sampled_from(KEYS), st.none() | VALUES, min_size=1),
    stops=st.lists(st.integers(0, 3), max_size=3),
    early=st.dictionaries(st.sampled_from(KEYS), st.none() | st.just(b"theirs"), max_size=1),
    late=st.dictionaries(st.sampled_from(KEYS), st.none() | st.just(b"theirs"), max_size=2),
    kind=st.sampled_from([MemoryStore, SingleStore, PairStore]),
)
async def test_random_plans_do_what_a_model_does(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    before: dict[str, bytes],
    wanted: dict[str, bytes | None],
    stops: list[int],
    early: dict[str, bytes | None],
    late: dict[str, bytes | None],
    kind: type[MemoryStore],
) -> None:
    """Others write before the last run, and before it is taken back; what they wrote is never touched."""
    folder, model = PlanFolder(tmp_path_factory.mktemp("plans")), Model(dict(before))
    async with kind(parse("memory:")) as store:
        await write(store, before)
        plan = await plan_of(store, before, wanted)
        for count in stops:
            await apply(folder, plan, store, stop_after=count)
        found = await content(store)
        assert all(found.get(key) in (before.get(key), wanted.get(key, before.get(key))) for key in KEYS)
        await write(store, early)
        touched = {key for key, value in early.items() if value is not None or key in found}
        refused: str | None = None
        try:
            await apply(folder, plan, store)
        except Conflict as error:
            refused = error.key
        assert refused is None or refused in touched
        if refused is None:
            model.write({change.key: change.new for change in plan} | {key: early[key] for key in touched})
            assert await content(store) == model.values
        found = await content(store)
        await write(store, late)
        touched |= {key for key, value in late.items() if value is not None or key in found}
        if not folder.was_begun(plan.id):
            return
        with folder.progress(plan) as progress:
            undo = await undo_of(plan, {store.address.public_url: store}, progress)
        await apply(folder, undo, store)
        after = await content(store)
        expected = {key: value for key, value in before.items() if key not in touched}
        assert {key: value for key, value in after.items() if key not in touched} == expected
        for key in touched:
            assert after.get(key) == late.get(key, early.get(key))
