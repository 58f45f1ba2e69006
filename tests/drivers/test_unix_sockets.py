"""Unix sockets in the URL: Consul, etcd's v2 API and Redis are reached by them; all other drivers refuse them."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

import explorer
from explorer.cli.console import Console
from explorer.cli.exit_codes import error_line
from explorer.cli.verbs.doctor import doctor
from explorer.codecs.options import CodecOptions
from explorer.model.address import Access, parse
from explorer.model.errors import InvalidAddress, NotReachable
from explorer.model.events import Put, Started
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.redis import RedisServer


@asynccontextmanager
async def relay(path: Path, port: int) -> AsyncIterator[None]:
    """A relay from a unix socket to a real server's port."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, downstream), pump(upstream, writer), return_exceptions=True)

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        server.close()


@pytest.mark.servers
@pytest.mark.parametrize("scheme", ["consul", "etcd2", "redis"])
async def test_store_is_reached_by_the_socket_in_its_url(
    request: pytest.FixtureRequest, scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a prefix behind the quoted socket, and without one; reads, saves, watches and the doctor."""
    server: ConsulServer | EtcdServer | RedisServer = request.getfixturevalue(f"shared_{scheme}")
    path, root = tmp_path / "a store.sock", f"socket-{uuid.uuid4().hex[:8]}"
    url = f"{scheme}+unix://{quote(str(path), safe='')}/{root}/"
    async with relay(path, server.port), explorer.open(url) as store:
        assert store.address.redacted == url
        entry = await store.put("key", b"value")
        async with store.watch_tree("") as events:
            assert isinstance(await anext(events), Started)
            await store.atomic_put("key", b"new", entry)
            assert isinstance(await anext(events), Put)
        async with explorer.open(f"{scheme}+unix://{quote(str(path), safe='/')}") as whole:
            assert whole.address.path == ""
            assert (await whole.get(f"{root}{whole.separator}key")).value == b"new"
        console = Console(json=False)
        assert await doctor(explorer.open(url), Access(), CodecOptions(), console) == 0
        console.flush()
    assert "connection" in capsys.readouterr().out
    with pytest.raises(NotReachable, match="cannot connect") as caught:
        async with explorer.open(f"{scheme}+unix://{quote(str(tmp_path / 'none.sock'), safe='')}/"):
            pass
    assert "\n" not in error_line(caught.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("etcd+unix:///run/etcd.sock", "does not support unix sockets"),
        ("zk+unix:///run/zk.sock", "does not support unix sockets"),
        ("memory+unix:///run/x.sock", "does not support unix sockets"),
        ("consul+unix:", "absolute path"),
        ("consul+unix:///", "absolute path"),
        ("consul+unix://host/run/x.sock", "absolute path"),
        ("consul+unix://host:8500", "absolute path"),
        ("consul+unix://%2Frun%2F%0Ax.sock/", "absolute path"),
        ("consul+unix://%2Frun%00/", "absolute path"),
        ("consul+tls+unix:///run/x.sock", "unknown scheme"),
        (f"redis+unix:///run/{'x' * 104}", "too long"),
    ],
)
def test_socket_that_cannot_be_used_is_refused(url: str, reason: str) -> None:
    with pytest.raises(InvalidAddress, match=reason) as caught:
        explorer.open(url)
    assert caught.value.hint
    assert "\n" not in error_line(caught.value)


@pytest.mark.parametrize("scheme", ["consul", "etcd2", "redis"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "no such file"), ("file", "this is no socket"), ("", "this is no socket"), ("dead", "cannot connect")],
)
async def test_path_without_a_server_is_explained(scheme: str, name: str, reason: str, tmp_path: Path) -> None:
    """The path is missing, a file, a folder, or the socket of a server that is gone."""
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(tmp_path / "dead"))
    with pytest.raises(NotReachable, match=reason) as caught:
        async with explorer.open(f"{scheme}+unix://{tmp_path / name}"):
            pass
    assert "is the server running" in caught.value.hint
    assert "\n" not in error_line(caught.value)


def test_socket_is_spelled_as_it_was_given() -> None:
    assert parse("consul+unix:///run/x.sock").redacted == "consul+unix:///run/x.sock"
    assert parse("consul+unix://%2Frun%2Fx.sock//a/").redacted == "consul+unix://%2Frun%2Fx.sock//a/"
    assert parse("consul+unix:///run/x.sock?dc=one").options == {"dc": "one"}
