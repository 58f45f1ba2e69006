"""Log records of drivers: the messages that docs/logging.md lists, without any value."""

import asyncio
import logging

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.drivers.etcd import EtcdStore
from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.model.address import Access, parse
from explorer.model.errors import CannotLock, NotReachable
from tests.drivers.foreign_answers import AnsweringProxy, response
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import own_consul, own_zookeeper, prefix
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["own_consul", "own_zookeeper", "prefix"]

VALUE = b"value-canary-77aa"


@pytest.fixture(autouse=True)
def _debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="explorer")


async def logged(caplog: pytest.LogCaptureFixture, *texts: str) -> None:
    """Wait until each text is in a record; no record has the value in it."""

    def all_are() -> bool:
        messages = caplog.messages
        return all(any(text in message for message in messages) for text in texts)

    await eventually(all_are, f"{texts} in the log", 30.0)
    assert VALUE.decode() not in caplog.text


async def test_lock_states_are_logged(shared_etcd: EtcdServer, prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    async with EtcdStore(parse(f"etcd://{shared_etcd.address}/{prefix}"), Access()) as store:
        first, second = store.lock("jobs", value=VALUE), store.lock("jobs")
        await first.acquire()
        with pytest.raises(CannotLock):
            await second.acquire(0.2)
        await first.put("guarded", VALUE)
        (held,) = await store.locks("jobs")
        assert held.holder
        await logged(caplog, "asked for", "held, fence", "waiting", "not obtained: CannotLock", "fenced put guarded")
        await store.delete(held.holder.key)
        await first.lost.wait()
        await first.release()
        await logged(caplog, f"lock jobs in etcd://{shared_etcd.address}/{prefix}: lost", "jobs in", "released")


async def test_consul_connection_loss_is_logged(own_consul: ConsulServer, caplog: pytest.LogCaptureFixture) -> None:
    async with ConsulStore(parse(f"consul://{own_consul.address}/log/"), Access(timeout=2.0)) as store:
        await store.put("app", VALUE)
        async with store.watch_tree(""):
            own_consul.kill()
            await logged(
                caplog,
                f"connected to {own_consul.address}",
                f"connection to {own_consul.address} lost: ",
                "watch of all keys: lost: ",
                "next try in",
            )
            await asyncio.to_thread(own_consul.start)
            await logged(caplog, "watch of all keys: restored at revision ")


async def test_zookeeper_connection_loss_is_logged(
    own_zookeeper: ZooKeeperServer, caplog: pytest.LogCaptureFixture
) -> None:
    address = own_zookeeper.address
    async with ZooKeeperStore(parse(f"zk://{address}/?timeout=2"), Access()) as store:
        await store.put("app", VALUE)
        own_zookeeper.kill()
        await logged(caplog, f"zk://{address}/: connected", "connection lost", "no connection: ")
        assert not [one for one in caplog.records if one.name.endswith(".kazoo") and one.levelno < logging.INFO]
        await asyncio.to_thread(own_zookeeper.start)
        await store.get("app")


async def test_answer_that_is_not_the_stores_is_a_warning(
    shared_consul: ConsulServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        AnsweringProxy(shared_consul.address) as proxy,
        ConsulStore(parse(f"consul://{proxy.address}/"), Access(timeout=1.0)) as store,
    ):
        proxy.answer(response("200 OK", b"<html>" + VALUE))
        with pytest.raises(NotReachable):
            await store.get("app")
    await logged(caplog, "the answer is not Consul's API")
    assert any(record.levelno == logging.WARNING for record in caplog.records)
