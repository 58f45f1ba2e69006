"""A workload of writes to etcd: transactions of one to four keys, leases that expire, deletions and re-creations."""

import asyncio
import random
import time
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import grpc
from grpc.aio import AioRpcError

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import LEASE_GRANT, LEASE_REVOKE
from tests.faults.etcd_stub import EtcdStub, delete, put
from tests.scale import PATIENCE
from tests.servers.waiting import eventually

ROOT: Final = "work/"
"""The prefix that the watcher watches; some of the writes are beside it."""
END: Final = "end"
"""The key below ROOT that is written last."""

_KEYS: Final = tuple(f"{ROOT}{group}/{number}" for group in "abcdef" for number in range(10))
_BESIDE: Final = tuple(f"{beside}/{number}" for beside in ("word", "worl", "wor") for number in range(4))
_PAUSE: Final = 0.004  # seconds between two writes of one writer: a rate, so that a history stays readable
_LEASE: Final = 2  # seconds
_STALLED: Final = 0.5  # seconds that only a write during a fault takes
_WITHIN: Final = 2.0  # seconds for one request


class Workload:
    """Tasks that write to one of the addresses until the block is left; a failed write is tried at another.

    A writer keeps no record of its writes: the store's history has them.
    """

    def __init__(self, *addresses: str, seed: int, writers: int = 3) -> None:
        self.addresses = list(addresses)
        self._random = random.Random(seed)
        self._writers = writers
        self._tasks: list[asyncio.Task[None]] = []
        self._running = asyncio.Event()
        self._running.set()
        self.writes = 0
        self._working = 0.0
        self._paused = 0
        self._leases: list[int] = []

    @property
    def rate(self) -> float:
        """Confirmed writes per second, not counting the time that faults took."""
        return self.writes * self._writers / self._working if self._working else 0.0

    async def __aenter__(self) -> Self:
        seeds = [self._random.getrandbits(32) for _ in range(self._writers)]
        self._tasks = [asyncio.create_task(self._write(random.Random(seed))) for seed in seeds]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        broken = [end for end in ends if isinstance(end, Exception)]
        if broken and error is None:
            raise broken[0]

    async def pause(self) -> None:
        """Let every writer finish its write, and write nothing until `resume`."""
        self._running.clear()
        await eventually(lambda: self._paused == self._writers, "all writers pause", PATIENCE)

    def resume(self) -> None:
        """Continue to write."""
        self._running.set()

    async def end_leases(self) -> None:
        """Revoke all leases, so that their keys are deleted now and not when they expire."""
        async with EtcdStub(self.addresses[0]) as client:
            for lease in self._leases:
                with suppress(AioRpcError):  # most have ended
                    await client.ask(LEASE_REVOKE, messages.LeaseRevokeRequest(ID=lease), PATIENCE)

    async def reach(self, writes: int) -> None:
        """Wait until so many writes are confirmed."""
        await eventually(lambda: self.writes >= writes, f"{writes} writes are confirmed", PATIENCE)

    async def _write(self, choice: random.Random) -> None:
        number, lease = 0, 0
        while True:
            address = choice.choice(self.addresses)
            async with EtcdStub(address) as client:
                try:
                    while True:
                        self._paused += 1
                        await self._running.wait()
                        self._paused -= 1
                        begun = time.monotonic()
                        number += 1
                        if number % 50 == 1:
                            lease = choice.getrandbits(40)
                            self._leases.append(lease)
                            await client.ask(LEASE_GRANT, messages.LeaseGrantRequest(ID=lease, TTL=_LEASE), _WITHIN)
                        await client.commit(_operations(choice, lease), _WITHIN)
                        self.writes += 1
                        await asyncio.sleep(_PAUSE)
                        if (took := time.monotonic() - begun) < _STALLED:
                            self._working += took
                except AioRpcError as error:
                    if error.code() is grpc.StatusCode.NOT_FOUND:  # the lease has ended
                        number = 0
                    else:
                        await asyncio.sleep(0.1)


def _operations(choice: random.Random, lease: int) -> list[messages.RequestOp]:
    keys = choice.sample(_KEYS, choice.choice((1, 1, 2, 3, 4)))
    if choice.random() < 0.1:
        keys[0] = choice.choice(_BESIDE)
    operations = []
    for key in keys:
        match choice.random():
            case chance if chance < 0.25:
                operations.append(delete(key))
            case chance:
                value = choice.randbytes(choice.choice((0, 8, 40)))
                operations.append(put(key, value, lease=lease if chance < 0.4 else 0))
    return operations
