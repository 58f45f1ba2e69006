"""The demo store: a memory store with example data that changes by itself."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import ClassVar, cast

from explorer.drivers.memory.clock import ManualClock
from explorer.drivers.memory.database import Database
from explorer.drivers.memory.demo.seed import SCHEMA, entries
from explorer.drivers.memory.demo.simulation import Simulation
from explorer.drivers.memory.demo.values import MESSAGES
from explorer.drivers.memory.store import MemoryStore
from explorer.model.address import Access, Address
from explorer.model.entries import Revision
from explorer.model.errors import InvalidAddress


class DemoStore(MemoryStore):
    """A fictional access network: `demo:`.

    `?still` stops its time, so nothing changes or expires; `?seed=7` makes other data. With a `database` it is another
    connection to a demo that is open already.
    """

    options: ClassVar[tuple[str, ...]] = ("seed", "separator", "still")
    schema: ClassVar[Path | None] = SCHEMA
    messages: ClassVar[Mapping[str, str]] = MESSAGES

    def __init__(
        self,
        address: Address,
        access: Access | None = None,
        *,
        database: Database | None = None,
        revision: Revision | None = None,
    ) -> None:
        self._still = "still" in address.options
        self._is_seeded = database is not None
        self.simulation: Simulation | None = None
        """The simulation, once the store is connected; with `?still` a test runs it step by step."""
        database = database or Database(ManualClock() if self._still else None)
        super().__init__(address, access, database=database, revision=revision)
        try:
            self._random = Random(int(address.option("seed", "1")))  # noqa: S311 - it has to be repeatable, and no secret
        except ValueError as error:
            raise InvalidAddress(
                "the seed of a demo is a whole number", hint="demo:?seed=7", address=address.redacted
            ) from error

    async def connect(self) -> None:
        await super().connect()
        if self._is_seeded:
            self._start_simulation()
            return
        self._is_seeded = True
        for key, value in entries(self._random):
            self.database.put(key, value)
        self.simulation = Simulation(self.database, self._random)
        self._start_simulation()

    def clone(self, *, revision: Revision | None = None) -> "DemoStore":
        other = cast("DemoStore", super().clone(revision=revision))
        other.simulation = self.simulation
        return other

    def _start_simulation(self) -> None:
        """Let time go on, unless another connection does so already."""
        simulation = self.simulation
        if not self._still and simulation is not None and (simulation.task is None or simulation.task.done()):
            simulation.task = self.tasks.start(simulation.run(), name="demo")
