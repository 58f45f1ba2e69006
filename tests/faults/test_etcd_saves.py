"""Editors of many keys of etcd through lost replies, resets and kills, checked against the store's history."""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from explorer.drivers.base import Store
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.cas import TxnAttempt
from explorer.model.entries import Entry
from explorer.model.errors import Conflict, KeyNotFound, NotReachable, OutcomeUnknown
from tests.faults.etcd_stub import EtcdStub, put
from tests.faults.history import Change, History
from tests.faults.recorder import open_store, record
from tests.faults.save_checker import Attempt, SaveResult, save_violations, summary
from tests.faults.timeouts import warm_up_and_limit
from tests.faults.workload import END
from tests.scale import PATIENCE, figure, seed
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

EDITORS = 8
ROUNDS = figure(short=4, long=60)
"""Each is a window of lost replies, a reset and a kill."""
WINDOW = 50
"""Fewest attempts during each fault."""
TIMEOUT = 0.5
"""Seconds that an editor's request may take before its outcome is unknown."""
HOT = "hot"
COLD = [f"cold/{number}" for number in range(50)]


@dataclass(slots=True)
class Editors:
    """The attempts and reads of all editors."""

    attempts: list[Attempt] = field(default_factory=list)
    reads: list[Change] = field(default_factory=list)
    values: int = 0
    saves_in_flight: int = 0
    over: bool = False

    async def edit(self, store: Store, choice: random.Random) -> None:
        """Read, change and save one key after the other, until it is `over`."""
        while not self.over:
            key = HOT if choice.random() < 0.6 else choice.choice(COLD)
            entry = await self._read(store, key)
            deletes = entry is not None and key is not HOT and choice.random() < 0.2
            self.values += 1
            value = None if deletes else f"{self.values}".encode()
            base = 0 if entry is None else int(entry.revision)
            began = time.monotonic()
            self.saves_in_flight += 1
            result, revision = await save(store, key, entry, value)
            self.saves_in_flight -= 1
            self.attempts.append(Attempt(key, base, value, began, time.monotonic(), result, revision))

    async def _read(self, store: Store, key: str) -> Entry | None:
        while True:
            try:
                entry = await store.get(key)
            except KeyNotFound:
                return None
            except NotReachable:
                continue
            self.reads.append(Change(int(entry.revision), key, entry.value))
            return entry


async def save(store: Store, key: str, entry: Entry | None, value: bytes | None) -> tuple[SaveResult, int]:
    """Save once, and return the result and the revision of the saved entry."""
    try:
        if value is None:
            await store.atomic_delete(key, entry)
            return SaveResult.SAVED, 0
        return SaveResult.SAVED, int((await store.atomic_put(key, value, entry)).revision)
    except (Conflict, KeyNotFound):
        return SaveResult.CONFLICT, 0
    except OutcomeUnknown:
        return SaveResult.UNKNOWN, 0
    except NotReachable:
        return SaveResult.UNSENT, 0


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_editors_of_many_keys_lose_no_update(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used_seed = seed()
    sys.stdout.write(f"saves {version}: seed {used_seed}\n")
    choice = random.Random(used_seed)
    editors = Editors()
    lost_replies = 0
    send = TxnAttempt.send

    async def send_and_count(
        attempt: TxnAttempt, send_once: Callable[[float], Awaitable[messages.TxnResponse]]
    ) -> messages.TxnResponse | None:
        nonlocal lost_replies
        response = await send(attempt, send_once)
        lost_replies += response is None
        return response

    monkeypatch.setattr(TxnAttempt, "send", send_and_count)
    async with EtcdServer(version) as server, FaultProxy(server.client_port) as proxy:
        stores = [open_store(proxy.address) for _ in range(EDITORS)]
        for store in stores:
            await store.connect()
            await warm_up_and_limit(store, TIMEOUT)
        tasks = [asyncio.create_task(editors.edit(store, random.Random(choice.getrandbits(32)))) for store in stores]
        try:
            await nemesis(server, proxy, editors, choice)
            editors.over = True
            await asyncio.gather(*tasks)
            history = await full_history(server)
        finally:
            for task in tasks:
                task.cancel()
            for store in stores:
                await store.close()
        found = save_violations(editors.attempts, editors.reads, history)
        sys.stdout.write(
            f"saves {version}: {len(editors.attempts)} attempts: "
            f"{summary(editors.attempts)}; {lost_replies} answers lost\n"
        )
        assert not found, failure_message(found, used_seed, editors, history, tmp_path)
        results = [attempt.result for attempt in editors.attempts]
        assert results.count(SaveResult.SAVED) >= WINDOW * ROUNDS, "too little was saved to prove anything"
        assert lost_replies >= EDITORS, "too few answers were lost to prove anything"


async def nemesis(server: EtcdServer, proxy: FaultProxy, editors: Editors, choice: random.Random) -> None:
    """Lose replies, reset connections and kill the server, each in the middle of the editors' work."""
    for _ in range(ROUNDS):
        await wait_for_attempts(editors)
        proxy.drop_replies()
        await eventually(lambda: editors.saves_in_flight > 0, "a save is under way")
        await asyncio.sleep(choice.uniform(0.05, 2 * TIMEOUT))  # the fault's own length
        proxy.heal()
        await wait_for_attempts(editors)
        proxy.reset_connections()
        await wait_for_attempts(editors)
        server.kill()
        await asyncio.to_thread(server.start)
    await wait_for_attempts(editors)


async def wait_for_attempts(editors: Editors) -> None:
    done = len(editors.attempts) + WINDOW
    await eventually(lambda: len(editors.attempts) >= done, "the editors go on", PATIENCE)


async def full_history(server: EtcdServer) -> History:
    """Return the history of all saves."""
    async with EtcdStub(server.address) as client:
        last = await client.commit([put(f"beside/{END}", b"")])
    history = await record(server.address, last)
    return History(tuple(change for change in history.changes if not change.key.startswith("beside/")))


def failure_message(found: list[str], used_seed: int, editors: Editors, history: History, folder: Path) -> str:
    file = folder / "failure_message-saves.json"
    run = {
        "seed": used_seed,
        "violations": found,
        "attempts": [str(attempt) for attempt in editors.attempts],
        "history": [str(change) for change in history.changes],
    }
    file.write_text(json.dumps(run, indent=1))
    listed = "\n  ".join(found[:10])
    return f"seed {used_seed}, the run is in {file}:\n  {listed}"
