"""Time limits on a busy machine: short ones for an open store, and waits that stop with this process."""

import asyncio
from collections.abc import Coroutine
from typing import Final, TypeVar

from explorer.drivers.base import Store
from explorer.drivers.consul import ConsulStore
from explorer.drivers.etcd import EtcdStore
from explorer.drivers.etcd2 import Etcd2Store
from explorer.drivers.redis import RedisStore
from explorer.drivers.zookeeper import ZooKeeperStore

AnyStore = TypeVar("AnyStore", bound=Store)
Result = TypeVar("Result")

WARM_UP_KEY: Final = "beside/warm"
"""The key that is written before the time limit is lowered."""
_TICK: Final = 0.05  # seconds


async def warm_up_and_limit(store: AnyStore, seconds: float) -> AnyStore:
    """Write once to an open store, whose server may have started a moment ago, then `limit_requests`."""
    await store.put(WARM_UP_KEY, b"")
    limit_requests(store, seconds)
    return store


def limit_requests(store: Store, seconds: float) -> None:
    """Allow a request of an open store no more than so many seconds from now on."""
    if not isinstance(store, ConsulStore | EtcdStore | Etcd2Store | RedisStore | ZooKeeperStore):
        raise TypeError(f"{store!r} is no network store")
    store.connection.timeout = seconds
    if isinstance(store, ConsulStore | Etcd2Store):
        store.connection._endpoints.timeout = seconds  # noqa: SLF001 - only tests change it


async def complete_within(work: Coroutine[object, object, Result], seconds: float) -> Result:
    """Return the result of a coroutine that ends within so many seconds, by a clock that stops with this process.

    Raises:
        AssertionError: It did not end in time.
    """
    task = asyncio.create_task(work)
    for _ in range(round(seconds / _TICK)):
        await asyncio.wait((task,), timeout=_TICK)
        if task.done():
            return task.result()
    task.cancel()
    await asyncio.wait((task,))
    message = f"not done within {seconds:.1f} s"
    raise AssertionError(message)
