"""Time limits on a busy machine: short ones for an open store, and such as do not count what the machine takes."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from explorer.drivers.consul import ConsulStore
from explorer.drivers.etcd import EtcdStore
from explorer.drivers.etcd2 import Etcd2Store
from explorer.drivers.zookeeper import ZooKeeperStore

Hurried = TypeVar("Hurried", bound=ConsulStore | EtcdStore | Etcd2Store | ZooKeeperStore)
Answer = TypeVar("Answer")

WARM = "beside/warm"
"""The key that is written before there is any hurry."""
_TICK = 0.05  # seconds


async def hurried(store: Hurried, seconds: float) -> Hurried:
    """Write once on an open store, whose server may have started a moment ago, and `hurry` from then on."""
    await store.put(WARM, b"")
    hurry(store, seconds)
    return store


def hurry(store: ConsulStore | EtcdStore | Etcd2Store | ZooKeeperStore, seconds: float) -> None:
    """Allow a request on an open store no more than so many seconds from now on."""
    store.connection.timeout = seconds
    if isinstance(store, ConsulStore | Etcd2Store):
        store.connection._endpoints.timeout = seconds  # noqa: SLF001 - only tests change it


async def in_time(work: Coroutine[object, object, Answer], seconds: float) -> Answer:
    """Have something done within so many seconds, by a clock that stands still while this process does."""
    task = asyncio.create_task(work)
    for _ in range(round(seconds / _TICK)):
        await asyncio.wait((task,), timeout=_TICK)
        if task.done():
            return task.result()
    task.cancel()
    await asyncio.wait((task,))
    message = f"not done within {seconds:.1f} s"
    raise AssertionError(message)
