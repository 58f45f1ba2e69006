"""A store behind a proxy that loses the reply to one write, and a store beside it to see what was carried out."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import KeyNotFound
from tests.faults.backends import Backend
from tests.scale import PATIENCE
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually


@dataclass(frozen=True, slots=True)
class LossyLink:
    """`store` is connected through `proxy`, `direct` is not; both are below `path`."""

    backend: Backend
    path: str
    proxy: FaultProxy
    store: Store
    direct: Store

    async def value(self, key: str) -> bytes | None:
        """Return what the server has, None if the key is absent."""
        with suppress(KeyNotFound):
            return (await self.direct.get(key)).value
        return None

    def save_without_reply(self, previous: Entry | None) -> asyncio.Task[Entry]:
        """Start to save `b"after"` as "key"; its reply, and none before it, is lost."""
        self.proxy.drop_replies_to(self.backend.put_marker)
        return asyncio.create_task(self.store.atomic_put("key", b"after", previous))

    async def save_without_connection(self, previous: Entry | None) -> asyncio.Task[Entry]:
        """Start to save `b"after"` as "key" while every connection is reset, and return once it was tried."""
        accepted = self.proxy.accepted
        self.proxy.reset()
        if self.backend.keeps_session:  # until it has noticed, it would send, and could not know what became of it
            await eventually(lambda: self.proxy.accepted > accepted, "the loss is noticed", PATIENCE)
            accepted = self.proxy.accepted
        saving = asyncio.create_task(self.store.atomic_put("key", b"after", previous))
        await eventually(lambda: self.proxy.accepted > accepted, "the save is tried", PATIENCE)
        return saving

    async def carried_out(self, key: str, value: bytes | None) -> None:
        """Wait until the server has a value (None: no such key) and a reply was lost."""

        async def is_done() -> bool:
            return await self.value(key) == value and self.proxy.dropped > 0

        await eventually(is_done, "the write is carried out and its reply lost", PATIENCE)
