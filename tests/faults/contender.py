"""A contender for a lock, run as a process so that it can be killed and stopped.

It acquires the lock again and again; a line on its standard input makes it release the lock. It prints each event as
one JSON object a line. While it holds the lock it writes its fence into the guarded key. All times are of
CLOCK_BOOTTIME, which the processes of a machine share.
"""

import asyncio
import json
import sys
from contextlib import suppress

from explorer.drivers.etcd import EtcdStore
from explorer.drivers.lock import Lock
from explorer.model.address import Access, parse
from explorer.model.clock import boottime
from explorer.model.errors import CannotLock, ExplorerError, LockLost
from tests.scale import PATIENCE

GUARDED = "guarded"
LIMIT = 2.0
"""Seconds that a request may take once the store is open."""


def emit(event: str, **facts: object) -> None:
    sys.stdout.write(f"{json.dumps({'event': event, 'at': boottime(), **facts})}\n")
    sys.stdout.flush()


async def time_of_loss(lock: Lock) -> float:
    """Return the time at which the lock is reported as lost."""
    await lock.lost.wait()
    return boottime()


async def hold_lock(lock: Lock, store: EtcdStore, release_requested: asyncio.Event) -> None:
    """Acquire the lock and write under it until it is lost or to be released; then try one more write."""
    await lock.acquire()
    since, until, writes, fence = boottime(), 0.0, 0, lock.fence
    found = await store.locks("lock")
    if not found:  # this process stood still for so long that the lock ended
        await lock.release()
        return
    (info,) = found
    loss = asyncio.create_task(time_of_loss(lock))
    emit("acquired", since=since, fence=fence, lease=info.holder.session if info.holder else None)
    while not release_requested.is_set():
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
            emit("wrote")
    if release_requested.is_set():
        await lock.release()
    else:
        await loss
    held = lock.held
    refused, lost_at = False, loss.result() if loss.done() else None
    loss.cancel()
    try:
        await lock.put(GUARDED, f"{fence}".encode())
    except LockLost:
        refused = True
    emit("ended", since=since, until=until, lost_at=lost_at, held=held, refused=refused, lost=lock.lost.is_set())
    with suppress(ExplorerError):  # the lease is gone, or no server is reachable
        await lock.release()


async def main(address: str, ttl: float) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    release_requested = asyncio.Event()

    async def contend(store: EtcdStore) -> None:
        while True:
            lock = store.lock("lock", ttl=ttl)
            try:
                await hold_lock(lock, store, release_requested)
            except CannotLock:
                continue  # the place in the queue was lost
            except ExplorerError as error:
                emit("trouble", error=str(error))
                with suppress(ExplorerError):
                    await lock.release()
                await asyncio.sleep(0.1)
            finally:
                release_requested.clear()

    async with EtcdStore(parse(address), Access(timeout=PATIENCE)) as store, asyncio.TaskGroup() as group:
        store.connection.timeout = LIMIT
        contending = group.create_task(contend(store))
        while await reader.readline():
            release_requested.set()
        contending.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
