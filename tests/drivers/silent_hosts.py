"""Fake endpoints that accept connections and never answer, as no real server does on request."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from explorer.model.address import Host
from tests.drivers.fake_server import FakeServer
from tests.servers.processes import HOST


@asynccontextmanager
async def silent_host(contacts: list[None] | None = None) -> AsyncGenerator[Host, None]:
    """Serve a port that accepts every connection, reads what comes and never answers.

    Args:
        contacts: A list that grows with each connection.
    """

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        if contacts is not None:
            contacts.append(None)
        await reader.read()

    async with FakeServer(serve) as server:
        yield Host(HOST, server.port)
