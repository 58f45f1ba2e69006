"""A fault lane: writers on a real store, a watcher behind whatever a test puts in between, judgement at the end."""

import json
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from grpc.aio import AioRpcError

from explorer.model.entries import Revision
from explorer.model.events import Lost, Resync
from tests.faults.checkers import complaints
from tests.faults.etcd_stub import PlainClient, put
from tests.faults.history import History
from tests.faults.recorder import Recorder, Watcher, open_store, record
from tests.faults.workload import END, ROOT, Traffic
from tests.scale import LEAST_WRITES, PATIENCE, seed
from tests.servers.waiting import eventually

_WARM = 100  # writes before the watcher comes
_WITHIN = 2.0  # seconds in which a member takes a write, or another is asked
_SHOWN = 400  # entries of a log or history that the file of a failed run holds, from its end


@dataclass(slots=True)
class Lane:
    """What a test of a lane works with. `direct` are the addresses of the store that no fault stands before."""

    name: str
    folder: Path
    seed: int
    direct: Sequence[str]
    traffic: Traffic
    watcher: Watcher
    recorder: Recorder | None = None
    earlier: list[History] = field(default_factory=list)
    """The lives of the store before this one, where it was replaced."""
    compacted: bool = False
    compactions: int = 0
    faults: int = 0
    slowest: float = 0.0
    """Seconds from the end of a fault until the watcher told what happened meanwhile, at most."""

    @asynccontextmanager
    async def fault(self, what: str) -> AsyncGenerator[None, None]:
        """Mark a fault, which the block makes and takes back, and wait until the watcher has recovered from it."""
        async with self.broken(what):
            yield
        await self.recover()

    @asynccontextmanager
    async def broken(self, what: str) -> AsyncGenerator[None, None]:
        """Mark a fault, which the block makes and takes back."""
        self.faults += 1
        self.watcher.begin_fault(what)
        yield
        self.watcher.end_fault(what)

    async def recover(self) -> None:
        """Wait until the watcher tells what happens now, and enough was written meanwhile."""
        healed = time.monotonic()
        await self.watcher.reach(await self.write_end())
        self.slowest = max(self.slowest, time.monotonic() - healed)
        await self.traffic.reach(_WARM + LEAST_WRITES * self.faults)

    def move_to(self, address: str) -> None:
        """Let the writers work on another store from here on."""
        self.direct = [address]
        self.traffic.addresses[:] = [address]

    async def revision_passes(self, revision: int) -> bool:
        """Say whether the store has gone beyond a revision."""
        return (await self.fresh())[0] > revision

    async def write_end(self) -> int:
        """Write one watched key, whoever of the members takes it, and give the revision."""
        last: AioRpcError | None = None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for address in self.direct:
                try:
                    async with PlainClient(address) as client:
                        return await client.commit([put(f"{ROOT}{END}", b"")], _WITHIN)
                except AioRpcError as error:
                    last = error
        message = f"no member takes a write: {last}"
        raise TimeoutError(message)

    async def finish(self) -> None:
        """End the traffic, let the watcher catch up, and judge."""
        await self.traffic.reach(_WARM + LEAST_WRITES * self.faults)
        await self.traffic.rest()
        await self.traffic.end_leases()
        until = await self.write_end()
        found = []
        try:
            await eventually(self._converged, "the folded state is the store's", PATIENCE)
        except TimeoutError:
            state, (_, fresh) = self.watcher.state(), await self.fresh()
            wrong = sorted(key for key in state.keys() | fresh.keys() if state.get(key) != fresh.get(key))
            found.append(f"the folded state differs from a fresh read in {wrong[:5]}")
        revision, _ = await self.fresh()
        history = await (self.recorder.reach(revision) if self.recorder else record(self.direct[0], revision))
        lives = [*self.earlier, history]
        found += complaints(self.watcher.log, lives, until=until, compacted=self.compacted)
        if self.watcher.ended:
            found.append("the watch ended by itself")
        self._report()
        if found:
            raise AssertionError(self._failed(found, lives))

    async def fresh(self) -> tuple[int, dict[str, tuple[Revision, bytes | None]]]:
        """Read the state with one plain request: its revision, and revision and value by key."""
        async with PlainClient(self.direct[0]) as client:
            revision, found = await client.read(ROOT)
        return revision, {key: (kv.mod_revision, kv.value) for key, kv in found.items()}

    async def _converged(self) -> bool:
        return self.watcher.ended or self.watcher.state() == (await self.fresh())[1]

    def _report(self) -> None:
        told = self.watcher
        sys.stdout.write(
            f"{self.name}: seed {self.seed}, {self.faults} faults, {told.changes} events, {told.count(Lost)} lost, "
            f"{told.count(Resync)} resyncs, {self.traffic.rate:.0f} writes/s, slowest recovery {self.slowest:.1f} s\n"
        )

    def _failed(self, found: list[str], lives: list[History]) -> str:
        """Write the run down and tell what was wrong."""
        file = self.folder / f"failed-{self.name}.json"
        run = {
            "seed": self.seed,
            "complaints": found,
            "log": [str(event) for event in self.watcher.log[-_SHOWN:]],
            "lives": [[str(change) for change in life.changes[-_SHOWN:]] for life in lives],
        }
        file.write_text(json.dumps(run, indent=1))
        listed = "\n  ".join(found[:10])
        return f"seed {self.seed}, the run is in {file}:\n  {listed}"


@asynccontextmanager
async def lane(
    name: str, folder: Path, *, watched: Sequence[str], direct: Sequence[str], recorded: bool = False
) -> AsyncGenerator[Lane, None]:
    """Set up a lane, warm it up, and judge it at the end of the block.

    Args:
        name: What it is called in figures and files.
        folder: Where a failed run is written to.
        watched: The addresses that the watcher is given, a proxy's or a server's.
        direct: The members' own addresses, for the writers.
        recorded: Take the history down beside the lane, because it will be compacted.
    """
    chosen = seed()
    sys.stdout.write(f"{name}: seed {chosen}\n")
    async with AsyncExitStack() as stack:
        traffic = await stack.enter_async_context(Traffic(*direct, seed=chosen))
        recorder = await stack.enter_async_context(Recorder(direct[0])) if recorded else None
        await traffic.reach(_WARM)
        store = await stack.enter_async_context(open_store(*watched))
        watcher = await stack.enter_async_context(Watcher(store))
        running = Lane(name, folder, chosen, direct, traffic, watcher, recorder)
        yield running
        await running.finish()
