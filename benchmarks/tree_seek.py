"""Going to one of 1,000,000 siblings in etcd, and to the last of them: a tree that was just opened, beside etcdctl.

What one would type instead is a range that begins at the key, and one in descending order, a page of each. The time of
etcdctl is that of the whole process, as whoever types it waits for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import cast

from _side_by_side import compare, run

import explorer
from explorer.drivers.base import Store
from explorer.drivers.etcd import EtcdStore, messages
from explorer.drivers.etcd.endpoint import TXN
from explorer.session.keytree.tree import Tree
from tests.servers.etcd import EtcdServer
from tests.servers.programs import ETCDCTL, environment
from tests.servers.require import require

SIBLINGS = 1_000_000
AT_ONCE = 2000
SOUGHT = "wide/k0999970"
LAST = f"wide/k{SIBLINGS - 1:07d}"


async def fill(store: EtcdStore) -> None:
    """Write the keys."""
    for start in range(0, SIBLINGS, AT_ONCE):
        keys = (f"wide/k{number:07d}".encode() for number in range(start, start + AT_ONCE))
        puts = [messages.RequestOp(request_put=messages.PutRequest(key=key, value=b"v")) for key in keys]
        await store.connection.call(TXN, messages.TxnRequest(success=puts), within=60)


async def timed(store: Store, go: Callable[[Tree], Awaitable[str]], wanted: str) -> float:
    """Take the time from an open folder to a row of the key."""
    tree = Tree(
        lambda prefix, after, limit: store.children(prefix, after=after, limit=limit),
        lambda prefix, before, after: store.children_before(prefix, before, after=after),
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(tree.run())
        await tree.reveal("wide")
        tree.expand(tree.rows.at(0))
        await tree.idle()
        started = time.perf_counter()
        reached = await go(tree)
        seconds = time.perf_counter() - started
        running.cancel()
    if reached != wanted:
        message = f"came to {reached} instead of {wanted}"
        raise SystemExit(message)
    return seconds


async def go_to_key(tree: Tree) -> str:
    """Go to a key by its name."""
    node = await tree.reveal(SOUGHT)
    return "" if node is None or tree.rows.row_of(node) is None else tree.rows.key(node)


async def go_to_end(tree: Tree) -> str:
    """Go to the last row."""
    tree.load_previous(tree.rows.at(len(tree.rows) - 1))
    await tree.idle()
    return tree.rows.key(tree.rows.at(len(tree.rows) - 1))


def main() -> None:
    """Fill a server and compare."""
    line = require(ETCDCTL["3.5"])
    settings = environment(line) | {"ETCDCTL_API": "3"}
    with EtcdServer("3.5", arguments=("--max-txn-ops", str(AT_ONCE))) as server, asyncio.Runner() as runner:
        store = cast("EtcdStore", explorer.open(f"etcd://{server.address}/"))
        runner.run(store.connect())
        runner.run(fill(store))
        get = [*line, "--endpoints", server.address, "get", "--keys-only", "--limit", "1000"]
        near = [*get, SOUGHT, "wide0"]
        descending = [*get, "--prefix", "--order", "DESCEND", "--sort-by", "KEY", "wide/"]
        print(f"etcd 3.5, {SIBLINGS:,} siblings")
        compare(
            f"go to {SOUGHT}",
            lambda: runner.run(timed(store, go_to_key, SOUGHT)),
            lambda: run(near, settings).seconds,
            against="etcdctl get of a range that begins there",
        )
        compare(
            "go to the last",
            lambda: runner.run(timed(store, go_to_end, LAST)),
            lambda: run(descending, settings).seconds,
            against="etcdctl get --order DESCEND",
        )
        runner.run(store.close())


if __name__ == "__main__":
    main()
