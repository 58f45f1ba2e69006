"""Writers that keep a store moving: transactions of one to four keys, leases that end, deletions and re-creations."""

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
from tests.faults.etcd_stub import PlainClient, delete, put
from tests.scale import PATIENCE
from tests.servers.waiting import eventually

ROOT: Final = "work/"
"""What the watcher of a lane watches; some of the traffic is beside it."""
END: Final = "end"
"""The key below ROOT whose writing says that the traffic is over."""

_KEYS: Final = tuple(f"{ROOT}{group}/{number}" for group in "abcdef" for number in range(10))
_BESIDE: Final = tuple(f"{beside}/{number}" for beside in ("word", "worl", "wor") for number in range(4))
_PAUSE: Final = 0.004  # seconds between two writes of one writer: a rate, so that a lane's history stays readable
_LEASE: Final = 2  # seconds
_STALLED: Final = 0.5  # seconds of one write from which on a fault had it waiting
_WITHIN: Final = 2.0  # seconds for one request


class Traffic:
    """`writers` tasks that write to one of the addresses until the block is left; what fails is tried elsewhere.

    A writer knows nothing of what it wrote: what happened is in the store's history.
    """

    def __init__(self, *addresses: str, seed: int, writers: int = 3) -> None:
        self.addresses = list(addresses)
        self._random = random.Random(seed)
        self._writers = writers
        self._tasks: list[asyncio.Task[None]] = []
        self._going = asyncio.Event()
        self._going.set()
        self.writes = 0
        self._working = 0.0
        self._resting = 0
        self._leases: list[int] = []

    @property
    def rate(self) -> float:
        """Confirmed writes per second of the time in which no fault had them waiting."""
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

    async def rest(self) -> None:
        """Let every writer finish what it is at, and write nothing until `go_on`."""
        self._going.clear()
        await eventually(lambda: self._resting == self._writers, "all writers rest", PATIENCE)

    def go_on(self) -> None:
        """Write again."""
        self._going.set()

    async def end_leases(self) -> None:
        """Delete now what would be deleted later, when the last leases end."""
        async with PlainClient(self.addresses[0]) as client:
            for lease in self._leases:
                with suppress(AioRpcError):  # most have ended
                    await client.ask(LEASE_REVOKE, messages.LeaseRevokeRequest(ID=lease), PATIENCE)

    async def reach(self, writes: int) -> None:
        """Wait until so many writes are confirmed; a busy machine takes longer over them."""
        await eventually(lambda: self.writes >= writes, f"{writes} writes are confirmed", PATIENCE)

    async def _write(self, choice: random.Random) -> None:
        number, lease = 0, 0
        while True:
            address = choice.choice(self.addresses)
            async with PlainClient(address) as client:
                try:
                    while True:
                        self._resting += 1
                        await self._going.wait()
                        self._resting -= 1
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
