"""The plugin: its configuration, what it does without one, and callbacks on connection."""

import asyncio
import logging
from pathlib import Path

import pytest

import explorer
from explorer.broker import BinarySerializer, KvPlugin
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.errors import CallNotSupported, InvalidAddress, NotReachable
from tests.broker.contract import HELLO
from tests.broker.messages import Greetings
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually


def written(folder: Path, text: str) -> Path:
    file = folder / "kv.toml"
    file.write_text(text)
    return file


async def test_plugin_without_a_file_is_disabled(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It says so in the log and in what it raises, and calls nobody."""
    connected: list[str] = []
    caplog.set_level(logging.INFO, "explorer")
    async with KvPlugin(tmp_path / "kv.toml") as plugin:
        await plugin.on_connect(lambda: connected.append("called"))
        assert plugin.disabled
        assert str(plugin) == f"KV store is disabled: {tmp_path / 'kv.toml'} does not exist"
        for make in (plugin.new_broker, plugin.new_watcher):
            with pytest.raises(CallNotSupported, match="KV store is disabled"):
                make("/myplugin/")
    assert any("KV store is disabled" in record.getMessage() for record in caplog.records)
    assert connected == []


async def test_plugin_reads_the_settings_of_a_profile(tmp_path: Path) -> None:
    """Password and path are as in a profile; the name of the plugin has no secret."""
    (tmp_path / "password").touch(0o600)
    (tmp_path / "password").write_text("canary")
    text = 'url = "etcd://host:2379/app/"\nuser = "reader"\npassword_file = "password"\ntimeout = 1.5\n'
    plugin = KvPlugin(written(tmp_path, text))
    assert plugin.store.profile is not None
    assert plugin.store.profile.access.timeout == 1.5
    assert "host:2379/app/" in str(plugin)
    assert "canary" not in str(plugin) + repr(plugin.store.profile)


@pytest.mark.parametrize("text", ["", "url =", 'url = "memory:"\nunknown = 1', 'url = "memory://host/"'])
def test_plugin_with_an_invalid_file_is_an_error(tmp_path: Path, text: str) -> None:
    """A file that is there and wrong does not disable anything in silence."""
    with pytest.raises(InvalidAddress):
        KvPlugin(written(tmp_path, text))


async def test_plugin_calls_back_on_connection(tmp_path: Path) -> None:
    """Callbacks are functions or coroutine functions; one that comes late is called at once."""
    called: list[str] = []

    async def later() -> None:
        called.append("coroutine")

    plugin = KvPlugin(written(tmp_path, 'url = "memory:"'))
    await plugin.on_connect(lambda: called.append("function"))
    await plugin.on_connect(later)
    assert called == []
    async with plugin:
        assert called == ["function", "coroutine"]
        await plugin.on_connect(lambda: called.append("late"))
        assert called[-1] == "late"
        assert not plugin.disabled


async def test_plugin_makes_typed_brokers_and_watchers() -> None:
    """All with its serializer; a store takes the place of a file."""
    changes: list[explorer.ChangeEvent[Greetings]] = []
    async with KvPlugin(MemoryStore(parse("memory:")), serializer=BinarySerializer()) as plugin:
        await plugin.new_watcher("/myplugin", Greetings).watch(changes.append)
        await plugin.new_broker("/myplugin", Greetings).put("hello", HELLO)
        stored = await plugin.new_broker("/myplugin").get_value("hello")
        assert stored.message == HELLO.SerializeToString()
        await eventually(lambda: bool(changes), "the change is reported", 5)
        assert changes[0].message == HELLO


async def test_plugin_fails_if_the_store_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(NotReachable):
        async with KvPlugin(written(tmp_path, 'url = "etcd://127.0.0.1:1/"\ntimeout = 0.2')):
            pass


async def test_plugin_with_delayed_start_connects_later(tmp_path: Path, shared_etcd: EtcdServer) -> None:
    """As cn-infra's allow-delayed-start: on_connect is called when the store is there."""
    connected = asyncio.Event()
    async with FaultProxy(shared_etcd.port) as proxy:
        proxy.reset()
        config = written(tmp_path, f'url = "etcd://{proxy.address}/{tmp_path.name}/"\ntimeout = 0.3')
        async with KvPlugin(config, delayed_start=True) as plugin:
            await plugin.on_connect(connected.set)
            with pytest.raises(NotReachable):
                await plugin.new_broker().get_value("key")
            assert not connected.is_set()
            proxy.heal()
            async with asyncio.timeout(15):
                await connected.wait()
            await plugin.new_broker("/myplugin/", Greetings).put("key", HELLO)
            assert (await plugin.new_broker("/myplugin/", Greetings).get_value("key")).message == HELLO
