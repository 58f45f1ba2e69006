"""Editors who save over each other's changes, through lost replies and a dying server: none is told a lie."""

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
from tests.faults.etcd_stub import PlainClient, put
from tests.faults.history import Change, History
from tests.faults.recorder import open_store, record
from tests.faults.save_checker import Attempt, SaveResult, figures, misjudged
from tests.faults.timeouts import warm_up_and_limit
from tests.faults.workload import END
from tests.scale import PATIENCE, figure, seed
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

EDITORS = 8
ROUNDS = figure(short=4, long=60)
"""Of a window of lost replies, a reset and a kill each."""
WINDOW = 50
"""Attempts that each fault meets, at least."""
TIMEOUT = 0.5
"""Seconds that an editor's request may take before its outcome is in doubt."""
HOT = "hot"
COLD = [f"cold/{number}" for number in range(50)]


@dataclass(slots=True)
class Editors:
    """What all editors of a lane did and were told."""

    attempts: list[Attempt] = field(default_factory=list)
    reads: list[Change] = field(default_factory=list)
    values: int = 0
    under_way: int = 0
    over: bool = False

    async def edit(self, store: Store, choice: random.Random) -> None:
        """Read, change and save one key after the other, until it is over."""
        while not self.over:
            key = HOT if choice.random() < 0.6 else choice.choice(COLD)
            entry = await self._read(store, key)
            deletes = entry is not None and key is not HOT and choice.random() < 0.2
            self.values += 1
            value = None if deletes else f"{self.values}".encode()
            base = 0 if entry is None else int(entry.revision)
            began = time.monotonic()
            self.under_way += 1
            told, revision = await save(store, key, entry, value)
            self.under_way -= 1
            self.attempts.append(Attempt(key, base, value, began, time.monotonic(), told, revision))

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
    """Save once, and give what the editor is told."""
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
async def test_no_update_is_lost_and_no_editor_is_told_a_lie(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = seed()
    sys.stdout.write(f"saves {version}: seed {chosen}\n")
    choice = random.Random(chosen)
    editors = Editors()
    in_doubt = 0
    send = TxnAttempt.send

    async def counted(
        attempt: TxnAttempt, send_once: Callable[[float], Awaitable[messages.TxnResponse]]
    ) -> messages.TxnResponse | None:
        nonlocal in_doubt
        response = await send(attempt, send_once)
        in_doubt += response is None
        return response

    monkeypatch.setattr(TxnAttempt, "send", counted)
    async with EtcdServer(version) as server, FaultProxy(server.client_port) as proxy:
        stores = [open_store(proxy.address) for _ in range(EDITORS)]
        for store in stores:
            await store.connect()
            await warm_up_and_limit(store, TIMEOUT)
        tasks = [asyncio.create_task(editors.edit(store, random.Random(choice.getrandbits(32)))) for store in stores]
        try:
            await spoil(server, proxy, editors, choice)
            editors.over = True
            await asyncio.gather(*tasks)
            history = await everything(server)
        finally:
            for task in tasks:
                task.cancel()
            for store in stores:
                await store.close()
        found = misjudged(editors.attempts, editors.reads, history)
        sys.stdout.write(
            f"saves {version}: {len(editors.attempts)} attempts: {figures(editors.attempts)}; {in_doubt} answers lost\n"
        )
        assert not found, failed(found, chosen, editors, history, tmp_path)
        told = [attempt.told for attempt in editors.attempts]
        assert told.count(SaveResult.SAVED) >= WINDOW * ROUNDS, "too little was saved to prove anything"
        assert in_doubt >= EDITORS, "too few answers were lost to prove anything"


async def spoil(server: EtcdServer, proxy: FaultProxy, editors: Editors, choice: random.Random) -> None:
    """Lose replies, reset connections and kill the server, each in the middle of the editors' work."""
    for _ in range(ROUNDS):
        await progress(editors)
        proxy.drop_replies()
        await eventually(lambda: editors.under_way > 0, "a save is under way")
        await asyncio.sleep(choice.uniform(0.05, 2 * TIMEOUT))  # the fault's own length
        proxy.heal()
        await progress(editors)
        proxy.reset_connections()
        await progress(editors)
        server.kill()
        await asyncio.to_thread(server.start)
    await progress(editors)


async def progress(editors: Editors) -> None:
    done = len(editors.attempts) + WINDOW
    await eventually(lambda: len(editors.attempts) >= done, "the editors go on", PATIENCE)


async def everything(server: EtcdServer) -> History:
    """Read what has become of all saves."""
    async with PlainClient(server.address) as client:
        last = await client.commit([put(f"beside/{END}", b"")])
    history = await record(server.address, last)
    return History(tuple(change for change in history.changes if not change.key.startswith("beside/")))


def failed(found: list[str], chosen: int, editors: Editors, history: History, folder: Path) -> str:
    file = folder / "failed-saves.json"
    run = {
        "seed": chosen,
        "complaints": found,
        "attempts": [str(attempt) for attempt in editors.attempts],
        "history": [str(change) for change in history.changes],
    }
    file.write_text(json.dumps(run, indent=1))
    listed = "\n  ".join(found[:10])
    return f"seed {chosen}, the run is in {file}:\n  {listed}"
