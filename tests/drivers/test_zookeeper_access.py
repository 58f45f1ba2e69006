"""Users and several servers of ZooKeeper, and the errors of a failed connection."""

import asyncio
import threading
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl

from explorer.drivers.zookeeper import ZooKeeperStore, messages
from explorer.drivers.zookeeper.acl import AclEntry
from explorer.drivers.zookeeper.settings import load
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import (
    BackendNotSupported,
    Forbidden,
    InvalidAddress,
    NotReachable,
    Unauthenticated,
)
from tests.contract.fixtures import WAIT_TIMEOUT
from tests.servers.fixtures import prefix
from tests.servers.processes import free_port
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["prefix"]


async def test_digest_user_reads_its_node_others_are_forbidden(own_zookeeper: ZooKeeperServer) -> None:
    client = KazooClient(own_zookeeper.address)
    await asyncio.to_thread(client.start)
    client.create("/mine", b"value", acl=[make_digest_acl("ann", "secret", all=True)])
    client.stop()
    client.close()
    url = parse(f"zk://{own_zookeeper.address}/")
    async with ZooKeeperStore(url, Access(user="ann", password=Secret("secret"))) as store:
        assert (await store.get("mine")).value == b"value"
        await store.put("mine", b"edited")
    for access in (Access(), Access(user="ann", password=Secret("wrong"))):
        async with ZooKeeperStore(url, access) as store:
            with pytest.raises(Forbidden):
                await store.get("mine")
            with pytest.raises(Forbidden):
                await store.put("mine", b"stolen")
            assert await store.exists("mine")


async def test_path_of_the_address_is_a_chroot(shared_zookeeper: ZooKeeperServer, prefix: str) -> None:
    async with ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}{prefix}config"), Access()) as store:
        await store.put("key", b"value")
    async with ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}"), Access()) as store:
        assert (await store.get(f"{prefix.strip('/')}/config/key")).value == b"value"
        assert "zookeeper" in [child.name for child in (await store.children("")).items]


async def test_delete_tree_of_the_root_keeps_zookeepers_nodes(own_zookeeper: ZooKeeperServer) -> None:
    async with ZooKeeperStore(parse(f"zk://{own_zookeeper.address}"), Access()) as store:
        await store.put("a/b", b"value")
        assert await store.delete_tree("") == 2
        assert [child.name for child in (await store.children("")).items] == ["zookeeper"]


async def test_closed_port_is_not_reachable_at_once() -> None:
    """A refused connection is reported long before the request timeout."""
    with pytest.raises(NotReachable, match="refused"):
        async with (
            asyncio.timeout(WAIT_TIMEOUT),
            ZooKeeperStore(parse(f"zk://127.0.0.1:{free_port()}/"), Access(timeout=60)),
        ):
            pass


async def test_server_that_is_down_is_passed_over(shared_zookeeper: ZooKeeperServer, prefix: str) -> None:
    """Another server is used, and the status names the one that is down."""
    url = f"zk://127.0.0.1:{free_port()},{shared_zookeeper.address}{prefix}"
    async with ZooKeeperStore(parse(url), Access()) as store:
        await store.put("key", b"value")
        assert any("refused" in complaint for complaint in (await store.status()).complaints)


@pytest.mark.parametrize(
    "url",
    [
        "zk://h/?session=0",
        "zk://h/?session=x",
        "zk://h/?admin=0",
        "zk://h/?sasl=PLAIN",
        "zk://h/?what=1",
        "zk://h/a//b",
    ],
)
def test_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidAddress):
        ZooKeeperStore(parse(url), Access())


def test_password_of_the_url_is_for_its_user_only() -> None:
    url = parse("zk://me:secret@h/")
    assert load(url, Access()).access.password is not None
    found = load(url, Access(user="you")).access
    assert (found.user, found.password) == ("you", None)


JAAS = """Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required user_ann="secret";
};
"""


@pytest.mark.servers
async def test_sasl_user_is_authenticated(tmp_path: Path) -> None:
    """A SASL user owns its node; no user is forbidden, and a wrong password is refused."""
    jaas = tmp_path / "jaas.conf"
    jaas.write_text(JAAS)
    with ZooKeeperServer(
        settings={"authProvider.1": "org.apache.zookeeper.server.auth.SASLAuthenticationProvider"},
        java=(f"-Djava.security.auth.login.config={jaas}",),
    ) as server:
        url = parse(f"zk://{server.address}/?sasl=digest-md5&timeout=5")
        async with ZooKeeperStore(url, Access(user="ann", password=Secret("secret"))) as store:
            mine = (AclEntry(31, "sasl", "ann"),)
            await store.connection.send(messages.create("/mine", b"value", mine))
            assert (await store.get("mine")).meta["acl"] == "sasl:ann:cdrwa"
            assert (await store.put("mine", b"edited")).version == 1
        async with ZooKeeperStore(parse(f"zk://{server.address}/"), Access()) as store:
            with pytest.raises(Forbidden):
                await store.get("mine")
        stranger = ZooKeeperStore(url, Access(user="ann", password=Secret("wrong")))
        with pytest.raises(Unauthenticated):
            await stranger.connect()
        await stranger.close()


def test_sasl_without_its_library_has_an_install_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.drivers.zookeeper.settings.find_spec", lambda _: None)
    with pytest.raises(BackendNotSupported) as raised:
        ZooKeeperStore(parse("zk://h/?sasl=digest-md5"), Access())
    assert "pure-sasl" in raised.value.hint


async def test_close_leaves_no_thread(shared_zookeeper: ZooKeeperServer, prefix: str) -> None:
    before = set(threading.enumerate())

    def client_threads() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one not in before and "ZooKeeper" in one.name]

    for _ in range(20):
        async with (
            ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}{prefix}"), Access()) as store,
            store.watch_tree("") as events,
        ):
            await anext(events)
            assert len(client_threads()) <= 1
    await eventually(lambda: not client_threads(), "no thread is left", WAIT_TIMEOUT)
