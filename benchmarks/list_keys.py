"""Listing the keys of each store, beside its own tool or its Python client.

    python benchmarks/list_keys.py [consul] [etcd] [etcd2] [redis] [zookeeper]

Each store is an adapter: a function that starts a filled server and yields what to compare.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias
from urllib.request import urlopen

from _side_by_side import HERE, ROUNDS, compare, run
from _writers import create_zookeeper, write_consul, write_etcd, write_etcd2, write_redis
from consul import Consul
from kazoo.client import KazooClient

import explorer
from explorer.drivers.base import Store
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.programs import ETCDCTL, REDIS_CLI, environment
from tests.servers.redis import RedisServer
from tests.servers.require import require
from tests.servers.zookeeper import ZooKeeperServer

Listing: TypeAlias = Callable[[Store], Coroutine[object, object, None]]

PREFIX: Final = "bench"
FIRST_PAGE: Final = 50
PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """A listing by Keyscope on an open store, and the same by `against`."""

    title: str
    ours: Listing
    other: Callable[[], object]
    against: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A filled server, and what to compare on it; `extra` prints what only this store has."""

    title: str
    url: str
    comparisons: Sequence[Comparison]
    rounds: int = ROUNDS
    extra: Callable[[], None] | None = None


def first_children(limit: int) -> Listing:
    """Return a listing of the first children."""

    async def list_children(store: Store) -> None:
        await store.children(PREFIX, limit=limit)

    return list_children


def all_keys(*, values: bool) -> Listing:
    """Return a listing of all keys below the prefix, as a stream."""

    async def walk(store: Store) -> None:
        async for _ in store.walk(PREFIX, values=values):
            pass

    return walk


def two_levels(children: int, keys_each: int, value: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the entries of so many children with so many keys each."""
    for child in range(children):
        for key in range(keys_each):
            yield f"{PREFIX}/child{child:04}/key{key:04}", value


@contextmanager
def consul() -> Iterator[Subject]:
    """Consul beside py-consul."""
    with ConsulServer() as server:
        write_consul(server, two_levels(500, 200, b"v" * 100))
        get = partial(Consul(host="127.0.0.1", port=server.port).kv.get, f"{PREFIX}/")
        level = partial(get, keys=True, separator="/")
        yield Subject(
            "Consul, 500 x 200 keys",
            f"consul://{server.address}/",
            [
                Comparison("first 50 children", first_children(50), level, "py-consul, keys with a separator"),
                Comparison("first 500 children", first_children(500), level, "py-consul, keys with a separator"),
                Comparison(
                    "all names",
                    all_keys(values=False),
                    partial(get, keys=True),
                    "py-consul, keys in one answer, without revisions",
                ),
                Comparison(
                    "all entries", all_keys(values=True), partial(get, recurse=True), "py-consul, all in one answer"
                ),
            ],
        )


@contextmanager
def etcd(version: str) -> Iterator[Subject]:
    """Etcd beside `etcdctl get --prefix --keys-only`, whose output is read, as by a program that looks for children.

    The whole listing is measured on an open store, and as a process from start to exit.
    """
    with EtcdServer(version, arguments=("--max-txn-ops", "2000")) as server:
        write_etcd(server, two_levels(1000, 1000, b"v" * 128), 1000)
        url = f"etcd://{server.address}/"
        line = require(ETCDCTL[version])
        command = [
            *line,
            "--endpoints",
            server.address,
            "--command-timeout",
            "60s",
            "get",
            "--prefix",
            "--keys-only",
            f"{PREFIX}/",
        ]
        etcdctl = partial(run, command, environment(line) | {"ETCDCTL_API": "3"})
        whole = partial(run, [sys.executable, str(HERE / "_walk.py"), url, PREFIX])
        against = "etcdctl get --prefix --keys-only"

        def compare_processes() -> None:
            compare(
                "the whole listing, from start to exit",
                lambda: whole().seconds,
                lambda: etcdctl().seconds,
                against=against,
            )
            compare(
                "memory of the whole listing",
                lambda: whole().peak_bytes,
                lambda: etcdctl().peak_bytes,
                against=against,
                unit="MB",
                scale=1e-6,
            )

        yield Subject(
            f"etcd {version}, 1000 x 1000 keys",
            url,
            [
                Comparison("first 50 children", first_children(50), etcdctl, against),
                Comparison("first 1000 children", first_children(1000), etcdctl, against),
                Comparison("the whole listing", all_keys(values=False), etcdctl, against),
            ],
            extra=compare_processes,
        )


@contextmanager
def etcd2() -> Iterator[Subject]:
    """Etcd's v2 API beside plain requests: it has no pages and no listing without values."""
    with EtcdServer("3.4", v2=True) as server:
        write_etcd2(server, two_levels(500, 200, b"v" * 100))

        def get(options: str = "") -> None:
            with urlopen(f"http://{server.address}/v2/keys/{PREFIX}{options}") as answer:
                json.load(answer)

        yield Subject(
            "etcd's v2 API, 500 x 200 keys",
            f"etcd2://{server.address}/",
            [
                Comparison("first 50 children", first_children(50), get, "the level in one answer"),
                Comparison("first 500 children", first_children(500), get, "the level in one answer"),
                Comparison(
                    "the whole listing",
                    all_keys(values=True),
                    partial(get, "?recursive=true"),
                    "all in one answer",
                ),
            ],
        )


@contextmanager
def redis() -> Iterator[Subject]:
    """Redis beside `redis-cli --scan`, whose output is read; it knows no levels and reads no values."""
    with RedisServer() as server:
        write_redis(server, two_levels(500, 200, b"v" * 100))
        line = require(REDIS_CLI)
        command = [*line, "-p", f"{server.port}", "--scan", "--pattern", f"{PREFIX}/*"]
        scan, against = partial(run, command, environment(line)), "redis-cli --scan"
        yield Subject(
            "Redis, 500 x 200 keys",
            f"redis://{server.address}/?separator=/",
            [
                Comparison("first 50 children", first_children(50), scan, against),
                Comparison("all names with their revisions", all_keys(values=False), scan, against),
                Comparison("all entries", all_keys(values=True), scan, against),
            ],
        )


@contextmanager
def zookeeper() -> Iterator[Subject]:
    """ZooKeeper beside kazoo, which asks for each child whether it has children; names come in one answer."""
    count = 100_000
    with ZooKeeperServer() as server:
        client = KazooClient(server.address)
        client.start()
        client.create(f"/{PREFIX}", b"")
        create_zookeeper(client, ((f"{PREFIX}/child{number:06}", b"v" * 20) for number in range(count)))

        async def last_children(store: Store) -> None:
            page = await store.children(PREFIX, after=f"{PREFIX}/child{count - FIRST_PAGE - 1:06}", limit=FIRST_PAGE)
            _require(len(page.items), FIRST_PAGE)

        async def all_children(store: Store) -> None:
            page = await store.children(PREFIX, limit=PAGE)
            found = len(page.items)
            while page.next is not None:
                page = await store.children(PREFIX, after=page.next, limit=PAGE)
                found += len(page.items)
            _require(found, count)

        def kazoo(limit: int) -> None:
            names = sorted(client.get_children(f"/{PREFIX}"))[:limit]
            for start in range(0, len(names), PAGE):
                for answer in [client.exists_async(f"/{PREFIX}/{name}") for name in names[start : start + PAGE]]:
                    answer.get()

        first, everything = partial(kazoo, FIRST_PAGE), partial(kazoo, count)
        yield Subject(
            f"ZooKeeper, {count:,} children of one node",
            f"zk://{server.address}/",
            [
                Comparison("first 50 children", first_children(FIRST_PAGE), first, "kazoo"),
                Comparison("the last 50 children", last_children, first, "kazoo"),
                Comparison("all children", all_children, everything, "kazoo"),
                Comparison("the whole listing", all_keys(values=False), everything, "kazoo"),
            ],
            rounds=3,
        )
        client.stop()
        client.close()


def _require(found: int, expected: int) -> None:
    if found != expected:
        raise SystemExit(f"{found} children of {expected}")


SUBJECTS: Final[dict[str, Sequence[Callable[[], AbstractContextManager[Subject]]]]] = {
    "consul": [consul],
    "etcd": [partial(etcd, version) for version in ETCDCTL],
    "etcd2": [etcd2],
    "redis": [redis],
    "zookeeper": [zookeeper],
}


def measure(subject: Subject) -> None:
    """Compare on an open store."""
    print(f"{subject.title}, {subject.rounds} rounds")
    with asyncio.Runner() as runner:
        store = explorer.open(subject.url)
        runner.run(store.connect())
        for one in subject.comparisons:
            compare(
                one.title,
                partial(_seconds, lambda one=one: runner.run(one.ours(store))),  # type: ignore[misc]  # bound by its default
                partial(_seconds, one.other),
                against=one.against,
                rounds=subject.rounds,
            )
        if subject.extra:
            subject.extra()
        runner.run(store.close())


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def main() -> None:
    """Measure the stores that the command line names, or all."""
    for name in sys.argv[1:] or SUBJECTS:
        for subject in SUBJECTS[name]:
            with subject() as ready:
                measure(ready)


if __name__ == "__main__":
    main()
