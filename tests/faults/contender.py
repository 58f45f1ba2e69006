"""One contender for a lock, run as a process of its own so that it can be killed and stopped.

It contends again and again; a line on its standard input makes it leave the lock. What it lives through it tells as one
JSON object a line. While it holds the lock it writes its fence into the guarded key, again and again. All times are of
the clock that the processes of a machine share.
"""

import asyncio
import json
import sys
from contextlib import suppress

from explorer.drivers.base import Lock
from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, parse
from explorer.model.clock import boottime
from explorer.model.errors import CannotLock, ExplorerError, LockLost
from tests.scale import PATIENCE

GUARDED = "guarded"
LIMIT = 2.0
"""Seconds that a request may take once the store is open."""


def tell(event: str, **facts: object) -> None:
    sys.stdout.write(f"{json.dumps({'event': event, 'at': boottime(), **facts})}\n")
    sys.stdout.flush()


async def loss(lock: Lock) -> float:
    """Wait until the lock is told to be lost, and give the time."""
    await lock.lost.wait()
    return boottime()


async def hold(lock: Lock, store: EtcdStore, leave: asyncio.Event) -> None:
    """Obtain the lock and work under it until it is lost or to be left; then try one write too many."""
    await lock.acquire()
    since, until, writes, fence = boottime(), 0.0, 0, lock.fence
    found = await store.locks("lock")
    if not found:  # this process stood still for so long that the lock ended
        await lock.release()
        return
    (info,) = found
    noticing = asyncio.create_task(loss(lock))
    tell("acquired", since=since, fence=fence, lease=info.holder.session if info.holder else None)
    while not leave.is_set():
        now = boottime()
        if not lock.held:
            break
        until = now
        try:
            await lock.put(GUARDED, f"{fence}".encode())
        except LockLost:
            break
        except ExplorerError:
            await asyncio.sleep(0.02)  # cut off: the lock will be lost
            continue
        writes += 1
        if writes == 1:
            tell("wrote")
    if leave.is_set():
        await lock.release()
    else:
        await noticing
    held = lock.held
    refused, lost_at = False, noticing.result() if noticing.done() else None
    noticing.cancel()
    try:
        await lock.put(GUARDED, f"{fence}".encode())
    except LockLost:
        refused = True
    tell("ended", since=since, until=until, lost_at=lost_at, held=held, refused=refused, lost=lock.lost.is_set())
    with suppress(ExplorerError):  # the lease is gone, or nobody can be reached
        await lock.release()


async def main(address: str, ttl: float) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    leave = asyncio.Event()

    async def contend(store: EtcdStore) -> None:
        while True:
            lock = store.lock("lock", ttl=ttl)
            try:
                await hold(lock, store, leave)
            except CannotLock:
                continue  # the place in the queue was lost
            except ExplorerError as error:
                tell("trouble", error=str(error))
                with suppress(ExplorerError):
                    await lock.release()
                await asyncio.sleep(0.1)
            finally:
                leave.clear()

    async with EtcdStore(parse(address), Access(timeout=PATIENCE)) as store, asyncio.TaskGroup() as group:
        store.connection.timeout = LIMIT
        contending = group.create_task(contend(store))
        while await reader.readline():
            leave.set()
        contending.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
