"""Processes that are killed while they apply a plan: each key is as before, as planned, or named as a conflict."""

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from signal import SIGKILL
from typing import Final
from urllib.parse import quote

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import KeyNotFound
from explorer.plans.copy import CopyPlanner
from explorer.plans.plan import Plan
from explorer.plans.plan_folder import PlanFolder
from explorer.plans.side import FileSide, PlanSide
from tests.plans.crash_points import apply_and_die, apply_plan, start, undo
from tests.scale import figure, seed
from tests.servers.etcd import VERSIONS, EtcdServer
from tests.servers.fixtures import shared_etcd, shared_redis, shared_zookeeper
from tests.servers.redis import RedisServer
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["shared_etcd", "shared_redis", "shared_zookeeper"]

BEFORE: Final[Mapping[str, bytes]] = {"a/one": b"1", "a/two/x": b"2", "a/two/y": b"3", "b/one": b"0"}
MOVED: Final[Mapping[str, bytes]] = {"b/one": b"1", "b/two/x": b"2", "b/two/y": b"3"}
LAYOUTS: Final = ("folder", "document")
"""One by one, and in transactions."""
KEYS: Final = figure(300, 10_000)
KILLS: Final = figure(2, 10)
FOREIGN: Final = 5


async def values(url: str) -> dict[str, bytes]:
    async with explorer.open(url) as store:
        with suppress(KeyNotFound):
            return {one.key: one.value async for one in store.walk("") if one.value is not None}
    return {}


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_move_is_killed_at_every_system_call(tmp_path: Path, layout: str) -> None:
    """The key is in at least one place; resuming finishes, and undo brings all back, however much was done."""
    data, plans = tmp_path / "data", tmp_path / "plans"
    url = f"file://{quote(str(data))}/" + ("folder/?layout=folder" if layout == "folder" else "x.json?layout=document")
    calls, is_finished = 0, False
    while not is_finished:
        for folder in (data, plans):
            shutil.rmtree(folder, ignore_errors=True)
        (data / "folder").mkdir(parents=True)
        if layout != "folder":
            (data / "x.json").write_text("{}")
        plan, public = await _moving_plan(url)
        PlanFolder(plans).save(plan)
        process = start(apply_and_die, plans, plan.id, {public: url}, calls)
        await asyncio.to_thread(process.join)
        is_finished = process.exitcode == 0
        found = await values(url)
        for key, value in BEFORE.items():
            twin = key.replace("a/", "b/", 1)
            assert value in (found.get(key), found.get(twin)) or key == "b/one", (calls, key, found)
        for key, value in found.items():
            assert value in (BEFORE.get(key), MOVED.get(key)), (calls, key, found)
        if calls % 2 and not is_finished:  # resumed, and then taken back; else taken back half done
            process = start(apply_plan, plans, plan.id, {public: url})
            await asyncio.to_thread(process.join)
            assert process.exitcode == 0, (calls, (plans / "conflicts").read_text())
            assert await values(url) == MOVED, calls
        back = await undo(plans, plan, {public: url})
        process = start(apply_plan, plans, back.id, {public: url})
        await asyncio.to_thread(process.join)
        assert process.exitcode == 0, (calls, (plans / "conflicts").read_text())
        assert await values(url) == BEFORE, calls
        calls += figure(29, 1)


async def _moving_plan(url: str) -> tuple[Plan, str]:
    """Return a move of a folder over another one, and the public URL of the store."""
    async with explorer.open(url) as store:
        for key, value in BEFORE.items():
            await store.put(key, value)
        plan = await CopyPlanner(PlanSide(store, "a/"), PlanSide(store, "b/"), overwrite=True, move=True).plan("move")
        return plan, store.address.public_url


@pytest.fixture(params=["etcd", "zk", "redis", "folder"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Return the URL of an empty place."""
    path = f"crash-{token_hex(4)}/"
    match request.param:
        case "folder":
            (tmp_path / path).mkdir()
            yield f"file://{quote(str(tmp_path))}/{path}?layout=folder"
        case "etcd":
            server: EtcdServer = request.getfixturevalue("shared_etcd")
            yield f"etcd://{server.address}/{path}"
        case "redis":
            redis: RedisServer = request.getfixturevalue("shared_redis")
            yield f"redis://{redis.address}/0/{path}?separator=/"
        case _:
            ensemble: ZooKeeperServer = request.getfixturevalue("shared_zookeeper")
            yield f"zk://{ensemble.address}/{path}"


@pytest.fixture
def etcd_version() -> str:
    """Return the newest version; how a plan is applied does not depend on it."""
    return VERSIONS[-1]


@pytest.mark.servers
@pytest.mark.heavy
async def test_copy_is_killed_while_others_write(url: str, tmp_path: Path) -> None:
    """Killed at random and resumed: each key is as planned, or was named; undo brings back what nobody touched."""
    drawn = random.Random(number := seed())
    plans = tmp_path / "plans"
    planned = {f"k/{index % 20:02}/{index:05}": b"new %d" % index for index in range(KEYS)}
    before = dict.fromkeys(drawn.sample(sorted(planned), KEYS // 10), b"old")
    async with explorer.open(url) as store, asyncio.TaskGroup() as group:
        public = store.address.public_url
        for key, value in before.items():
            await store.put(key, value)
        source = FileSide("source", [Entry(key, value, "") for key, value in planned.items()])
        plan = await CopyPlanner(source, PlanSide(store), overwrite=True).plan("copy")
        PlanFolder(plans).save(plan)
        writer = group.create_task(_write_beside(store))
        lane = _Lane(plans, {public: url}, drawn)
        stolen = drawn.choice([key for key in sorted(planned)[KEYS // 2 :] if key not in before])
        await store.put(stolen, b"theirs")
        started = True
        for kill in range(KILLS + 1):
            named = await lane.run(plan, kill=kill < KILLS)
            if named:
                assert named == [stolen], f"KEYSCOPE_SEED={number}"
                assert (await store.get(stolen)).value == b"theirs"
                await store.delete(stolen)
                started = False
            _require_known(await _planned_values(store), before, planned, number)
        while (named := await lane.run(plan, kill=False)) and started:
            assert named == [stolen], f"KEYSCOPE_SEED={number}"
            await store.delete(stolen)
            started = False
        assert await _planned_values(store) == planned, f"KEYSCOPE_SEED={number}"
        foreign = drawn.sample(sorted(planned.keys() - {stolen}), FOREIGN)
        for key in foreign:
            await store.put(key, b"theirs")
        back = await undo(plans, plan, {public: url})
        for kill in range(2):
            named = await lane.run(back, kill=not kill)
        assert sorted({*lane.named} - {stolen}) == sorted(foreign), f"KEYSCOPE_SEED={number}"
        left = before | dict.fromkeys(foreign, b"theirs")
        assert await _planned_values(store) == left, f"KEYSCOPE_SEED={number}"
        writer.cancel()


class _Lane:
    """Runs of a plan in processes of their own."""

    def __init__(self, plans: Path, urls: Mapping[str, str], drawn: random.Random) -> None:
        self._plans, self._urls, self._drawn = plans, urls, drawn
        self.named: set[str] = set()

    async def run(self, plan: Plan, *, kill: bool) -> list[str]:
        """Apply a plan, kill the process after some more changes, and return the keys that it named."""
        file, result = self._plans / f"{plan.id}.progress", self._plans / "conflicts"
        result.unlink(missing_ok=True)
        size = file.stat().st_size if file.exists() else 0
        process = start(apply_plan, self._plans, plan.id, self._urls, 8)
        if kill:
            size += self._drawn.randrange(20 * KEYS // KILLS)
            while process.is_alive() and not (file.exists() and file.stat().st_size > size):
                await asyncio.to_thread(process.join, 0.002)
            process.kill()
        await asyncio.to_thread(process.join)
        assert process.exitcode in ((0, 4, -SIGKILL) if kill else (0, 4))
        named: list[str] = json.loads(result.read_text()) if process.exitcode == 4 else []
        self.named |= {*named}
        return named


async def _write_beside(store: Store) -> None:
    """Write to keys that are in no plan, without end."""
    count = 0
    while True:
        await store.put(f"beside/{count % 10}", b"%d" % count)
        count += 1
        await asyncio.sleep(0.01)


async def _planned_values(store: Store) -> dict[str, bytes]:
    with suppress(KeyNotFound):
        return {one.key: one.value async for one in store.walk("k/") if one.value}
    return {}


def _require_known(
    found: Mapping[str, bytes], before: Mapping[str, bytes], planned: Mapping[str, bytes], number: int
) -> None:
    for key, value in found.items():
        assert value in (before.get(key), planned[key], b"theirs"), f"{key}: KEYSCOPE_SEED={number}"
    assert before.keys() <= found.keys(), f"KEYSCOPE_SEED={number}"
