"""The demo store: a memory store that starts with believable content and moves by itself."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import ClassVar

from explorer.drivers.memory.clock import ManualClock
from explorer.drivers.memory.database import Database
from explorer.drivers.memory.demo.seed import SCHEMA, entries
from explorer.drivers.memory.demo.simulation import Simulation
from explorer.drivers.memory.demo.values import MESSAGES
from explorer.drivers.memory.store import MemoryStore
from explorer.model.address import Access, Address
from explorer.model.errors import InvalidAddress


class DemoStore(MemoryStore):
    """A made-up access network: `demo:`.

    `?still` stops its time, so that nothing moves and nothing ends; `?seed=7` makes another one. With a `keyspace` it
    is a further connection to a demo that is open already.
    """

    options: ClassVar[tuple[str, ...]] = ("seed", "separator", "still")
    schema: ClassVar[Path | None] = SCHEMA
    messages: ClassVar[Mapping[str, str]] = MESSAGES

    def __init__(self, address: Address, access: Access | None = None, *, keyspace: Database | None = None) -> None:
        self._still = "still" in address.options
        self._begun = keyspace is not None
        self.movement: Simulation | None = None
        """What makes it move, once it is connected; who has stopped its time moves it step by step."""
        super().__init__(address, access, keyspace=keyspace or Database(ManualClock() if self._still else None))
        try:
            # Chance of a kind that can be repeated; nothing here is a secret.
            self._chance = Random(int(address.option("seed", "1")))  # noqa: S311 - a demo is no secret
        except ValueError as error:
            raise InvalidAddress(
                "the seed of a demo is a whole number", hint="write demo:?seed=7", address=address.redacted
            ) from error

    async def connect(self) -> None:
        """Fill the keyspace and let it move."""
        await super().connect()
        if self._begun:
            return
        self._begun = True
        for key, value in entries(self._chance):
            self.keyspace.put(key, value)
        self.movement = Simulation(self.keyspace, self._chance)
        if not self._still:
            self.tasks.start(self.movement.run(), name="demo")
