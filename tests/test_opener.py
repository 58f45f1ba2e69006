"""Stores made from URLs and profiles, and further connections to the same store."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

import explorer
from explorer.config import Profile
from explorer.drivers.base import Store
from explorer.drivers.etcd import EtcdStore
from explorer.model.capabilities import Capability
from explorer.model.errors import CallNotSupported, NotReachable
from explorer.opener import opener
from tests.servers.fixtures import shared_consul, shared_etcd2, shared_zookeeper

__all__ = ["shared_consul", "shared_etcd2", "shared_zookeeper"]


async def test_opener_memory_connections_share_the_keys() -> None:
    make = opener("memory:")
    async with make() as one, make() as other:
        written = await one.put("key", b"value")
        assert await other.get("key") == written


async def test_opener_demo_connections_share_one_simulation() -> None:
    make = opener("demo:")
    async with make() as one:
        tasks = len(asyncio.all_tasks())
        async with make() as other:
            assert len(asyncio.all_tasks()) == tasks
            assert await other.ping() == await one.ping()


def test_opener_network_connections_are_separate_stores() -> None:
    make = opener("etcd://127.0.0.1:2379/config/")
    one, other = make(), make()
    assert one is not other
    assert isinstance(one, EtcdStore)
    assert isinstance(other, EtcdStore)


async def test_ping_of_a_closed_store_raises() -> None:
    make = opener("memory:")
    async with make() as store:
        pass
    with pytest.raises(NotReachable):
        await store.ping()


WRITES: Final[Mapping[str, Callable[[Store], Awaitable[object]]]] = {
    "put": lambda store: store.put("a", b""),
    "delete": lambda store: store.delete("a"),
    "atomic_put": lambda store: store.atomic_put("a", b"", None),
    "atomic_delete": lambda store: store.atomic_delete("a", 1),
    "delete_tree": lambda store: store.delete_tree(""),
    "lock": lambda store: store.lock("a").acquire(0),
}


@pytest.fixture
def read_only_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that writes a read-only profile of a URL and returns its name."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def write(url: str) -> str:
        (tmp_path / "keyscope").mkdir()
        (tmp_path / "keyscope" / "config.toml").write_text(f'[profiles.safe]\nurl = "{url}"\nread_only = true\n')
        return "@safe"

    return write


@pytest.mark.servers
@pytest.mark.parametrize("scheme", ["consul", "etcd", "etcd2", "zk", "memory"])
async def test_store_of_read_only_profile_refuses_writes(
    request: pytest.FixtureRequest, read_only_profile: Callable[[str], str], scheme: str
) -> None:
    """Every one of them, before anything is sent, also of connections made later; reading and watching go on."""
    name = {"zk": "zookeeper", "etcd": "etcd2"}.get(scheme, scheme)
    address = "" if scheme == "memory" else f"//{request.getfixturevalue(f'shared_{name}').address}/read-only/"
    async with explorer.open(f"{scheme}:{address}") as writer:
        await writer.put("a", b"value")
        make = opener(read_only_profile(f"{scheme}:{address}"))
        async with make() as first, make() as second:
            for store in (first, second):
                for write in WRITES.values():
                    with pytest.raises(CallNotSupported, match="read-only: its profile says so") as caught:
                        await write(store)
                    assert caught.value.hint
                assert not store.capabilities & (Capability.ATOMIC | Capability.LOCK)
                assert "read-only" in store.unsupported_reasons[Capability.LOCK]
                if scheme != "memory":
                    assert (await store.get("a")).value == b"value"
                    async with store.watch_tree("") as events:
                        await anext(events)
        if scheme != "memory":
            assert (await writer.get("a")).value == b"value"
    assert Capability.ATOMIC in type(writer).capabilities, "the driver itself is as it was"


def test_blocking_store_of_read_only_profile_refuses_writes(read_only_profile: Callable[[str], str]) -> None:
    with (
        explorer.connect(read_only_profile("memory:")) as store,
        pytest.raises(CallNotSupported, match="read-only"),
    ):
        store.put("a", b"value")


def test_opener_of_a_profile_makes_read_only_stores(recwarn: pytest.WarningsRecorder) -> None:
    """Its first store as well as those made later; a warning about the URL is given once."""
    make = opener(Profile("etcd://me:word@127.0.0.1:2379/", read_only=True))
    assert "read-only" in make().unsupported_reasons[Capability.LOCK]
    assert "read-only" in make().unsupported_reasons[Capability.LOCK]
    assert len(recwarn) == 1
