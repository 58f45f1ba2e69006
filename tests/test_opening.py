"""Any number of connections to the store of one URL."""

import asyncio

import pytest

from explorer.drivers.etcd import EtcdStore
from explorer.model.errors import NotReachable
from explorer.opening import opener


async def test_the_connections_to_a_memory_store_share_what_is_in_it() -> None:
    make = opener("memory:")
    async with make() as one, make() as other:
        written = await one.put("key", b"value")
        assert await other.get("key") == written


async def test_the_demo_moves_once_however_many_connections_there_are() -> None:
    make = opener("demo:")
    async with make() as one:
        tasks = len(asyncio.all_tasks())
        async with make() as other:
            assert len(asyncio.all_tasks()) == tasks
            assert await other.prove() == await one.prove()


def test_each_connection_to_a_store_elsewhere_is_one_of_its_own() -> None:
    make = opener("etcd://127.0.0.1:2379/config/")
    one, other = make(), make()
    assert one is not other
    assert isinstance(one, EtcdStore)
    assert isinstance(other, EtcdStore)


async def test_a_closed_store_proves_nothing() -> None:
    make = opener("memory:")
    async with make() as store:
        pass
    with pytest.raises(NotReachable):
        await store.prove()
