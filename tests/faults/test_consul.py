"""Requests to an idle Consul server."""

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.drivers.consul.connection import ConsulConnection
from explorer.model.address import Access, parse
from tests.servers.consul import ConsulServer

pytestmark = [pytest.mark.faults, pytest.mark.servers]


async def test_watched_tree_costs_an_idle_server_one_query(
    shared_consul: ConsulServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = 0
    blocking_query = ConsulConnection.blocking_query

    async def count(connection: ConsulConnection, *arguments: object, **named: object) -> object:
        nonlocal queries
        queries += 1
        return await blocking_query(connection, *arguments, **named)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(ConsulConnection, "blocking_query", count)
    async with ConsulStore(parse(f"consul://{shared_consul.address}/{path}/"), Access()) as store:
        await store.put("key", b"value")
        async with store.watch_tree("") as events:
            await anext(events)
            for _ in range(50):
                await store.ping()
            assert queries == 1
