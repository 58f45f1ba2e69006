"""TCP servers of tests, in this process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from tests.servers.processes import HOST
from tests.servers.proxy import close_listener

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FakeServer:
    """A TCP server that serves each connection in a task, and ends them all when it is left.

    Args:
        serve: Serves a connection; a subclass may override the method instead.
    """

    def __init__(self, serve: Serve | None = None) -> None:
        self.port = 0
        self._serve = serve
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection, which is closed afterwards."""
        if self._serve is not None:
            await self._serve(reader, writer)

    @property
    def address(self) -> str:
        """Address of the server."""
        return f"{HOST}:{self.port}"

    def cut(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._run, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            await close_listener(self._server)
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()  # also where the client does not read what was sent to it

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served by its own task")
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
