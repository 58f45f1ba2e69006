"""Simulated clients of the demo: gauges, heartbeats, jobs, sessions and locks."""

import asyncio
from collections import deque
from random import Random
from typing import Final

from explorer.drivers.memory.database import Database
from explorer.drivers.memory.demo.seed import DEVICES, FLAGS, flag
from explorer.drivers.memory.demo.values import device, gauge
from explorer.drivers.memory.lock import SLASH
from explorer.model.clock import sleep_until

STEP_SECONDS: Final = 0.2
"""Seconds of simulated time in a step."""

_HOSTS: Final = tuple(f"node-{number:02}" for number in range(12))
_GAUGES: Final = (("cpu", "percent", 100), ("memory", "MiB", 32_768), ("queue", "messages", 5000))
_INSTANCES: Final = tuple(
    f"{service}/{number}" for service in ("billing", "checkout", "portal", "telemetry") for number in range(3)
)
_HEARTBEAT_TTL: Final = 6.0
_SILENT_STEPS: Final = 60
"""Steps for which one instance after the other sends no heartbeat, long enough for it to expire."""
_SESSION_TTL: Final = 15.0
_CLIENT_TTL: Final = 10.0
_LOCKS: Final = (
    ("locks/scheduler", ("scheduler-a@node-01", "scheduler-b@node-04", "scheduler-c@node-09")),
    ("locks/migration", ("migrate-7f@node-02", "migrate-c1@node-03")),
    ("service/access/locks/olt-03", ("rw-core-0", "rw-core-1", "rw-core-2", "rw-core-3")),
)
_MIN_REVISIONS: Final = 10_000
"""Minimum number of revisions that are not compacted."""


class LockRotation:
    """The simulated clients of one lock: each waits, holds the lock, and queues again."""

    def __init__(self, database: Database, key: str, clients: tuple[str, ...]) -> None:
        self._database = database
        self._key = key.encode()
        self._queue: deque[tuple[str, str]] = deque()
        for client in clients:
            self._enqueue(client)
        self._publish_leader()

    def rotate(self) -> None:
        """Move the holder to the end of the queue."""
        client, lease = self._queue.popleft()
        self._database.revoke(lease)
        self._enqueue(client)
        self._publish_leader()

    def renew(self) -> None:
        """Renew the leases of all clients."""
        for _, lease in self._queue:
            self._database.renew(lease)

    def _enqueue(self, client: str) -> None:
        lease = self._database.grant(_CLIENT_TTL).name
        self._database.put(self._key + SLASH + lease.encode(), client.encode(), lease=lease)
        self._queue.append((client, lease))

    def _publish_leader(self) -> None:
        client, lease = self._queue[0]
        if lease in self._database.leases:
            self._database.put(b"leaders/" + self._key.rpartition(b"/")[2], client.encode(), lease=lease)


class Simulation:
    """All changes of the demo, step by step; the same random generator gives the same changes."""

    def __init__(self, database: Database, random: Random) -> None:
        self._database = database
        self._random = random
        self._step = 0
        self.task: asyncio.Task[None] | None = None
        """The task that runs it, of one of the connections."""
        self._jobs: deque[bytes] = deque()
        self._heartbeat_leases: dict[str, str] = {}
        for host in _HOSTS:
            for number in range(len(_GAUGES)):
                self._write_gauge(host, number)
        for instance in _INSTANCES:
            self._send_heartbeat(instance)
        for number in range(5):
            self._submit_job(number)
        self._log_in()
        self._rotations = tuple(LockRotation(database, key, clients) for key, clients in _LOCKS)

    async def run(self) -> None:
        """Run step by step until cancelled."""
        clock = self._database.clock
        when = clock.now()
        while True:
            when = max(when + STEP_SECONDS, clock.now())
            await sleep_until(clock, when)
            self.step()

    def step(self) -> None:
        """Simulate one step."""
        step = self._step = self._step + 1
        self._write_gauge(self._random.choice(_HOSTS), self._random.randrange(len(_GAUGES)))
        silent = step // _SILENT_STEPS % len(_INSTANCES)
        if (instance := step % len(_INSTANCES)) != silent:
            self._send_heartbeat(_INSTANCES[instance])
        for number, rotation in enumerate(self._rotations):
            rotation.renew()
            if (step + number * 7) % (15 + number * 10) == 0:
                rotation.rotate()
        if step % 6 == 0:
            self._run_job(step)
        if step % 31 == 0:
            name = self._random.choice(FLAGS)
            value = flag(name, on=self._random.randrange(2) > 0, percent=self._random.randrange(101))
            self._database.put(f"flags/{name}".encode(), value.encode())
        if step % 43 == 0:
            number = self._random.randrange(DEVICES)
            message = device(self._random, number, connected=self._random.randrange(4) > 0)
            self._database.put(f"service/access/devices/olt-{number:02}".encode(), message)
        if step % 50 == 0:
            self._log_in()
        if self._database.revision - self._database.compacted > 2 * _MIN_REVISIONS:
            self._database.compact(self._database.revision - _MIN_REVISIONS)

    def _write_gauge(self, host: str, number: int) -> None:
        name, unit, most = _GAUGES[number]
        value = round(self._random.triangular(0, most, most / 5), 1)
        message = gauge(name, value, unit, int(self._step * STEP_SECONDS))
        self._database.put(f"metrics/{host}/{name}".encode(), message)

    def _send_heartbeat(self, instance: str) -> None:
        lease = self._heartbeat_leases.get(instance)
        if lease is None or not self._database.renew(lease):
            lease = self._heartbeat_leases[instance] = self._database.grant(_HEARTBEAT_TTL).name
        value = f"beat {self._step}".encode()
        self._database.put(f"heartbeats/{instance}".encode(), value, lease=lease)

    def _submit_job(self, number: int) -> None:
        key = f"jobs/{number:06}".encode()
        self._database.put(key, self._random.choice((b"invoice", b"report", b"backup", b"reindex")))
        self._jobs.append(key)

    def _run_job(self, step: int) -> None:
        if step % 12 == 0:
            self._submit_job(step)
        elif self._jobs:
            self._database.delete([self._jobs.popleft()])

    def _log_in(self) -> None:
        """Write a session that expires by itself."""
        user = self._random.choice(("ada", "barbara", "edsger", "grace", "leslie"))
        lease = self._database.grant(_SESSION_TTL).name
        self._database.put(f"sessions/{user}".encode(), f"logged in at step {self._step}".encode(), lease=lease)
