"""The state machine of a lock, in states that only a fake can stop at."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from explorer.drivers.common.connected_store import LockOptions
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.tasks import Tasks
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.errors import CannotLock, KeyNotFound, LockLost
from tests.contract.fixtures import WAIT_TIMEOUT


class NoConnection:
    redacted = "fake:"
    timeout = 5.0

    async def close(self) -> None:
        return


class StoppingLock(LeaseLock[NoConnection]):
    """A free lock that is acquired once `may_take` is set; its lease ends with `ended`."""

    lease_noun = "lease"

    def __init__(self, tasks: Tasks, ttl: float) -> None:
        super().__init__(LockOptions("key", b"", ttl, delete_on_unlock=False), tasks, NoConnection())
        self.taking, self.may_take = asyncio.Event(), asyncio.Event()
        self.ended = False

    async def _enqueue(self) -> None:
        self._start_keepalive(boottime(), self._options.ttl)

    async def _try_acquire(self) -> bool:
        return True

    async def _wait_turn(self) -> None:
        await asyncio.Event().wait()

    async def _confirm(self) -> bool:
        self.taking.set()
        await self.may_take.wait()
        return True

    async def _renew(self, left: float) -> float:
        del left
        if self.ended:
            raise KeyNotFound("the lease has ended")
        return self._options.ttl

    async def _write(self, key: str, value: bytes) -> Entry | None:
        return Entry(key, value, 1)

    async def _unlock(self) -> None:
        return

    async def _end_session(self) -> None:
        self.ended = True


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.close()


async def test_lock_released_while_acquiring_is_not_held(tasks: Tasks) -> None:
    """A release during the acquisition wins."""
    lock = StoppingLock(tasks, ttl=60)
    acquiring = asyncio.create_task(lock.acquire())
    await lock.taking.wait()
    await lock.release()
    lock.may_take.set()
    with pytest.raises(CannotLock):
        await acquiring
    assert not lock.held
    with pytest.raises(LockLost):
        await lock.put("key", b"")


async def test_lock_with_an_ended_lease_is_lost_and_can_be_reacquired(tasks: Tasks) -> None:
    """A lock whose lease has ended is lost at the next renewal, and can be acquired again."""
    lock = StoppingLock(tasks, ttl=3)
    lock.may_take.set()
    await lock.acquire()
    assert (lock.held, lock.lost.is_set()) == (True, False)
    lock.ended = True
    async with asyncio.timeout(WAIT_TIMEOUT):
        await lock.lost.wait()
    assert (lock.held, lock.lost.is_set()) == (False, True)
    await lock.release()
    lock.ended = False
    await lock.acquire()
    assert lock.held
    await lock.release()
    assert len(tasks) == 0
