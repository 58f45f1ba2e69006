"""Fake endpoints that accept connections and never answer, as no real server does on request."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from explorer.model.address import Host
from tests.servers.processes import HOST


@asynccontextmanager
async def silent_host(contacts: list[None] | None = None) -> AsyncGenerator[Host, None]:
    """Serve a port that accepts every connection, reads what comes and never answers.

    Args:
        contacts: A list that grows with each connection.
    """
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        if contacts is not None:
            contacts.append(None)
        await reader.read()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield Host(HOST, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in writers:
            writer.close()
