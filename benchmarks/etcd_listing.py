"""Listing 1000 x 1000 keys of etcd, beside `etcdctl get --prefix --keys-only`.

The first 50 children are asked of an open store, as by somebody who opens a folder. The whole listing is told both
ways: asked of an open store, and as a process from start to exit. What etcdctl prints is read, as whoever looks for
the children in it must.
"""

import asyncio
import sys
import time
from typing import cast

from _side_by_side import HERE, Run, compare, run

import explorer
from explorer.drivers.base import Store
from explorer.drivers.etcd import EtcdStore, messages
from explorer.drivers.etcd.endpoint import TXN
from tests.servers.etcd import EtcdServer
from tests.servers.programs import ETCDCTL, environment
from tests.servers.require import require

CHILDREN = 1000
KEYS_EACH = 1000
VALUE = b"v" * 128
PREFIX = "bench"


async def fill(store: EtcdStore) -> None:
    """Write the keys, a child in each transaction."""
    for child in range(CHILDREN):
        keys = (f"{PREFIX}/child{child:04d}/key{key:04d}".encode() for key in range(KEYS_EACH))
        puts = [messages.RequestOp(request_put=messages.PutRequest(key=key, value=VALUE)) for key in keys]
        await store.connection.call(TXN, messages.TxnRequest(success=puts), within=60)


async def children(store: Store, limit: int) -> float:
    """Take the time until the first children are there."""
    started = time.perf_counter()
    await store.children(PREFIX, limit=limit)
    return time.perf_counter() - started


async def walk(store: Store) -> float:
    """Take the time until every key has been seen."""
    started = time.perf_counter()
    async for _ in store.walk(PREFIX, values=False):
        pass
    return time.perf_counter() - started


def measure(version: str, runner: asyncio.Runner, server: EtcdServer) -> None:
    """Compare on one server."""
    url = f"etcd://{server.address}/"
    store = cast("EtcdStore", explorer.open(url))
    runner.run(store.connect())
    runner.run(fill(store))
    line = require(ETCDCTL[version])
    command = [*line, "--endpoints", server.address, "get", "--prefix", "--keys-only", f"{PREFIX}/"]
    settings = environment(line) | {"ETCDCTL_API": "3"}
    whole = [sys.executable, str(HERE / "_walk.py"), url, PREFIX]

    def etcdctl() -> Run:
        return run(command, settings)

    print(f"etcd {version}, {CHILDREN} x {KEYS_EACH} keys")
    against = "etcdctl get --prefix --keys-only"
    for limit in (50, CHILDREN):
        compare(
            f"first {limit} children",
            lambda limit=limit: runner.run(children(store, limit)),  # type: ignore[misc]  # bound by its default
            lambda: etcdctl().seconds,
            against=against,
        )
    compare("the whole listing", lambda: runner.run(walk(store)), lambda: etcdctl().seconds, against=against)
    compare(
        "the whole listing, from start to exit", lambda: run(whole).seconds, lambda: etcdctl().seconds, against=against
    )
    compare(
        "memory of the whole listing",
        lambda: run(whole).peak_bytes,
        lambda: etcdctl().peak_bytes,
        against=against,
        unit="MB",
        scale=1e-6,
    )
    runner.run(store.close())


def main() -> None:
    """Measure on every version of etcd."""
    for version in ETCDCTL:
        with EtcdServer(version, arguments=("--max-txn-ops", "2000")) as server, asyncio.Runner() as runner:
            measure(version, runner, server)


if __name__ == "__main__":
    main()
