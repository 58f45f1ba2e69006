"""Children of a root with 100,000 keys in Consul, and all of its names, beside py-consul."""

import asyncio
import base64
import time
from collections.abc import Callable, Coroutine

from _side_by_side import ROUNDS, compare
from consul import Consul

import explorer
from explorer.drivers.base import Store
from tests.servers.consul import ConsulServer

CHILDREN, KEYS_EACH = 500, 200
VALUE = base64.b64encode(b"v" * 100).decode()
PREFIX = "bench"
_MOST = 64
"""Operations that Consul takes in a transaction."""


def fill(server: ConsulServer) -> None:
    """Write the keys."""
    keys = [f"{PREFIX}/child{child:03}/key{key:03}" for child in range(CHILDREN) for key in range(KEYS_EACH)]
    for start in range(0, len(keys), _MOST):
        part = keys[start : start + _MOST]
        server.json("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": key, "Value": VALUE}} for key in part])


def timed(act: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


async def _children(store: Store, limit: int) -> None:
    await store.children(PREFIX, limit=limit)


async def _walk(store: Store, *, values: bool) -> None:
    async for _ in store.walk(PREFIX, values=values):
        pass


def main() -> None:
    """Measure, on an open store."""
    with ConsulServer() as server, asyncio.Runner() as runner:
        fill(server)
        store = explorer.open(f"consul://{server.address}/")
        runner.run(store.connect())
        client = Consul(host="127.0.0.1", port=server.port)

        def ours(act: Callable[[], Coroutine[object, object, None]]) -> Callable[[], float]:
            return lambda: timed(lambda: runner.run(act()))

        print(f"Consul, {CHILDREN} x {KEYS_EACH} keys")
        for limit in (50, CHILDREN):
            compare(
                f"first {limit} children",
                ours(lambda limit=limit: _children(store, limit)),  # type: ignore[misc]  # bound by its default
                lambda: timed(lambda: client.kv.get(f"{PREFIX}/", keys=True, separator="/")),
                against="py-consul, keys with a separator",
            )
        compare(
            "all names",
            ours(lambda: _walk(store, values=False)),
            lambda: timed(lambda: client.kv.get(f"{PREFIX}/", keys=True)),
            against="py-consul, keys in one answer, without revisions",
            rounds=ROUNDS,
        )
        compare(
            "all entries",
            ours(lambda: _walk(store, values=True)),
            lambda: timed(lambda: client.kv.get(f"{PREFIX}/", recurse=True)),
            against="py-consul, all in one answer",
            rounds=ROUNDS,
        )
        runner.run(store.close())


if __name__ == "__main__":
    main()
