"""The app on a memory store of a million keys that changes as fast as it is told to; a program for a terminal.

It is told over a socket, a line each: `feed N` has so many changes a second made from then on, `ask` has it answer with
what happened since the last question. Store and app share one loop, so the store's own work counts as the app's.
"""

import asyncio
import gc
import json
import random
import socket
import sys
import time
from collections import deque

import _side_by_side  # noqa: F401 - finds the checkout

from explorer.codecs.load import codecs_for
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.session.session import Session
from explorer.tui.app import Keyscope

KEYS = 1_000_000
FOLDER = "devices/"
LAST = f"{FOLDER}device-{KEYS - 1:07}"
_SPARE = 100_000
"""Keys that come and go, none of them in sight."""
_PERIOD = 0.005
"""Seconds between two looks at how many changes are due."""
_ROUND = 250
"""Changes made before others have their turn: who lags behind must not hold them up."""
_NEAR = 40
"""The last keys, those in sight, get every twentieth change; they are never deleted."""


class Traffic:
    """Changes of all kinds all over the keys: 60 of 100 are new values, 20 new keys, 20 deletions."""

    def __init__(self, store: MemoryStore) -> None:
        self.database = store.database
        self.rate = 0
        self.made = 0
        self._chance = random.Random(1)  # noqa: S311 - the same each time
        names = [f"{FOLDER}device-{number:07}".encode() for number in range(KEYS)]
        step = (KEYS - 1000) // _SPARE
        self._gone = deque(f"{FOLDER}device-{number * step:07}-b".encode() for number in range(_SPARE))
        self.database.write(dict.fromkeys((*names, *self._gone), b"value"))
        self.database.compact()
        self.database.delete(self._gone)
        self._near = names[-_NEAR:]
        self._there = names[:-_NEAR]

    def change(self) -> None:
        """Make one change."""
        kind, self.made = self._chance.randrange(100), self.made + 1
        if kind < 5:
            self.database.put(self._chance.choice(self._near), b"value %d" % self.made)
        elif kind < 60:
            self.database.put(self._chance.choice(self._there), b"value %d" % self.made)
        elif kind < 80:
            key = self._gone.popleft()
            self._there.append(key)
            self.database.put(key, b"value %d" % self.made)
        else:
            place = self._chance.randrange(len(self._there))
            self._there[place], self._there[-1] = self._there[-1], self._there[place]
            key = self._there.pop()
            self._gone.append(key)
            self.database.delete([key])

    async def run(self) -> None:
        """Make as many as are due, until cancelled."""
        loop = asyncio.get_running_loop()
        due, before = 0.0, loop.time()
        while True:
            await asyncio.sleep(_PERIOD)
            now = loop.time()
            due += (now - before) * self.rate
            before = now
            while due >= 1:
                for _ in range(min(_ROUND, int(due))):
                    self.change()
                    due -= 1
                await asyncio.sleep(0)


class Lags:
    """Lateness of the event loop, measured by a task that is due every few milliseconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def run(self) -> None:
        """Measure, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            wanted = loop.time() + _PERIOD
            await asyncio.sleep(_PERIOD)
            self.seconds.append(loop.time() - wanted)


class Control:
    """Commands and replies over the socket."""

    def __init__(self, connection: socket.socket, traffic: Traffic, lags: Lags, session: Session) -> None:
        self._connection = connection
        self._traffic, self._lags, self._session = traffic, lags, session
        self._since = time.perf_counter(), 0, time.process_time()

    def take(self) -> None:
        """Do what is wanted."""
        for line in self._connection.recv(4096).decode().splitlines():
            if line == "ask":
                self._connection.sendall(json.dumps(self._answer()).encode() + b"\n")
            else:
                self._traffic.rate = int(line.removeprefix("feed "))

    def _answer(self) -> dict[str, object]:
        now = time.perf_counter(), self._traffic.made, time.process_time()
        then, self._since = self._since, now
        lags, self._lags.seconds = self._lags.seconds, []
        return {
            "seconds": now[0] - then[0],
            "changes": now[1] - then[1],
            "processing": now[2] - then[2],
            "lags": lags,
            "rows": len(self._session.tree.rows),
            "behind": len(self._session.connection._reflector._coalescer),  # noqa: SLF001 - not public
            "unread": self._traffic.database.revision - int(self._session.connection.revision or 0),
            "liveness": self._session.liveness.status.value,
        }


async def main(connection: socket.socket) -> None:
    """Fill the store, show it, and change it until the end."""
    store = MemoryStore(parse("memory:"))
    traffic, lags = Traffic(store), Lags()
    gc.collect()
    gc.freeze()  # a store is elsewhere, and its millions of objects are not for the app to look through
    stores = iter((store,))
    async with (
        Session(lambda: next(stores, None) or store.clone(), codecs_for(store)) as session,
        asyncio.TaskGroup() as group,
    ):
        control = Control(connection, traffic, lags, session)
        asyncio.get_running_loop().add_reader(connection, control.take)
        tasks = [group.create_task(traffic.run()), group.create_task(lags.run())]
        await Keyscope(session).run_async()
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(socket.socket(fileno=int(sys.argv[1]))))
