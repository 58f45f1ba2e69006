"""A connection to Consul: how its blocking queries end."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from explorer.drivers.common.http import Response
from explorer.drivers.consul import requests, settings
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.request_builder import ApiRequest
from explorer.model.address import Access, Host, parse

Read = TypeVar("Read")


class FakeConsulConnection(ConsulConnection):
    """A connection that sends nothing and answers every request with the same answer, once `answered` is set."""

    def __init__(self, answer: Response) -> None:
        super().__init__(settings.load(parse("consul://127.0.0.1:8500"), Access(), {}))
        self.answered = asyncio.Event()
        self._answer = answer

    async def send(
        self,
        request: ApiRequest[Read],
        *,
        within: float | None = None,
        repeat: bool = True,
        blocking: bool = False,
        at: Host | None = None,
    ) -> Read:
        del within, repeat, blocking, at
        await self.answered.wait()
        return request.read(self._answer)


@pytest.fixture
async def connection() -> AsyncIterator[FakeConsulConnection]:
    connection = FakeConsulConnection(Response(404, {"X-Consul-Index": "7"}, b""))
    yield connection
    await connection.close()


@pytest.mark.parametrize("steps", range(10))
async def test_blocking_query_cancelled_anytime_leaves_no_task(connection: FakeConsulConnection, steps: int) -> None:
    """A cancellation may come in any step of the event loop while an answer is taken in."""
    before = asyncio.all_tasks()
    query = asyncio.create_task(
        connection.blocking_query(lambda index, wait: requests.get_pair("key", index=index, wait=wait), 6, restores=0)
    )
    await asyncio.sleep(0)
    connection.answered.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    query.cancel()
    await asyncio.wait([query])
    assert asyncio.all_tasks() <= before


async def test_blocking_query_returns_none_after_restore(connection: FakeConsulConnection) -> None:
    query = asyncio.create_task(
        connection.blocking_query(lambda index, wait: requests.get_pair("key", index=index, wait=wait), 6, restores=0)
    )
    await asyncio.sleep(0)
    connection.restores.report()
    assert await query is None
