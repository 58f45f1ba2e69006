"""Watching each store: one event's latency and 20,000 updates, beside what its users write with its client.

    python benchmarks/watch_events.py [consul] [etcd] [etcd2] [redis] [zookeeper]

Each store is an adapter: a function that starts a server and yields its writer and its rival. The rivals are loops that
read again whenever there is a change; they report no deletion in a gap and no change that they skipped.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import aiohttp
from _etcd_replay import compare_replays, watch_by_stub
from _side_by_side import compare
from _writers import Entries, create_zookeeper, write_consul, write_etcd, write_etcd2, write_redis, write_zookeeper
from consul.aio import Consul
from kazoo.client import KazooClient
from kazoo.protocol.states import WatchedEvent
from redis.asyncio import Redis

import explorer
from explorer.drivers.base import Store
from explorer.model.events import Put
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.redis import RedisServer
from tests.servers.zookeeper import ZooKeeperServer

Values: TypeAlias = AsyncGenerator[bytes, None]
"""The values that keys below a prefix are changed to, behind a first one without a meaning once they are watched."""

UPDATES: Final = 20_000
LATENCY_KEYS: Final = 10
ROUNDS: Final = 3
_ETCD2_CLEARED: Final = 401
"""etcd's code for an index whose changes are no longer kept."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server with keys below "latency" and "updates", a writer, and the rival's watch of a prefix.

    Attributes:
        keys: Keys that the updates are of.
        pause: Seconds between two puts whose latency is measured.
        extra: Prints what only this store has.
    """

    title: str
    url: str
    write: Callable[[Entries], None]
    rival: Callable[[str], Values]
    against: str
    keys: int = 2_000
    latencies: int = 200
    pause: float = 0.0
    extra: Callable[[], None] | None = None

    async def watch(self, prefix: str) -> Values:
        """Watch by Keyscope."""
        async with explorer.open(self.url) as store, store.watch_tree(prefix) as events:
            async for event in events:
                yield event.entry.value or b"" if isinstance(event, Put) else b""

    async def latency(self, watch: Callable[[str], Values]) -> float:
        """Return the median time from a put to its event, in seconds."""
        times: list[float] = []
        async with explorer.open(self.url) as store, aclosing(watch("latency")) as values:
            await anext(values)
            for number in range(self.latencies):
                await asyncio.sleep(self.pause)
                started = time.perf_counter()
                async with asyncio.TaskGroup() as group:
                    group.create_task(_put(store, number))
                    await anext(values)
                    times.append(time.perf_counter() - started)
        return statistics.median(times)

    async def updates(self, watch: Callable[[str], Values], begin: int) -> float:
        """Return the time from the first of many updates to the event of each key's last value, in seconds."""
        async with aclosing(watch("updates")) as values:
            await anext(values)
            started = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.to_thread(self.write, updates(self.keys, begin)))
                await _last_values(values, {b"%d" % number for number in range(begin, begin + UPDATES)[-self.keys :]})
            return time.perf_counter() - started


def updates(keys: int, begin: int, count: int = UPDATES) -> Entries:
    """Return updates of keys in turn; each value is a number, from `begin` on."""
    return ((f"updates/{number % keys:04}", b"%d" % number) for number in range(begin, begin + count))


async def _put(store: Store, number: int) -> None:
    await store.put(f"latency/{number % LATENCY_KEYS}", b"value %d" % number)


async def _last_values(values: AsyncIterator[bytes], missing: set[bytes]) -> None:
    async for value in values:
        missing.discard(value)
        if not missing:
            return


def initial_entries(keys: int) -> Entries:
    """Yield the keys that are there before anything is watched."""
    yield from ((f"latency/{number}", b"") for number in range(LATENCY_KEYS))
    yield from updates(keys, 0, keys)


@contextmanager
def consul() -> Iterator[Subject]:
    """Consul beside a loop of py-consul's blocking queries, each of which reads the whole prefix."""

    async def blocking_queries(prefix: str) -> Values:
        client = Consul(host="127.0.0.1", port=server.port)
        try:
            index, _ = await client.kv.get(f"{prefix}/", recurse=True)
            seen = int(index)
            yield b""
            while True:
                index, found = await client.kv.get(f"{prefix}/", recurse=True, index=index, wait="60s")
                for one in found or []:
                    if one["ModifyIndex"] > seen:
                        yield one["Value"] or b""
                seen = int(index)
        finally:
            await client.close()

    with ConsulServer() as server:
        write = partial(write_consul, server)
        write(initial_entries(2_000))
        # Ours asks at most four times a second while there is always a change.
        yield Subject(
            "Consul",
            f"consul://{server.address}/",
            write,
            blocking_queries,
            "a loop with py-consul",
            latencies=15,
            pause=0.6,
        )


@contextmanager
def etcd() -> Iterator[Subject]:
    """Measure the newest etcd beside a bare grpc.aio stub, and replays beside `etcdctl watch`."""
    with EtcdServer("3.5") as server:
        write = partial(write_etcd, server)
        write(initial_entries(2_000))
        yield Subject(
            "etcd 3.5",
            f"etcd://{server.address}/",
            write,
            partial(watch_by_stub, server.address),
            "a bare grpc.aio stub",
            extra=partial(compare_replays, server),
        )


@contextmanager
def etcd2() -> Iterator[Subject]:
    """Etcd's v2 API beside a loop of long polls with aiohttp, which reads all when the index is cleared."""

    async def long_polls(prefix: str) -> Values:
        url = f"http://{server.address}/v2/keys/{prefix}?recursive=true"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as client:
            async with client.get(url) as answer:
                index = int(answer.headers["X-Etcd-Index"])
            yield b""
            while True:
                async with client.get(f"{url}&wait=true&waitIndex={index + 1}") as answer:
                    found = await answer.json()
                if found.get("errorCode") == _ETCD2_CLEARED:
                    async with client.get(url) as answer:
                        index = int(answer.headers["X-Etcd-Index"])
                        for node in (await answer.json())["node"]["nodes"]:
                            yield node["value"].encode()
                    continue
                index = found["node"]["modifiedIndex"]
                yield found["node"].get("value", "").encode()

    with EtcdServer("3.4", v2=True) as server:
        write = partial(write_etcd2, server)
        write(initial_entries(2_000))
        yield Subject(
            "etcd's v2 API",
            f"etcd2://{server.address}/",
            write,
            long_polls,
            "a loop of long polls",
            latencies=30,
            pause=0.05,
        )


@contextmanager
def redis() -> Iterator[Subject]:
    """Redis beside redis-py's keyspace notifications, which the server is configured for, and a GET for each."""

    async def notifications(prefix: str) -> Values:
        start = f"__keyspace@0__:{prefix}/"
        async with Redis(port=server.port) as client, client.pubsub() as channel:
            await channel.psubscribe(f"{start}*")
            await channel.get_message(timeout=None)
            yield b""
            async for message in channel.listen():
                value = await client.get(message["channel"].decode().removeprefix("__keyspace@0__:"))
                yield value if isinstance(value, bytes) else b""

    with RedisServer(arguments=("--notify-keyspace-events", "KA")) as server:
        write = partial(write_redis, server)
        write(initial_entries(2_000))
        yield Subject(
            "Redis",
            f"redis://{server.address}/?separator=/",
            write,
            notifications,
            "redis-py, keyspace notifications and a GET for each",
        )


@contextmanager
def zookeeper() -> Iterator[Subject]:
    """ZooKeeper beside kazoo, which reads and watches each node again after each change, as its DataWatch does."""

    async def data_watches(prefix: str) -> Values:
        loop, values = asyncio.get_running_loop(), asyncio.Queue[bytes]()
        client = KazooClient(server.address)
        await asyncio.to_thread(client.start)

        def on_change(event: WatchedEvent) -> None:
            value, _ = client.get(event.path, watch=on_change)
            loop.call_soon_threadsafe(values.put_nowait, value)

        def watch_all() -> None:
            for name in client.get_children(f"/{prefix}"):
                client.get(f"/{prefix}/{name}", watch=on_change)

        try:
            await asyncio.to_thread(watch_all)
            yield b""
            while True:
                yield await values.get()
        finally:
            await asyncio.to_thread(client.stop)
            client.close()

    with ZooKeeperServer() as server:
        writer = KazooClient(server.address)
        writer.start()
        for parent in ("latency", "updates"):
            writer.create(f"/{parent}", b"")
        create_zookeeper(writer, initial_entries(100))
        yield Subject(
            "ZooKeeper",
            f"zk://{server.address}/",
            partial(write_zookeeper, writer),
            data_watches,
            "kazoo",
            keys=100,
        )
        writer.stop()
        writer.close()


SUBJECTS: Final = {"consul": consul, "etcd": etcd, "etcd2": etcd2, "redis": redis, "zookeeper": zookeeper}


def measure(subject: Subject) -> None:
    """Compare both watches."""
    print(f"{subject.title}, {ROUNDS} rounds")
    begins = iter(range(UPDATES, 10**9, UPDATES))
    compare(
        "put to event, idle, median",
        lambda: asyncio.run(subject.latency(subject.watch)),
        lambda: asyncio.run(subject.latency(subject.rival)),
        against=subject.against,
        rounds=ROUNDS,
    )
    compare(
        f"{UPDATES:,} updates of {subject.keys:,} keys until the last value of each is reported",
        lambda: asyncio.run(subject.updates(subject.watch, next(begins))),
        lambda: asyncio.run(subject.updates(subject.rival, next(begins))),
        against=subject.against,
        rounds=ROUNDS,
    )
    if subject.extra:
        subject.extra()


def main() -> None:
    """Measure the stores that the command line names, or all."""
    for name in sys.argv[1:] or SUBJECTS:
        with SUBJECTS[name]() as subject:
            measure(subject)


if __name__ == "__main__":
    main()
