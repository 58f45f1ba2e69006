"""Children of a directory with 100,000 keys below it in etcd's v2 API, and all of them, beside plain requests.

The API has no pages and no listing without values: a level is one answer, and so is all that is below.
"""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from urllib.request import urlopen

from _etcd2 import write
from _side_by_side import ROUNDS, compare

import explorer
from explorer.drivers.base import Store
from tests.servers.etcd import EtcdServer

CHILDREN, KEYS_EACH = 500, 200
VALUE = "v" * 100
PREFIX = "bench"


def timed(act: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


async def _children(store: Store, limit: int) -> None:
    await store.children(PREFIX, limit=limit)


async def _walk(store: Store) -> None:
    async for _ in store.walk(PREFIX):
        pass


def main() -> None:
    """Measure, on an open store."""
    with EtcdServer("3.4", v2=True) as server, asyncio.Runner() as runner:
        keys = (f"{PREFIX}/child{child:03}/key{key:03}" for child in range(CHILDREN) for key in range(KEYS_EACH))
        write(server, ((key, VALUE) for key in keys))
        store = explorer.open(f"etcd2://{server.address}/")
        runner.run(store.connect())

        def ours(act: Callable[[], Coroutine[object, object, None]]) -> Callable[[], float]:
            return lambda: timed(lambda: runner.run(act()))

        def plain(options: str = "") -> float:
            def ask() -> None:
                with urlopen(f"http://{server.address}/v2/keys/{PREFIX}{options}") as answer:
                    json.load(answer)

            return timed(ask)

        print(f"etcd's v2 API, {CHILDREN} x {KEYS_EACH} keys")
        for limit in (50, CHILDREN):
            compare(
                f"first {limit} children",
                ours(lambda limit=limit: _children(store, limit)),  # type: ignore[misc]  # bound by its default
                plain,
                against="the level in one answer",
            )
        compare(
            "the whole listing",
            ours(lambda: _walk(store)),
            lambda: plain("?recursive=true"),
            against="all in one answer",
            rounds=ROUNDS,
        )
        runner.run(store.close())


if __name__ == "__main__":
    main()
