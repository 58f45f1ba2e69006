"""How the demo moves: gauges, heartbeats, jobs, sessions, and locks handed from one simulated client to the next."""

from collections import deque
from random import Random
from typing import Final

from explorer.drivers.memory.database import Database
from explorer.drivers.memory.demo.seed import DEVICES, FLAGS, flag
from explorer.drivers.memory.demo.values import device, gauge
from explorer.drivers.memory.lock import SLASH

PACE: Final = 0.2
"""Seconds between two steps."""

_HOSTS: Final = tuple(f"node-{number:02}" for number in range(12))
_GAUGES: Final = (("cpu", "percent", 100), ("memory", "MiB", 32_768), ("queue", "messages", 5000))
_BEATING: Final = tuple(
    f"{service}/{number}" for service in ("billing", "checkout", "portal", "telemetry") for number in range(3)
)
_HEARTBEAT_TTL: Final = 6.0
_SILENCE: Final = 60
"""Steps for which one instance after the other falls silent, long enough for its heartbeat to end."""
_SESSION_TTL: Final = 15.0
_CLIENT_TTL: Final = 10.0
_LOCKS: Final = (
    ("locks/scheduler", ("scheduler-a@node-01", "scheduler-b@node-04", "scheduler-c@node-09")),
    ("locks/migration", ("migrate-7f@node-02", "migrate-c1@node-03")),
    ("service/access/locks/olt-03", ("rw-core-0", "rw-core-1", "rw-core-2", "rw-core-3")),
)
_KEPT: Final = 10_000
"""Revisions of history that are kept at least."""


class LockRotation:
    """The simulated clients of one lock: each waits, holds it, and goes to the end of the queue."""

    def __init__(self, keyspace: Database, key: str, clients: tuple[str, ...]) -> None:
        self._keyspace = keyspace
        self._key = key.encode()
        self._queue: deque[tuple[str, str]] = deque()
        for client in clients:
            self._join(client)
        self._lead()

    def hand_over(self) -> None:
        """Let the holder go to the end of the queue and the next one lead."""
        client, lease = self._queue.popleft()
        self._keyspace.revoke(lease)
        self._join(client)
        self._lead()

    def renew(self) -> None:
        """Show that all clients are alive."""
        for _, lease in self._queue:
            self._keyspace.renew(lease)

    def _join(self, client: str) -> None:
        lease = self._keyspace.grant(_CLIENT_TTL).name
        self._keyspace.put(self._key + SLASH + lease.encode(), client.encode(), lease=lease)
        self._queue.append((client, lease))

    def _lead(self) -> None:
        client, lease = self._queue[0]
        if lease in self._keyspace.leases:
            self._keyspace.put(b"leaders/" + self._key.rpartition(b"/")[2], client.encode(), lease=lease)


class Simulation:
    """Everything that happens in the demo, step by step, the same for the same chance."""

    def __init__(self, keyspace: Database, chance: Random) -> None:
        self._keyspace = keyspace
        self._chance = chance
        self._step = 0
        self._jobs: deque[bytes] = deque()
        self._beats: dict[str, str] = {}
        for host in _HOSTS:
            for number in range(len(_GAUGES)):
                self._measure(host, number)
        for instance in _BEATING:
            self._beat(instance)
        for number in range(5):
            self._submit(number)
        self._log_in()
        self._rotas = tuple(LockRotation(keyspace, key, clients) for key, clients in _LOCKS)

    async def run(self) -> None:
        """Go on, a step at a time, until cancelled."""
        moment = self._keyspace.clock.now()
        while True:
            moment = max(moment + PACE, self._keyspace.clock.now())
            await self._keyspace.reach(moment)
            self.step()

    def step(self) -> None:
        """Let a fifth of a second happen."""
        step = self._step = self._step + 1
        self._measure(self._chance.choice(_HOSTS), self._chance.randrange(len(_GAUGES)))
        silent = step // _SILENCE % len(_BEATING)
        if (beating := step % len(_BEATING)) != silent:
            self._beat(_BEATING[beating])
        for number, rota in enumerate(self._rotas):
            rota.renew()
            if (step + number * 7) % (15 + number * 10) == 0:
                rota.hand_over()
        if step % 6 == 0:
            self._work(step)
        if step % 31 == 0:
            name = self._chance.choice(FLAGS)
            value = flag(name, on=self._chance.randrange(2) > 0, percent=self._chance.randrange(101))
            self._keyspace.put(f"flags/{name}".encode(), value.encode())
        if step % 43 == 0:
            number = self._chance.randrange(DEVICES)
            message = device(self._chance, number, connected=self._chance.randrange(4) > 0)
            self._keyspace.put(f"service/access/devices/olt-{number:02}".encode(), message)
        if step % 50 == 0:
            self._log_in()
        if self._keyspace.revision - self._keyspace.compacted > 2 * _KEPT:
            self._keyspace.compact(self._keyspace.revision - _KEPT)

    def _measure(self, host: str, number: int) -> None:
        name, unit, most = _GAUGES[number]
        value = round(self._chance.triangular(0, most, most / 5), 1)
        message = gauge(name, value, unit, int(self._step * PACE))
        self._keyspace.put(f"metrics/{host}/{name}".encode(), message)

    def _beat(self, instance: str) -> None:
        lease = self._beats.get(instance)
        if lease is None or not self._keyspace.renew(lease):
            lease = self._beats[instance] = self._keyspace.grant(_HEARTBEAT_TTL).name
        value = f"beat {self._step}".encode()
        self._keyspace.put(f"heartbeats/{instance}".encode(), value, lease=lease)

    def _submit(self, number: int) -> None:
        key = f"jobs/{number:06}".encode()
        self._keyspace.put(key, self._chance.choice((b"invoice", b"report", b"backup", b"reindex")))
        self._jobs.append(key)

    def _work(self, step: int) -> None:
        if step % 12 == 0:
            self._submit(step)
        elif self._jobs:
            self._keyspace.delete([self._jobs.popleft()])

    def _log_in(self) -> None:
        """Let somebody log in whose session ends by itself."""
        user = self._chance.choice(("ada", "barbara", "edsger", "grace", "leslie"))
        lease = self._keyspace.grant(_SESSION_TTL).name
        self._keyspace.put(f"sessions/{user}".encode(), f"logged in at step {self._step}".encode(), lease=lease)
