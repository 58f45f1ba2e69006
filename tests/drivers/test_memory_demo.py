import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from explorer.drivers.memory import Database, DemoStore, ManualClock
from explorer.drivers.memory.demo.protobuf_encode import varint, zigzag
from explorer.drivers.memory.demo.seed import SCHEMA
from explorer.drivers.memory.demo.simulation import Simulation
from explorer.drivers.memory.demo.values import MESSAGES
from explorer.model.address import parse
from explorer.model.entries import Entry
from explorer.model.errors import InvalidAddress
from explorer.model.events import Deleted, Put
from tests.contract.fixtures import keys_below, take_changes


def _seeded_random() -> Random:
    return Random(1)  # the same each time


@pytest.fixture
async def still() -> AsyncIterator[DemoStore]:
    async with DemoStore(parse("demo:?still")) as store:
        yield store


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> descriptor_pool.DescriptorPool:
    """The shipped schema, compiled by the real compiler."""
    compiled = tmp_path_factory.mktemp("schema") / "access.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{SCHEMA.parent}", f"-o{compiled}", SCHEMA.name]
    subprocess.run(command, check=True)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes()).file:
        pool.Add(file)
    return pool


async def _everything(store: DemoStore) -> dict[str, Entry]:
    return {entry.key: entry async for entry in store.walk("")}


def _kind(key: str) -> str | None:
    return next((message for prefix, message in MESSAGES.items() if key.startswith(prefix)), None)


async def test_demo_has_every_kind_of_entry(still: DemoStore) -> None:
    """It has folders, flags, TTLs, an empty value, and keys that are not UTF-8."""
    entries = await _everything(still)
    assert 250 <= len(entries) <= 500
    assert entries["odd/empty-value"].value == b""
    assert entries["odd/bytes-\udcff\udcfe\x00"].value
    assert any(entry.ttl is not None for entry in entries.values())
    names = [child.name for child in (await still.children("")).items]
    assert {"certificates", "config", "flags", "heartbeats", "locks", "metrics", "routing", "service"} <= set(names)
    for key, entry in entries.items():
        if key.startswith("flags/"):
            assert json.loads(entry.value or b"")["flag"] == key.removeprefix("flags/")


async def test_binary_values_are_messages_of_the_schema(still: DemoStore, pool: descriptor_pool.DescriptorPool) -> None:
    """The real library parses them and serializes them to the same bytes."""
    seen: set[str] = set()
    for key, entry in (await _everything(still)).items():
        if (kind := _kind(key)) is not None:
            message = message_factory.GetMessageClass(pool.FindMessageTypeByName(kind))()
            message.ParseFromString(entry.value or b"")
            assert message.SerializeToString(deterministic=True) == entry.value, key
            assert message.ListFields(), key
            seen.add(kind)
    assert seen == set(MESSAGES.values())


async def test_schema_is_among_the_values(still: DemoStore) -> None:
    """The schema is the value of a key."""
    assert (await still.get("schema/access.proto")).value == SCHEMA.read_bytes()
    assert Path(SCHEMA).is_relative_to(Path(__file__).parents[2] / "explorer")


@given(st.integers(0, 2**64 - 1))
def test_varint_has_seven_bits_a_byte(number: int) -> None:
    """Numbers are written seven bits at a time."""
    encoded = varint(number)
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(encoded)) == number
    assert [byte >> 7 for byte in encoded] == [1] * (len(encoded) - 1) + [0]


def test_zigzag_alternates_negative_and_positive() -> None:
    """Negative numbers alternate with positive ones."""
    assert [zigzag(1, number)[1:] for number in (-1, 1, -2, 2)] == [b"\x01", b"\x02", b"\x03", b"\x04"]


async def test_same_seed_makes_the_same_store() -> None:
    """The same seed makes the same store."""

    async def values(url: str) -> dict[str, bytes | None]:
        async with DemoStore(parse(url)) as store:
            return {key: entry.value for key, entry in (await _everything(store)).items()}

    assert await values("demo:?still") == await values("demo:?still&seed=1")
    assert await values("demo:?still") != await values("demo:?still&seed=2")


async def test_still_demo_does_not_change(still: DemoStore) -> None:
    """Nothing is written to a still demo."""
    before = (await still.status()).revision
    assert isinstance(still.database.clock, ManualClock)
    async with still.lock("mine") as lock:
        assert lock.held
        await still.put("mine", b"value")
    assert isinstance(before, int)
    assert (await still.status()).revision == before + 3


async def test_demo_changes_by_itself() -> None:
    """Its simulation writes to it."""
    async with DemoStore(parse("demo:")) as store, store.watch_tree("") as events:
        assert await take_changes(events, 5)


async def test_path_shows_a_part_of_a_shared_database(still: DemoStore) -> None:
    """A path selects a part of the database, which connections share."""
    async with DemoStore(parse("demo:flags"), database=still.database) as flags:
        assert await keys_below(flags, "") == [key.removeprefix("flags/") for key in await keys_below(still, "flags")]


@pytest.mark.parametrize("url", ["demo:?seed=x", "demo:?moving", "demo://host"])
async def test_invalid_url_is_refused(url: str) -> None:
    """Unknown options, and a host, are refused."""
    with pytest.raises(InvalidAddress):
        DemoStore(parse(url))


class TestSimulation:
    """Minutes of the simulation, on a manual clock."""

    @pytest.fixture
    async def keyspace(self) -> Database:
        return Database(ManualClock())

    async def test_simulation_changes_heartbeats_and_jobs(self, keyspace: Database) -> None:
        """Heartbeats stop and start again; jobs are created and deleted."""
        async with DemoStore(parse("demo:"), database=keyspace) as store, store.watch_tree("") as events:
            puts, deletes = await self._run(keyspace, store, 600)
            for prefix in ("heartbeats/", "jobs/", "sessions/", "locks/", "leaders/"):
                assert any(key.startswith(prefix) for key in puts)
                assert any(key.startswith(prefix) for key in deletes), prefix
            for prefix in ("flags/", "metrics/", "service/access/devices/"):
                assert any(key.startswith(prefix) for key in puts)
            assert await take_changes(events, 1)

    async def test_lock_rotation_keeps_the_order(self, keyspace: Database) -> None:
        """Locks go from one client to the next in order."""
        async with DemoStore(parse("demo:"), database=keyspace) as store:
            simulation = Simulation(keyspace, _seeded_random())
            holders: list[str] = []
            for _ in range(400):
                await self._step(keyspace, simulation)
                info = (await store.locks("locks/scheduler"))[0]
                assert info.holder is not None
                assert len(info.waiters) == 2
                if holders[-1:] != [info.holder.name]:
                    holders.append(info.holder.name)
                leader = (await store.get("leaders/scheduler")).value
                assert leader == info.holder.name.encode()
                assert info.holder.other_keys == ("leaders/scheduler",)
            assert len(holders) > 5
            assert holders[3:] == holders[:-3]

    async def test_lock_rotation_gives_a_real_client_its_turn(self, keyspace: Database) -> None:
        """A client that waits for a lock acquires it, and the next one holds it after its release."""
        async with DemoStore(parse("demo:"), database=keyspace) as store:
            simulation = Simulation(keyspace, _seeded_random())
            lock = store.lock("locks/migration", value=b"me", ttl=5)
            waiting = asyncio.create_task(lock.acquire())
            for _ in range(300):
                await self._step(keyspace, simulation)
            assert waiting.done()
            assert lock.held
            await lock.release()
            info = (await store.locks("locks/migration"))[0]
            assert info.holder is not None
            assert info.holder.name != "me"

    async def test_lock_rotation_restores_removed_clients(self, keyspace: Database) -> None:
        """Removed clients are added again."""
        async with DemoStore(parse("demo:"), database=keyspace) as store:
            simulation = Simulation(keyspace, _seeded_random())
            for contender in [entry.key async for entry in store.walk("locks/scheduler")]:
                await store.delete(contender)
            for _ in range(200):
                await self._step(keyspace, simulation)
            assert len((await store.locks("locks/scheduler"))[0].waiters) == 2

    async def test_simulation_compacts_its_history(self, keyspace: Database) -> None:
        """The history of a demo that runs for days is bounded."""
        simulation = Simulation(keyspace, _seeded_random())
        for _ in range(10_000):
            simulation.step()
        assert keyspace.revision > 25_000
        assert 10_000 <= keyspace.revision - keyspace.compacted <= 20_010

    async def _run(self, keyspace: Database, store: DemoStore, seconds: float) -> tuple[set[str], set[str]]:
        simulation = Simulation(keyspace, _seeded_random())
        puts: set[str] = set()
        deletes: set[str] = set()
        start = keyspace.revision
        for _ in range(int(seconds * 5)):
            await self._step(keyspace, simulation)
        async with store.watch_tree("", since=start) as events:
            for event in await take_changes(events, keyspace.revision - start):
                match event:
                    case Put(entry=entry):
                        puts.add(entry.key)
                    case Deleted(key=key):
                        deletes.add(key)
        return puts, deletes

    async def _step(self, keyspace: Database, simulation: Simulation) -> None:
        assert isinstance(keyspace.clock, ManualClock)
        await keyspace.clock.advance(0.2)
        simulation.step()


def test_schema_has_each_message_type() -> None:
    """The schema names each message that is written."""
    declared = set(re.findall(r"^message (\w+)", SCHEMA.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name.rpartition(".")[2] for name in MESSAGES.values()} <= declared
