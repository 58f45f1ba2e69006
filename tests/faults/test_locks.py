"""Lock takeovers after faults of the holder: the next contender gets the lock, and the old holder is fenced off.

Contenders are processes (`tests.faults.contender`). At the end the store's history is checked.
"""

import asyncio
import json
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import pytest

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import LEASE_REVOKE
from explorer.model.clock import boottime
from tests.cli.run_command import CHECKOUT, environment
from tests.faults.contender import GUARDED
from tests.faults.etcd_stub import EtcdStub, delete
from tests.scale import PATIENCE, figure, seed
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import etcd_version
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

__all__ = ["etcd_version"]

pytestmark = [pytest.mark.faults, pytest.mark.servers]

TTL = 4.0
"""Seconds; long enough for a holder whose process is stopped for a moment."""
LOCKS = 4
TAKEOVERS = {"pause": 2, "kill": 1, "hang": 1, "revoke": 6, "remove": 6, "release": 10}
"""Number of each fault of the holder, per lock and version: 208 in all, ten times as many in the long form."""


class Contender:
    """A process that contends for the lock, and the proxy between it and the server."""

    def __init__(self, server: EtcdServer, root: str) -> None:
        self.proxy = FaultProxy(server.client_port)
        self.log: list[dict[str, Any]] = []
        self._root = root
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process
        return self._process

    async def start(self) -> None:
        line = (sys.executable, "-m", "tests.faults.contender", f"etcd://{self.proxy.address}/{self._root}", f"{TTL}")
        self._process = await asyncio.create_subprocess_exec(
            *line,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=CHECKOUT,
            env=environment(),
        )

    async def next(self, event: str) -> dict[str, Any]:
        """Return the next event of this name; earlier ones are only logged."""
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            entry: dict[str, Any] = json.loads(line)
            self.log.append(entry)
            if entry["event"] == event:
                return entry
        message = f"the contender ended before it {event}"
        raise AssertionError(message)

    def request_release(self) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"request_release\n")

    async def kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def __aenter__(self) -> Self:
        await self.proxy.__aenter__()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        await self.proxy.__aexit__()


@dataclass(slots=True)
class LockRun:
    """One lock, its contenders, and the takeovers between them."""

    root: str
    server: EtcdServer
    contenders: Sequence[Contender]
    turns: dict[Contender, asyncio.Task[dict[str, Any]]] = field(default_factory=dict)
    intervals: list[tuple[float, float]] = field(default_factory=list)
    """Start and end of each time for which a holder reported that it held the lock."""
    done: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    """Longest time that a disconnected holder took the lock to be held, in seconds."""
    loss_delay: float = 0.0
    """Longest time until a loss was reported to the holder, in seconds."""

    async def run(self, faults: Sequence[str]) -> None:
        for contender in self.contenders:
            self._expect(contender)
        try:
            await self._run(faults)
        finally:
            for turn in self.turns.values():
                turn.cancel()
            await asyncio.gather(*self.turns.values(), return_exceptions=True)

    async def _run(self, faults: Sequence[str]) -> None:
        holder, acquired = await self._holder()
        for fault in faults:
            before = acquired["fence"]
            try:
                async with asyncio.timeout(PATIENCE):
                    await holder.next("wrote")
                    await eventually(self._is_contended, "a contender waits", PATIENCE)
                    holder, acquired = await self._take_over(fault, holder, acquired)
            except TimeoutError as error:
                raise AssertionError(self._no_takeover(fault)) from error
            assert acquired["fence"] > before
            self.done[fault] += 1

    def _no_takeover(self, fault: str) -> str:
        queue = self.server.ctl("get", "--prefix", f"{self.root}lock/")
        last = "\n".join(str(contender.log[-3:]) for contender in self.contenders)
        return f"no takeover after {fault} {dict(self.done)}; the queue:\n{queue}\nlast events of contenders:\n{last}"

    async def _is_contended(self) -> bool:
        async with EtcdStub(self.server.address) as client:
            _, queue = await client.read(f"{self.root}lock/")
        return len(queue) > 1

    def _expect(self, contender: Contender) -> None:
        self.turns[contender] = asyncio.create_task(contender.next("acquired"))

    async def _holder(self) -> tuple[Contender, dict[str, Any]]:
        """Wait until a contender has the lock."""
        await asyncio.wait(self.turns.values(), return_when=asyncio.FIRST_COMPLETED)
        ((holder, acquired),) = [(one, turn.result()) for one, turn in self.turns.items() if turn.done()]
        del self.turns[holder]
        return holder, acquired

    async def _take_over(
        self, fault: str, holder: Contender, acquired: dict[str, Any]
    ) -> tuple[Contender, dict[str, Any]]:
        began = boottime()
        match fault:
            case "kill":
                await holder.kill()
                following = await self._holder()
                self.intervals.append((acquired["since"], began))
                await holder.start()
                self._expect(holder)
                return following
            case "pause":
                holder.process.send_signal(signal.SIGSTOP)
                following = await self._holder()
                holder.process.send_signal(signal.SIGCONT)
            case "hang":
                holder.proxy.hang()
                following = await self._holder()
            case "release":
                holder.request_release()
                following = await self._holder()
            case "revoke":
                async with EtcdStub(self.server.address) as client:
                    await client.ask(LEASE_REVOKE, messages.LeaseRevokeRequest(ID=int(acquired["lease"], 16)), PATIENCE)
                following = await self._holder()
            case _:
                async with EtcdStub(self.server.address) as client:
                    await client.commit([delete(f"{self.root}lock/{int(acquired['lease'], 16):x}")])
                following = await self._holder()
        ended = await holder.next("ended")
        assert ended["refused"], "the old holder's fenced write was accepted"
        assert not ended["held"], "the old holder believes that it holds the lock"
        assert ended["lost"] is (fault != "release")
        # An outside removal ends the lock before its lease does: the fence knows at once, the holder a moment later.
        outside = fault in ("revoke", "remove")
        self.intervals.append((ended["since"], min(ended["until"], began) if outside else ended["until"]))
        if fault == "hang":
            self.longest = max(self.longest, ended["until"] - began)
            self.loss_delay = max(self.loss_delay, ended["lost_at"] - began)
            holder.proxy.heal()
        self._expect(holder)
        return following


@asynccontextmanager
async def lock_run(root: str, server: EtcdServer) -> AsyncGenerator[LockRun, None]:
    async with AsyncExitStack() as stack:
        contenders = [await stack.enter_async_context(Contender(server, root)) for _ in range(3)]
        yield LockRun(root, server, contenders)


async def check_history(server: EtcdServer, root: str) -> int:
    """Check in the history that every guarded write is by the first in the queue; return the number of writes."""
    queue: dict[str, int] = {}
    last = writes = 0
    place, until = f"{root}lock/", server.revision()
    async with EtcdStub(server.address) as client:
        async for answer in client.watch(1):
            for event in answer.events:
                key = event.kv.key.decode()
                if key.startswith(place) and event.type == messages.Event.DELETE:
                    queue.pop(key)
                elif key.startswith(place):
                    queue[key] = event.kv.create_revision
                elif key == f"{root}{GUARDED}":
                    fence = int(event.kv.value)
                    assert fence >= last, f"fence {fence} wrote after fence {last}"
                    assert fence == min(queue.values()), f"fence {fence} wrote without being the first of {queue}"
                    last, writes = fence, writes + 1
            if answer.events and answer.events[-1].kv.mod_revision >= until:
                return writes
    message = "the history ended early"
    raise AssertionError(message)


async def test_takeover_fences_the_old_holder(etcd_version: str) -> None:
    used_seed = seed()
    times = figure(1, 10)
    async with EtcdServer(etcd_version) as server, AsyncExitStack() as stack:
        runs = [await stack.enter_async_context(lock_run(f"lock{number}/", server)) for number in range(LOCKS)]
        async with asyncio.TaskGroup() as group:
            for number, one in enumerate(runs):
                faults = [fault for fault, count in TAKEOVERS.items() for _ in range(count * times)]
                random.Random(used_seed + number).shuffle(faults)
                group.create_task(one.run(faults))
        for one in runs:
            for contender in one.contenders:
                await contender.kill()
        server.ctl("put", "the-end", "")
        writes = [await check_history(server, one.root) for one in runs]
    done = sum((one.done for one in runs), Counter[str]())
    longest, delay = max(one.longest for one in runs), max(one.loss_delay for one in runs)
    sys.stdout.write(
        f"locks {etcd_version}: seed {used_seed}, {dict(done)}, {writes} writes, "
        f"held for {longest:.2f} s when cut off, reported in {delay:.2f} s\n"
    )
    assert done.total() >= 100 * times
    assert all(count > done.total() / LOCKS / 10 for count in writes)
    for one in runs:
        ordered = sorted(one.intervals)
        for (_, until), (since, _) in pairwise(ordered):
            assert until < since, "two held the lock at the same time"
    assert longest <= TTL, "a holder that was cut off took the lock to be held for longer than the TTL"
    assert delay <= TTL, "a loss was reported later than the TTL"
