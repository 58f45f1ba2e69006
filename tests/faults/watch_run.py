"""A watch of a real etcd under faults: a workload writes, a watcher follows, and the checkers compare at the end."""

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
from tests.faults.checkers import watch_violations
from tests.faults.etcd_stub import EtcdStub, put
from tests.faults.history import History
from tests.faults.recorder import Recorder, Watcher, open_store, record
from tests.faults.workload import END, ROOT, Workload
from tests.scale import LEAST_WRITES, PATIENCE, seed
from tests.servers.waiting import eventually

_WARM = 100  # writes before the watcher comes
_WITHIN = 2.0  # seconds in which a member takes a write, or another is asked
_SHOWN = 400  # entries of a log or history that the file of a failed run holds, from its end


@dataclass(slots=True)
class WatchRun:
    """A running workload and the watcher under test; `direct` are the addresses of the store behind no fault."""

    name: str
    folder: Path
    seed: int
    direct: Sequence[str]
    workload: Workload
    watcher: Watcher
    recorder: Recorder | None = None
    earlier: list[History] = field(default_factory=list)
    """The histories of the stores before this one, where it was replaced."""
    compacted: bool = False
    compactions: int = 0
    faults: int = 0
    slowest: float = 0.0
    """Longest time from the end of a fault to the event of a later write, in seconds."""

    @asynccontextmanager
    async def fault(self, name: str) -> AsyncGenerator[None, None]:
        """Mark a fault, which the block makes and takes back, and wait until the watcher has recovered from it."""
        async with self.fault_without_recovery(name):
            yield
        await self.recover()

    @asynccontextmanager
    async def fault_without_recovery(self, name: str) -> AsyncGenerator[None, None]:
        """Mark a fault, which the block makes and takes back."""
        self.faults += 1
        self.watcher.begin_fault(name)
        yield
        self.watcher.end_fault(name)

    async def recover(self) -> None:
        """Wait until the watcher has the event of a new write, and enough was written meanwhile."""
        healed = time.monotonic()
        await self.watcher.reach(await self.write_end())
        self.slowest = max(self.slowest, time.monotonic() - healed)
        await self.workload.reach(_WARM + LEAST_WRITES * self.faults)

    def move_to(self, address: str) -> None:
        """Write to another store from now on."""
        self.direct = [address]
        self.workload.addresses[:] = [address]

    async def revision_passes(self, revision: int) -> bool:
        """Return whether the store has a later revision than this."""
        return (await self.fresh())[0] > revision

    async def write_end(self) -> int:
        """Write one watched key at any member, and return the revision."""
        last: AioRpcError | None = None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for address in self.direct:
                try:
                    async with EtcdStub(address) as client:
                        return await client.commit([put(f"{ROOT}{END}", b"")], _WITHIN)
                except AioRpcError as error:
                    last = error
        message = f"no member takes a write: {last}"
        raise TimeoutError(message)

    async def finish(self) -> None:
        """End the workload, let the watcher catch up, and check its log."""
        await self.workload.reach(_WARM + LEAST_WRITES * self.faults)
        await self.workload.pause()
        await self.workload.end_leases()
        until = await self.write_end()
        found = []
        try:
            await eventually(self._converged, "the replica equals the store", PATIENCE)
        except TimeoutError:
            state, (_, fresh) = self.watcher.state(), await self.fresh()
            wrong = sorted(key for key in state.keys() | fresh.keys() if state.get(key) != fresh.get(key))
            found.append(f"the replica differs from a fresh read in {wrong[:5]}")
        revision, _ = await self.fresh()
        history = await (self.recorder.reach(revision) if self.recorder else record(self.direct[0], revision))
        histories = [*self.earlier, history]
        found += watch_violations(self.watcher.log, histories, until=until, compacted=self.compacted)
        if self.watcher.ended:
            found.append("the watch ended by itself")
        self._report()
        if found:
            raise AssertionError(self._failed(found, histories))

    async def fresh(self) -> tuple[int, dict[str, tuple[Revision, bytes | None]]]:
        """Read the state by one request: its revision, and revision and value by key."""
        async with EtcdStub(self.direct[0]) as client:
            revision, found = await client.read(ROOT)
        return revision, {key: (kv.mod_revision, kv.value) for key, kv in found.items()}

    async def _converged(self) -> bool:
        return self.watcher.ended or self.watcher.state() == (await self.fresh())[1]

    def _report(self) -> None:
        watcher = self.watcher
        sys.stdout.write(
            f"{self.name}: seed {self.seed}, {self.faults} faults, {watcher.changes} events, "
            f"{watcher.count(Lost)} lost, {watcher.count(Resync)} resyncs, {self.workload.rate:.0f} writes/s, "
            f"slowest recovery {self.slowest:.1f} s\n"
        )

    def _failed(self, found: list[str], histories: list[History]) -> str:
        """Write the run to a file and return the message of the failure."""
        file = self.folder / f"failed-{self.name}.json"
        run = {
            "seed": self.seed,
            "violations": found,
            "log": [str(event) for event in self.watcher.log[-_SHOWN:]],
            "histories": [[str(change) for change in history.changes[-_SHOWN:]] for history in histories],
        }
        file.write_text(json.dumps(run, indent=1))
        listed = "\n  ".join(found[:10])
        return f"seed {self.seed}, the run is in {file}:\n  {listed}"


@asynccontextmanager
async def watch_run(
    name: str, folder: Path, *, watched: Sequence[str], direct: Sequence[str], recorded: bool = False
) -> AsyncGenerator[WatchRun, None]:
    """Start a workload and a watcher, and check the log of the watcher at the end of the block.

    Args:
        name: Its name in printed figures and files.
        folder: The folder for the file of a failed run.
        watched: The addresses for the watcher, of a proxy or a server.
        direct: The members' own addresses, for the writers.
        recorded: Record the history meanwhile, because it will be compacted.
    """
    chosen = seed()
    sys.stdout.write(f"{name}: seed {chosen}\n")
    async with AsyncExitStack() as stack:
        workload = await stack.enter_async_context(Workload(*direct, seed=chosen))
        recorder = await stack.enter_async_context(Recorder(direct[0])) if recorded else None
        await workload.reach(_WARM)
        store = await stack.enter_async_context(open_store(*watched))
        watcher = await stack.enter_async_context(Watcher(store))
        running = WatchRun(name, folder, chosen, direct, workload, watcher, recorder)
        yield running
        await running.finish()
