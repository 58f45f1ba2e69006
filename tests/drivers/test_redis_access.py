"""Redis servers of every arrangement: databases, replicas, a sentinel, a cluster, and URLs for another one."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest

import explorer
from explorer.drivers.redis import RedisStore, scan
from explorer.drivers.redis.settings import load
from explorer.model.address import Access, parse
from explorer.model.entries import Entry, Revision
from explorer.model.errors import (
    CallNotSupported,
    ExplorerError,
    Forbidden,
    InvalidAddress,
    NoSpace,
    NotReachable,
)
from explorer.model.events import Deleted, Event, Lost, Put, Resync, Started
from explorer.model.progress import progress_listener
from tests.contract.fixtures import WAIT_TIMEOUT, take_changes, take_events
from tests.drivers.redis_fixtures import assert_guarded, open_redis
from tests.servers.fixtures import run_server
from tests.servers.proxy import FaultProxy
from tests.servers.redis import RedisCluster, RedisServer, SentinelSetup
from tests.servers.waiting import eventually

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A server that the tests of this module configure, each for users of its own."""
    yield from run_server(RedisServer())


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as cluster:
        yield cluster


# Databases, and what they share


@pytest.mark.parametrize(
    ("url", "database", "root", "separator"),
    [
        ("redis:", 0, "", ":"),
        ("redis://one/2", 2, "", ":"),
        ("redis://one/2/", 2, "", ":"),
        ("redis://one/2/app", 2, "app:", ":"),
        ("redis://one/2/app:", 2, "app:", ":"),
        ("redis://one/app/", 0, "app:", ":"),
        ("redis://one/app?separator=/", 0, "app/", "/"),
        ("redis://one/0/2", 0, "2:", ":"),
        ("redis://one/2/x?db=3", 3, "2/x:", ":"),
        ("rediss://one/2", 2, "", ":"),
        ("redis+unix:///run/redis.sock", 0, "", ":"),
        ("redis+unix://%2Frun%2Fredis.sock/3/app", 3, "app:", ":"),
    ],
)
def test_database_and_prefix_are_in_the_path(url: str, database: int, root: str, separator: str) -> None:
    settings = load(parse(url), Access(), {})
    assert (settings.database, settings.root, settings.separator) == (database, root, separator)
    assert settings.tls is url.startswith("rediss")


def test_rules_of_codecs_see_the_key_without_the_database() -> None:
    """The scope of the rules is the prefix of the keys."""
    assert explorer.open("redis://one/2/app").root_path == "app:"


@pytest.mark.parametrize(
    "url",
    [
        "redis://one/?db=x",
        "redis://one/99999999999",
        "redis://one/?cluster=maybe",
        "redis://one/2?cluster=true",
        "redis://one/?sentinel=a&cluster=true",
        "redis://one/?sentinel",
        "redis://one/?events=all",
    ],
)
def test_invalid_option_is_refused(url: str) -> None:
    with pytest.raises(InvalidAddress) as raised:
        load(parse(url), Access(), {})
    assert raised.value.hint


async def test_missing_database_is_an_invalid_address(server: RedisServer) -> None:
    with pytest.raises(InvalidAddress, match="no such database"):
        async with open_redis(server, "999"):
            pass


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("?cluster", "no member of a cluster"),
        ("?cluster=true", "no member of a cluster"),
        ("?sentinel=main", "no sentinel"),
    ],
)
async def test_single_server_is_opened_without_options(server: RedisServer, options: str, reason: str) -> None:
    with pytest.raises(InvalidAddress, match=reason) as raised:
        async with open_redis(server, "", options):
            pass
    assert f"leave out {options.partition('main')[0].removesuffix('=true')}" in raised.value.hint


@pytest.mark.parametrize("host", ["nowhere.invalid", "nowhere.invalid."])
async def test_unknown_host_is_explained(host: str) -> None:
    """A period at its end, as it is copied from DNS tools, is named."""
    with pytest.raises(NotReachable, match="unknown host name") as raised:
        async with RedisStore(parse(f"redis://{host}/?timeout=30"), Access()):
            pass
    assert ("period" in raised.value.hint) is host.endswith(".")


async def test_scan_reports_how_far_it_is(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_PROGRESS_INTERVAL", 0.0)
    reports: list[str] = []
    server.cli("SET", "scanned:key", "1")
    async with open_redis(server) as store:
        with progress_listener(reports.append):
            await store.children("")
    assert all(re.fullmatch(r"scanned [0-9,]+k? of about [0-9,]+k?", text) for text in reports)
    assert reports


async def test_watch_reports_nothing_of_other_databases(server: RedisServer) -> None:
    """The server names the keys of all databases alike; what has not changed here is no news."""
    server.cli("SET", "shared:here", "1", database=3)
    server.cli("SET", "shared:here", "1", database=4)
    async with open_redis(server, "3/shared") as store:
        known = {"here": (await store.get("here")).revision}
        await store.children("")
        async with store.watch_tree("", known=known) as events:
            await take_events(events, 1)
            await store.children("")
            server.cli("SET", "shared:here", "2", database=4)
            server.cli("SET", "shared:elsewhere", "2", database=4)
            server.cli("SET", "shared:end", "2", database=3)
            assert [change.key for change in await take_changes(events, 1)] == ["end"]


async def test_flush_of_the_database_is_a_resync(own_redis: RedisServer) -> None:
    """The watcher's keys that are gone are reported as deleted."""
    async with open_redis(own_redis, "0") as store:
        known = {"a": (await store.put("a", b"1")).revision}
        async with store.watch_tree("", known=known) as events, store.watch("a") as single:
            assert isinstance((await take_events(events, 1))[0], Started)
            assert isinstance((await take_events(single, 1))[0], Started)
            own_redis.cli("FLUSHDB")
            for watch in (events, single):
                resync, deleted = await take_events(watch, 2)
                assert isinstance(resync, Resync)
                assert "flushed" in resync.reason
                assert isinstance(deleted, Deleted)
                assert (deleted.key, deleted.inferred) == ("a", True)


@pytest.mark.parametrize("has_table", [True, False])
async def test_key_that_comes_back_in_a_gap_is_reported(own_redis: RedisServer, *, has_table: bool) -> None:
    """It has the revision that was reported before it was deleted, in an earlier gap."""
    async with FaultProxy(own_redis.port) as proxy, RedisStore(parse(f"redis://{proxy.address}"), Access()) as store:
        known: dict[str, Revision] = {}
        async with store.watch_tree("", known=known if has_table else None) as events:
            await take_events(events, 1)
            own_redis.cli("SET", "a", "1")
            (put,) = await take_changes(events, 1)
            known["a"] = put.revision or ""
            for command, kind in (("DEL", Deleted), ("SET", Put)):
                proxy.reset()
                assert isinstance((await take_events(events, 1))[0], Lost)
                own_redis.cli(command, "a", *(("1",) if command == "SET" else ()))
                own_redis.cli("SET", "b", command)
                proxy.heal()
                changes = {change.key: change for change in await take_changes(events, 2 if has_table else 1)}
                if kind is Deleted:
                    known.pop("a")
                else:
                    changes |= {} if has_table else {each.key: each for each in await take_changes(events, 1)}
                assert "b" in changes
                assert not has_table or isinstance(changes["a"], kind)
                assert kind is Deleted or isinstance(changes["a"], Put)


async def test_keyspace_events_are_used_where_the_url_asks_for_them(own_redis: RedisServer) -> None:
    """A server that is not configured for them is left as it is, and the error names the setting."""
    url = f"redis://{own_redis.address}/0?events=keyspace"
    async with RedisStore(parse(url), Access()) as store:
        with pytest.raises(CallNotSupported, match="notify-keyspace-events"):
            async with store.watch_tree(""):
                pass
        assert own_redis.cli("CONFIG", "GET", "notify-keyspace-events").splitlines()[1:] in ([""], [])
        own_redis.cli("CONFIG", "SET", "notify-keyspace-events", "KA")
        async with store.watch_tree("") as events, store.watch("[a]*") as single:
            await take_events(events, 1)
            await store.put("[a]*", b"1")
            for watch in (events, single):  # before it is deleted: its value is read after the notification
                assert [type(change) for change in await take_changes(watch, 1)] == [Put]
            own_redis.cli("SET", "elsewhere", "1", database=1)
            await store.delete("[a]*")
            for watch in (events, single):
                assert [type(change) for change in await take_changes(watch, 1)] == [Deleted]


# Servers that cannot work


async def test_replica_refuses_writes_and_says_so(own_redis: RedisServer) -> None:
    """The other server of the URL is used instead, if there is one."""
    with RedisServer(name="replica", replica_of=own_redis) as replica:
        async with RedisStore(parse(f"redis://{replica.address}/?timeout=1"), Access()) as store:
            with pytest.raises(NotReachable, match="read-only replica"):
                await store.put("key", b"value")
            assert any("replica" in line for line in (await store.status()).complaints)
        async with RedisStore(parse(f"redis://{replica.address},{own_redis.address}/"), Access()) as store:
            assert (await store.put("key", b"value")).value == b"value"


async def test_full_server_is_no_space(own_redis: RedisServer) -> None:
    """It is read all the same."""
    async with open_redis(own_redis) as store:
        seen = await store.put("key", b"value")
        own_redis.cli("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(NoSpace, match="memory limit"):
            await store.put("key", b"other")
        assert await store.get("key") == seen


# Sentinel


async def test_sentinel_names_the_primary_after_a_failover() -> None:
    """Writes and the watch go on at the new primary; the watch reports the gap."""
    setup = SentinelSetup()
    async with setup:
        url = f"redis://127.0.0.1:1,{setup.sentinel.address}/0/app?sentinel=mymaster&timeout=10"
        async with explorer.open(url) as store:
            first = await store.put("key", b"before")
            await eventually(lambda: setup.replica.value("app:key") == "before", "the replica has it")
            async with store.watch_tree("", known={"key": first.revision}) as events:
                await take_events(events, 1)
                await asyncio.to_thread(setup.primary.kill)
                await asyncio.to_thread(setup.wait_promoted)
                saved = await store.put("key", b"after")
                assert setup.replica.value("app:key") == "after"
                seen: list[Event] = []
                async with asyncio.timeout(WAIT_TIMEOUT):
                    async for event in events:
                        seen.append(event)
                        if isinstance(event, Put) and event.revision == saved.revision:
                            break
                assert [type(event) for event in seen][:2] == [Lost, Resync]
        async with explorer.open(f"redis://{setup.sentinel.address}/") as store:
            with pytest.raises(Forbidden) as raised:
                await store.get("key")
            assert "?sentinel=NAME" in raised.value.hint
        with pytest.raises(ExplorerError, match="no sentinel knows 'other'"):
            async with explorer.open(f"redis://{setup.sentinel.address}/?sentinel=other&timeout=1"):
                pass


# Cluster


@pytest.fixture(params=["?cluster=true", ""], ids=["by option", "detected"])
async def clustered(request: pytest.FixtureRequest, cluster: RedisCluster) -> AsyncIterator[RedisStore]:
    url = f"redis://{cluster.members[0].address}/0/test{request.param}"
    async with RedisStore(parse(url), Access()) as store:
        yield store


async def test_cluster_is_one_store(clustered: RedisStore) -> None:
    """Keys on all primaries are written, listed, watched, locked and deleted together."""
    keys = [f"{number}:x" for number in range(30)]
    async with clustered.watch_tree("") as events:
        await take_events(events, 1)
        for key in keys:
            await clustered.put(key, key.encode())
        assert {change.key for change in await take_changes(events, 30)} == set(keys)
        assert [entry.key for entry in (await clustered.list("")).items] == sorted(keys)
        assert len((await clustered.children("")).items) == 30
        await assert_guarded(clustered)
        async with clustered.lock("{tag}", ttl=30) as lock:
            assert (await lock.put("{tag}:guarded", b"value")).value == b"value"
        status = await clustered.status()
        assert status.facts["cluster"] == "3 primaries"
        assert await clustered.delete_tree("") == 32
        assert (await clustered.list("")).items == ()


@pytest.mark.parametrize(
    ("path", "reason", "hint"),
    [("?cluster=false", "member of a cluster", "?cluster=true"), ("1", "database", "0 only")],
)
async def test_cluster_is_opened_as_one(cluster: RedisCluster, path: str, reason: str, hint: str) -> None:
    """All of it is opened, and it has one database."""

    async def write_to_all() -> None:
        async with open_redis(cluster.members[0], path) as store:
            for number in range(20):
                await store.put(f"{number}", b"1")

    with pytest.raises(InvalidAddress, match=reason) as raised:
        await write_to_all()
    assert hint in raised.value.hint


async def test_cluster_follows_a_slot_that_moves(cluster: RedisCluster) -> None:
    """Reads and writes follow ASK while a slot is moved, and MOVED afterwards."""
    source, target, *_ = cluster.members
    ids = {member: member.cli("CLUSTER", "MYID") for member in cluster.members}
    key = next(f"moving-{number}" for number in range(1000) if _slot(source, f"moving-{number}") < 5000)
    slot = str(_slot(source, key))
    async with RedisStore(parse(f"redis://{cluster.addresses}/?cluster=true"), Access()) as store:
        seen = await store.put(key, b"1")
        target.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        source.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        source.cli("MIGRATE", "127.0.0.1", str(target.port), key, "0", "5000")
        assert await store.get(key) == seen
        saved = await store.atomic_put(key, b"2", seen)
        for member in (target, source):
            member.cli("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
        assert await store.get(key) == saved
        assert isinstance(await store.put(key, b"3"), Entry)
        await store.delete(key)


def _slot(server: RedisServer, key: str) -> int:
    return int(server.cli("CLUSTER", "KEYSLOT", key))
